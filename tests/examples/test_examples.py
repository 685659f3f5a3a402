"""Every example's configuration is whole, and the mistakes that examples show raise the warnings that they promise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from sphering.config.load import load

pytestmark = pytest.mark.command

EXAMPLES = Path(__file__).parents[2] / "examples"
LIBREOFFICE = EXAMPLES / "libreoffice_help"
TERMS = f"source.path={LIBREOFFICE / 'terms-vi.parquet'}"
CONFIGS = sorted(EXAMPLES.glob("*/*.toml"))


# A child of a large process counts that process' memory as its own peak, so a small one starts and measures it.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


@dataclass(frozen=True)
class Ran:
    """What a run of an example came to: its result, the report's numbers, and its peak memory in KiB."""

    result: dict
    report: dict
    peak: int


@pytest.fixture
def run(tmp_path, prefect_api):
    """Run an example into a store of its own."""

    def ran(config: Path, *settings: str) -> Ran:
        store, peak = tmp_path / "store", tmp_path / "peak"
        command = [str(Path(sys.executable).parent / "sphering"), "run", "--config", str(config), "--json"]
        for setting in (f"store={store}", *settings):
            command += ["--set", setting]
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, str(peak), *command],
            env={**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_API_URL": prefect_api},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        result = json.loads(done.stdout)
        release = json.loads((store / result["report"]).with_name("release.json").read_text(encoding="utf-8"))
        numbers = store / "corpora" / load(config).corpus / "reports" / release["report"] / "report.json"
        return Ran(result, json.loads(numbers.read_text(encoding="utf-8")), int(peak.read_text()))

    return ran


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


def test_the_english_model_on_vietnamese_terms_warns_of_unknown_tokens_in_vietnamese_and_of_equal_vectors(run):
    ran = run(LIBREOFFICE / "english-model.toml", TERMS)
    assert ran.result["documents"] == 921
    warned = {warning["name"]: warning["sentence"] for warning in ran.report["warnings"]}
    assert {"unknown_tokens", "equal_vectors"} <= set(warned)
    assert "in texts that are probably Vietnamese" in warned["unknown_tokens"]
    assert [line["label"] for line in ran.report["labels"]["module"]] == ["term"]
    assert ran.report["texts"]["equal_vector_texts"]["value"] == 22
    gate = next(gate for gate in ran.result["gates"] if gate["metric"] == "unknown_share")
    assert (gate["severity"], gate["passed"]) == ("warn", False)
    assert ran.peak < 2 << 20


def test_a_multilingual_model_tells_the_same_vietnamese_terms_apart(run):
    ran = run(LIBREOFFICE / "sphering.toml", TERMS)
    assert ran.result["documents"] == 921
    warned = {warning["name"] for warning in ran.report["warnings"]}
    assert warned.isdisjoint({"equal_vectors", "label_equal_vectors", "label_tokens_per_character"})


def test_xquads_judgements_are_measured_raw_and_transformed(run):
    # The paragraphs' beginnings take a tenth of the time of the whole.
    ran = run(EXAMPLES / "xquad" / "english-model.toml", "encoder.max_length=24")
    assert ran.result["documents"] == 480
    measured = ran.report["evaluation"]
    assert (measured["queries"], measured["queries_left_out"], measured["judgements_missing"]) == (480, 0, 0)
    for space in ("raw", "transformed"):
        values = {name: measured[space][name]["value"] for name in ("ndcg_at_10", "recall_at_10", "mrr_at_10")}
        assert all(0 < value < 1 for value in values.values()), (space, values)
