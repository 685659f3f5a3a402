"""Secrets are planted wherever a run takes some from; everything that was written is read through for them."""

import os
import sqlite3

import pytest
from embeddings_server import says, wants_key
from object_store import SECRET as AWS_SECRET

pytestmark = pytest.mark.command
KEY, WEBHOOK, PASSWORD = "sk-planted-7777777777", "T0PLANTEDTOKEN", "pass-planted-8888"


@pytest.fixture
def night(write_corpus, embeddings_server, listener, s3, tmp_path):
    """A corpus with a hosted model, in an object store, whose end a webhook is told: three secrets at once."""
    lines = "".join(
        f'{key} = "{value}"\n' if isinstance(value, str) else f"{key} = {value}\n"
        for key, value in embeddings_server.settings(api_key_env="MY_KEY").items()
    )
    tables = f'[encoder]\n{lines}[notify]\nurl_env = "MY_HOOK"\n[metrics]\nfile = "metrics.prom"\n'
    file = write_corpus(tmp_path, tables)
    file.write_text(f'store = "{s3.bucket()}/store"\n{file.read_text()}')
    embeddings_server.always = wants_key(KEY)
    return tmp_path


def objects(s3):
    client = s3.client()
    for bucket in client.list_buckets()["Buckets"]:
        for found in client.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ()):
            yield found["Key"], client.get_object(Bucket=bucket["Name"], Key=found["Key"])["Body"].read()


def everything(folder, s3):
    """Yield all that was written under a folder and into the object store, the rows of Prefect's database among it."""
    yield from ((str(path), path.read_bytes()) for path in folder.rglob("*") if path.is_file())
    yield from objects(s3)
    for path in folder.rglob("prefect.db"):
        with sqlite3.connect(path) as database:
            yield f"{path} as text", "\n".join(database.iterdump()).encode()


def test_no_secret_stands_in_anything_that_a_night_a_failed_one_and_the_commands_around_write(
    sphering, night, embeddings_server, listener, s3
):
    environment = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "XDG_"))} | {
        "MY_KEY": KEY,
        "MY_HOOK": f"http://127.0.0.1:{listener.server_port}/services/{WEBHOOK}",
        "PREFECT_HOME": str(night / "prefect"),
        "PREFECT_API_URL": None,
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{night}/prefect.db",
        "TMPDIR": str(night),
    }

    def said(*arguments, code=0):
        outcome = sphering("-vv", *arguments, cwd=night, **environment)
        assert outcome.code == code, outcome.err
        return outcome.out + outcome.err

    words = [said("plan"), said("run"), said("report"), said("show", "published"), said("doctor")]
    assert [post["status"] for post in listener.posts] == ["published"]
    assert listener.posts[0]["url"] is None  # the private server and its pages are gone
    listener.answers = [404]
    with (night / "rows.jsonl").open("a") as rows:
        rows.write('{"id": "9", "text": "another text"}\n')
    embeddings_server.always = lambda exchange: says(403, f"refused: {exchange.headers['Authorization']}")(exchange)
    words.append(said("run", code=2))
    assert "no notice was sent to the address in MY_HOOK" in words[-1]
    (night / "words").write_text("\n".join(words))
    written = dict(everything(night, s3))
    assert len([name for name in written if "corpora/small" in name]) > 10
    assert any(b"published: small" in data for name, data in written.items() if name.endswith("prefect.db as text"))
    for secret in (KEY, WEBHOOK, AWS_SECRET):
        assert [name for name, data in written.items() if secret.encode() in data] == []
    assert [post for post in listener.posts if any(one in str(post) for one in (KEY, WEBHOOK, AWS_SECRET))] == []


@pytest.mark.parametrize(
    "tables",
    [
        f'store = "s3://me:{PASSWORD}@bucket/prefix"\n[source]\npath = "rows.jsonl"\n',
        f'store = "https://me:{PASSWORD}@host/x"\n[source]\npath = "rows.jsonl"\n',
        f'[source]\npath = "ftp://me:{PASSWORD}@host/x.jsonl"\n',
        f'[source]\npath = ["a", "ftp://me:{PASSWORD}@host/x.jsonl"]\n',
        f"[source]\nsql = \"SELECT * FROM 'https://me:{PASSWORD}@host/x.parquet'\"\n",
        f'[source]\npath = "x"\n[encoder]\nkind = "openai"\nmodel = "m"\nbase_url = "https://me:{PASSWORD}@host/v1"\n',
        f'[source]\npath = "x"\n[encoder]\nkind = "openai"\nmodel = "m"\napi_key_env = "sk {PASSWORD}"\n',
        f'[source]\npath = "x"\n[encoder]\nkind = "openai"\nmodel = "m"\napi_key = "{PASSWORD}"\n',
        f'[source]\npath = "x"\n[notify]\nurl_env = "https://hooks.example/{PASSWORD}"\n',
        f'[source]\npath = "x"\n[notify]\nurl = "https://hooks.example/{PASSWORD}"\n',
    ],
)
@pytest.mark.parametrize("command", ["plan", "doctor", "run"])
def test_a_secret_in_the_file_is_refused_without_being_said_or_written(tmp_path, command, tables):
    from typer.testing import CliRunner

    from sphering.cli.app import app

    file = tmp_path / "sphering.toml"
    file.write_text(f'corpus = "small"\n{tables}')
    outcome = CliRunner().invoke(app, ["-vv", command, "--config", str(file)])
    assert outcome.exit_code == 2
    assert PASSWORD not in outcome.output + outcome.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["sphering.toml"]
