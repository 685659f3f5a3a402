"""Every example's configuration is whole, and the mistakes that examples show raise the warnings that they promise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from sphering.config.load import load

EXAMPLES = Path(__file__).parents[2] / "examples"
CONFIGS = sorted(EXAMPLES.glob("*/*.toml"))


def _command(config: Path, store: Path, *settings: str) -> tuple[list[str], dict[str, str]]:
    """Return the command that runs an example into a store of its own, and its environment."""
    command = [str(Path(sys.executable).parent / "sphering"), "run", "--config", str(config), "--json"]
    for setting in (f"store={store}", *settings):
        command += ["--set", setting]
    return command, {**os.environ, "PREFECT_HOME": str(store.parent / "prefect")}


def _run(config: Path, store: Path, *settings: str) -> tuple[dict, dict]:
    """Run an example; return the result and the report's numbers."""
    command, environment = _command(config, store, *settings)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    release = json.loads((store / result["report"]).with_name("release.json").read_text(encoding="utf-8"))
    numbers = store / "corpora" / load(config).corpus / "reports" / release["report"] / "report.json"
    return result, json.loads(numbers.read_text(encoding="utf-8"))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_example_is_whole(config):
    loaded = load(config)
    paths = [loaded.source.path] if isinstance(loaded.source.path, str) else list(loaded.source.path or ())
    if loaded.evaluation:
        paths += [loaded.evaluation.queries, loaded.evaluation.qrels]
    assert paths
    assert [path for path in paths if not Path(path).is_file()] == []


def test_banking77_has_13083_questions_with_77_intents():
    rows = pl.read_parquet(EXAMPLES / "banking77" / "banking77.parquet")
    assert (rows.height, rows["id"].n_unique(), rows["text"].n_unique(), rows["category"].n_unique()) == (
        13_083,
        13_083,
        13_083,
        77,
    )


def test_every_judgement_of_xquad_names_a_question_and_a_paragraph():
    folder = EXAMPLES / "xquad"
    qrels = pl.read_parquet(folder / "qrels.parquet")
    questions, paragraphs = (
        set(pl.read_parquet(folder / f"{name}.parquet")["id"]) for name in ("questions", "paragraphs")
    )
    assert set(qrels["query_id"]) == questions
    assert set(qrels["doc_id"]) == paragraphs


def test_the_english_model_on_vietnamese_text_raises_the_unknown_token_and_equal_vector_warnings(tmp_path):
    result, report = _run(EXAMPLES / "libreoffice_help" / "english-model.toml", tmp_path / "store")
    assert result["documents"] == 1_041
    warned = {warning["name"] for warning in report["warnings"]}
    assert {"unknown_tokens", "equal_vectors"} <= warned
    assert report["texts"]["equal_vector_texts"]["value"] == 22
    gate = next(gate for gate in result["gates"] if gate["metric"] == "unknown_share")
    assert (gate["severity"], gate["passed"]) == ("warn", False)


def test_a_multilingual_model_tells_the_same_vietnamese_terms_apart(tmp_path):
    folder = EXAMPLES / "libreoffice_help"
    result, report = _run(folder / "sphering.toml", tmp_path / "store", f"source.path={folder / 'terms-vi.parquet'}")
    assert result["documents"] == 921
    assert "equal_vectors" not in {warning["name"] for warning in report["warnings"]}


def test_xquads_judgements_are_measured_raw_and_transformed(tmp_path):
    result, report = _run(EXAMPLES / "xquad" / "english-model.toml", tmp_path / "store")
    assert result["documents"] == 480
    measured = report["evaluation"]
    assert (measured["queries"], measured["queries_left_out"], measured["judgements_missing"]) == (480, 0, 0)
    for space in ("raw", "transformed"):
        values = {name: measured[space][name]["value"] for name in ("ndcg_at_10", "recall_at_10", "mrr_at_10")}
        assert all(0 < value < 1 for value in values.values()), (space, values)


# A child of a large process counts that process' memory as its own peak, so a small one starts and measures it.
PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=sys.stderr)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_a_run_over_2000_questions_peaks_below_2_gib_of_memory(tmp_path):
    rows = tmp_path / "questions.parquet"
    pl.read_parquet(EXAMPLES / "banking77" / "banking77.parquet").head(2_000).write_parquet(rows)
    command, environment = _command(EXAMPLES / "banking77" / "sphering.toml", tmp_path / "store", f"source.path={rows}")
    measuring = [sys.executable, "-c", PEAK, *command]
    done = subprocess.run(measuring, env=environment, capture_output=True, text=True, check=True)
    code, kibibytes = map(int, done.stdout.split())
    assert code == 0, done.stderr
    assert kibibytes < 2 << 20
