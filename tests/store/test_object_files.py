"""What is peculiar to object stores: places, refusals, lost answers, and what a message may say."""

import http.client
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from object_store import SECRET

from sphering.config.load import load
from sphering.config.paths import is_remote
from sphering.errors import (
    ConfigError,
    ExtraMissingError,
    FormatError,
    InputError,
    NotFoundError,
    StorageError,
    StoreLostError,
)
from sphering.store.bucket import _client
from sphering.store.opening import open_files
from sphering.store.store import Store


class Between(ThreadingHTTPServer):
    """A server between the client and the object store, which drops conditions or answers."""

    def __init__(self, behind):
        super().__init__(("127.0.0.1", 0), _Passing)
        self.behind = behind
        self.drops_conditions = False
        self.answers_to_lose = 0

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _pass(self):
        headers = dict(self.headers)
        if self.server.drops_conditions:
            headers.pop("If-None-Match", None)
        body = self.rfile.read(int(headers.get("Content-Length", 0)))
        link = http.client.HTTPConnection("127.0.0.1", self.server.behind)
        link.request(self.command, self.path, body=body, headers=headers)
        answer = link.getresponse()
        content = answer.read()
        if self.command == "PUT" and self.server.answers_to_lose:
            self.server.answers_to_lose -= 1
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass  # noqa: N815 - as http.server calls them

    def log_message(self, *words):
        pass


@pytest.fixture
def between(s3, monkeypatch):
    server = Between(s3.port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    yield server
    server.shutdown()
    server.server_close()


def test_a_store_that_replaces_what_is_there_is_refused_unless_one_process_alone_writes(s3, between):
    url = f"{s3.bucket()}/store"
    between.drops_conditions = True
    with pytest.raises(StorageError, match="replaces what is there") as refused:
        Store.create(url)
    assert "single_writer" in str(refused.value)
    assert open_files(url).walk("") == []
    Store.create(url, single_writer=True)
    files = Store.open(url).files
    assert files.create("a", b"first")
    assert not files.create("a", b"second")
    assert files.read("a") == b"first"


def test_a_put_whose_answer_is_lost_knows_its_own_object(s3, between):
    files = open_files(f"{s3.bucket()}/store")
    between.answers_to_lose = 1
    assert files.create("refs/main/latest/00000001.json", b"mine")
    assert between.answers_to_lose == 0
    assert not files.create("refs/main/latest/00000001.json", b"theirs")


def test_a_prefix_that_holds_something_else_is_refused(s3):
    url = f"{s3.bucket()}/store"
    open_files(url).create("notes.txt", b"")
    with pytest.raises(FormatError, match="is there and is no store"):
        Store.create(url)
    with pytest.raises(NotFoundError, match="there is no store at s3://"):
        Store.open(url)


def test_a_bucket_alone_holds_a_store(s3):
    url = s3.bucket()
    assert Store.create(f"{url}/").corpora() == Store.open(url).corpora() == []
    assert open_files(url).walk("") == ["store.json"]


def test_a_missing_bucket_a_lost_server_and_missing_credentials_are_told_apart(s3, monkeypatch, tmp_path):
    with pytest.raises(StorageError, match="does not have it") as missing:
        Store.create("s3://nobody-made-this/store")
    assert "create the bucket" in missing.value.remedy
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StorageError, match="no credentials") as unknown:
        Store.create("s3://nobody-made-this/store")
    assert "AWS_PROFILE" in unknown.value.remedy
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreLostError, match="does not answer") as lost:
        Store.create("s3://nobody-made-this/store")
    assert SECRET not in f"{missing.value}{unknown.value}{lost.value}"


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///prefix", f"s3://key:{SECRET}@bucket/prefix", "s3://bucket/../up", "s3://bucket/a?b"]
)
def test_a_url_with_more_or_less_than_bucket_and_prefix_is_refused_and_not_repeated(url):
    with pytest.raises(InputError, match="the URL of the store") as refused:
        Store.create(url)
    assert SECRET not in str(refused.value)


def test_the_store_of_a_configuration_may_be_a_url_of_s3_alone(tmp_path):
    file = tmp_path / "sphering.toml"
    table = '\n[source]\npath = "a.csv"\n'
    file.write_text('corpus = "a"\nstore = "s3://bucket/prefix"' + table)
    assert load(file).store == "s3://bucket/prefix"
    assert is_remote(load(file).store)
    file.write_text(f'corpus = "a"\nstore = "ftp://me:{SECRET}@host/x"' + table)
    with pytest.raises(ConfigError, match="a URL with a user or a password") as refused:
        load(file)
    assert SECRET not in str(refused.value)
    file.write_text('corpus = "a"\nstore = "ftp://host/x"' + table)
    with pytest.raises(ConfigError, match="unknown kind"):
        load(file)


def test_a_missing_client_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    _client.cache_clear()
    with pytest.raises(ExtraMissingError, match=r"sphering\[s3\]"):
        open_files("s3://bucket/prefix")


def test_a_full_disk_of_this_machine_is_no_lost_object_store(s3, small_disk, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(small_disk.root))
    files = open_files(f"{s3.bucket()}/store")
    files.create("large", b"x" * (1 << 20))
    small_disk.leave(100 * 1024)
    with pytest.raises(StorageError, match="No space left") as full:
        files.path("large")
    assert "free" in full.value.remedy
    small_disk.relieve()
    assert files.path("large").stat().st_size == 1 << 20
