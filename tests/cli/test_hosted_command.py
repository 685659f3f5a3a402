"""The command with a hosted model, as a person types it: it works, and its key is written nowhere."""

import pytest
from embeddings_server import says, wants_key

pytestmark = pytest.mark.command
KEY = "sk-planted-5555555555-commandline"


@pytest.fixture
def hosted(write_corpus, embeddings_server, tmp_path):
    settings = embeddings_server.settings(api_key_env="MY_KEY", price_per_million_tokens=1000.0)
    lines = "".join(
        f'{key} = "{value}"\n' if isinstance(value, str) else f"{key} = {value}\n" for key, value in settings.items()
    )
    write_corpus(tmp_path, f"[encoder]\n{lines}")
    embeddings_server.always = wants_key(KEY)
    return tmp_path


def files_with(text, folder):
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_plan_run_doctor_and_search_work_and_the_key_stays_in_the_environment(sphering, hosted, embeddings_server):
    # A server and a database of its own, whose logs and results lie in this folder too.
    environment = {"MY_KEY": KEY, "PREFECT_HOME": str(hosted / "prefect"), "PREFECT_API_URL": None}
    outcomes = [sphering("plan", "--json", cwd=hosted, **environment)]
    assert (outcomes[-1].json["encode"], outcomes[-1].json["billed_tokens"]) == (3, 15)
    outcomes.append(sphering("-vv", "run", cwd=hosted, **environment))
    assert outcomes[-1].code == 0, outcomes[-1].err
    assert "billed" in outcomes[-1].out
    assert "15 tokens, cost 0.0150" in outcomes[-1].out
    outcomes.append(sphering("search", "document number 2", "-k", "1", "--json", cwd=hosted, **environment))
    assert outcomes[-1].json["hits"][0]["text"] == "document number 2"
    outcomes.append(sphering("doctor", "--json", cwd=hosted, **environment))
    assert "letters" in outcomes[-1].out
    with (hosted / "rows.jsonl").open("a") as rows:
        rows.write('{"id": "9", "text": "another text"}\n')
    embeddings_server.always = lambda exchange: says(403, f"refused: {exchange.headers['Authorization']}")(exchange)
    outcomes.append(sphering("-vv", "run", cwd=hosted, **environment))
    assert outcomes[-1].code == 2
    assert "403 Forbidden: refused: Bearer (the key)" in outcomes[-1].err
    assert files_with("MY_KEY", hosted)
    assert files_with(KEY, hosted) == []
    assert [outcome for outcome in outcomes if KEY in outcome.out + outcome.err] == []


def test_a_missing_key_is_said_at_once(sphering, hosted, embeddings_server):
    outcome = sphering("run", cwd=hosted, MY_KEY=None)
    assert outcome.code == 2
    assert "the environment variable MY_KEY is not set" in outcome.err
    assert embeddings_server.requests == []
