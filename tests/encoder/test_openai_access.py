"""The address and the key of a hosted model: what is refused before a request, and where a key is never sent."""

from __future__ import annotations

import pickle
import traceback

import pytest
from embeddings_server import wants_key

from sphering.config.encoder import EncoderConfig
from sphering.config.load import load
from sphering.encoder import check_encoder, identify, open_encoder
from sphering.errors import ConfigError, ModelError, SpheringError

KEY = "sk-planted-0123456789-abcdefghijkl"


def table(**settings):
    return EncoderConfig.model_validate({"kind": "openai", "model": "letters"} | settings)


def opened(server, **settings):
    config = EncoderConfig.model_validate(server.settings(**settings))
    return open_encoder(identify(config, "native"), config)


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('base_url = "localhost:8080/v1"', "no URL"),
        ('base_url = "ftp://host/v1"', "no URL"),
        ('base_url = "https://"', "no URL"),
        ('base_url = "https://user:swordfish@host/v1"', "a user or a password"),
        ('base_url = "https://host/v1?api-key=swordfish"', "more than an address"),
        ('base_url = "http://localhost:8080/v1/embeddings"', "ends before /embeddings"),
        (f'api_key_env = "{KEY}"', "no name of an environment variable"),
        ("max_length = 100", "max_length needs `tokenizer`"),
        ("retries = -1", "greater than or equal to 0"),
    ],
)
def test_a_table_that_cannot_work_is_refused_and_no_secret_in_it_repeated(tmp_path, line, found):
    file = tmp_path / "sphering.toml"
    file.write_text(f'corpus = "c"\n[source]\npath = "x"\n[encoder]\nkind = "openai"\nmodel = "m"\n{line}\n')
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert found in str(caught.value)
    assert "swordfish" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_models_name_is_no_folder_but_its_tokenizer_is_relative_to_the_file(tmp_path):
    (tmp_path / "letters").mkdir()
    file = tmp_path / "sphering.toml"
    file.write_text(
        'corpus = "c"\n[source]\npath = "x"\n[encoder]\nkind = "openai"\nmodel = "letters"\ntokenizer = "letters"\n'
    )
    config = load(file).encoder
    assert (config.model, config.tokenizer) == ("letters", str(tmp_path / "letters"))


def test_openai_is_not_asked_without_a_key():
    with pytest.raises(ConfigError, match="OPENAI_API_KEY is not set"):
        check_encoder(table())


def test_a_variable_that_is_named_must_be_set():
    with pytest.raises(ConfigError, match="MY_KEY is not set"):
        check_encoder(table(base_url="https://models.example/v1", api_key_env="MY_KEY"))


def test_a_server_of_ones_own_needs_no_key(embeddings_server):
    config = table(base_url="http://models.internal/v1")
    check_encoder(config)
    check_encoder(EncoderConfig.model_validate(config.model_dump(mode="json")))  # as a release carries it
    opened(embeddings_server).encode(["a"])
    assert all("Authorization" not in headers for headers, _ in embeddings_server.requests)


def test_a_key_is_not_sent_unencrypted_to_another_machine(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ConfigError, match=r"unencrypted to models\.internal") as caught:
        check_encoder(table(base_url="http://models.internal/v1"))
    assert KEY not in str(caught.value)
    check_encoder(table(base_url="http://models.internal/v1", api_key_env=""))
    check_encoder(table(base_url="https://models.internal/v1"))
    for here in ("localhost", "127.0.0.1", "[::1]"):
        check_encoder(table(base_url=f"http://{here}:8080/v1"))


@pytest.mark.parametrize("key", ["two words", "clé", "line\nbreak"])
def test_what_is_no_key_is_refused_without_being_repeated(monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigError, match="holds no key") as caught:
        check_encoder(table())
    assert key not in str(caught.value)


def test_a_key_is_sent_as_a_bearer_and_white_space_around_it_left_out(embeddings_server, monkeypatch):
    monkeypatch.setenv("MY_KEY", f" {KEY}\n")
    embeddings_server.always = wants_key(KEY)
    assert len(opened(embeddings_server, api_key_env="MY_KEY").encode(["a"]).vectors) == 1


def test_no_error_and_nothing_that_can_be_printed_holds_the_key(embeddings_server, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    embeddings_server.always = wants_key(KEY + "-another")
    settings = {"api_key_env": "MY_KEY", "truncate_dim": 32}
    encoder = opened(embeddings_server, **settings)
    said = []
    for status in (401, 403, 500):  # this server repeats the header that it was sent
        embeddings_server.always = lambda exchange, status=status: exchange.send(
            status, {"error": {"message": f"bad: {exchange.headers['Authorization']}"}}
        )
        with pytest.raises(SpheringError) as caught:
            encoder.encode(["a"])
        error = caught.value
        frames = traceback.TracebackException.from_exception(error, capture_locals=True)
        said += [str(error), repr(error), pickle.dumps(error).decode("latin-1"), "".join(frames.format())]
    said += [repr(vars(part)) for part in (encoder, encoder._client, encoder._client._http, encoder.identity)]
    assert [text for text in said if KEY in text] == []
    assert any("(the key)" in text for text in said)


def test_no_part_of_a_key_stands_in_an_error_that_is_cut_off_or_in_the_servers_phrase(embeddings_server, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    encoder = opened(embeddings_server, api_key_env="MY_KEY", truncate_dim=32)

    def repeats(exchange):
        exchange.send_response(403, f"no {KEY}")
        words = b'{"error": "' + b"x" * 290 + KEY.encode() + b'"}'
        exchange.send_header("Content-Length", str(len(words)))
        exchange.end_headers()
        exchange.wfile.write(words)

    embeddings_server.always = repeats
    with pytest.raises(SpheringError) as caught:
        encoder.encode(["a"])
    assert KEY[:6] not in str(caught.value)
    assert "403 Forbidden" in str(caught.value)


def test_a_wrong_key_is_a_terminal_error_with_the_variables_name(embeddings_server, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    embeddings_server.always = wants_key("another")
    with pytest.raises(ModelError, match="api_key_env"):
        opened(embeddings_server, api_key_env="MY_KEY")


def test_a_proxy_of_the_environment_is_not_asked_for_a_server_on_this_machine(embeddings_server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert len(opened(embeddings_server).encode(["a"]).vectors) == 1
