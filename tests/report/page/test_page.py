"""report.html: one file, nothing from outside, the verdict first, every word from outside escaped."""

from __future__ import annotations

import base64
import copy
import gzip
import io
import re
from importlib.resources import files
from typing import Any

import pytest

from sphering.config.model import ReportConfig
from sphering.report.catalogue import LABELS, TEXTS
from sphering.report.changes import Base
from sphering.report.numbers import measure
from sphering.report.page.picture import HEIGHT, WIDTH, angle_picture, angle_png
from sphering.report.page.render import render
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform

EVIL = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def report(bank: Snapshot, centred: Transform) -> dict[str, Any]:
    plain = measure(bank, centred, ReportConfig(sample=400))
    base = Base("b" * 16, bank, plain)
    evaluation = {
        "raw": {
            "recall_at_10": {"value": 0.91, "kind": "exact", "n": 300, "interval": [0.87, 0.94], "over": "queries"}
        },
        "queries": 300,
    }
    return measure(bank, centred, ReportConfig(sample=400), base=base, evaluation=evaluation)


def gate(metric: str, value: float | None, passed: bool, severity: str = "fail", **bounds: float) -> dict[str, Any]:
    return {"metric": metric, "value": value, "min": None, "max": None, "severity": severity, "passed": passed} | bounds


def release(status: str = "published", **fields: Any) -> dict[str, Any]:
    gates = [
        gate("non_finite", 0.0, True, max=0.0),
        gate("recall_at_10", None, True, min=0.9),
        gate("unknown_share", 0.02, False, "warn", max=0.01),
    ]
    export = {"name": "vectors", "format": "npy", "id": "1" * 16, "path": "corpora/x/exports/1", "manifest_sha256": "0"}
    return {
        "id": "a" * 16,
        "run": "20260101T000000Z-00000000",
        "created_at": "2026-01-01T00:00:00Z",
        "transform": "d" * 16,
        "report": "e" * 16,
        "bundle": "f" * 16,
        "base": "b" * 16,
        "exports": [export],
        "gates": gates,
        "status": status,
    } | fields


def plain(page: str) -> str:
    """Return a page without the marks where a name may break."""
    return page.replace("<wbr>", "")


def test_the_page_is_under_a_megabyte_and_names_nothing_outside(report: dict[str, Any]) -> None:
    page = render(report, release())
    assert len(page.encode()) < 1_000_000
    shell = re.sub(r'<script type="text/plain".*?</script>', "", page, flags=re.DOTALL)
    assert not re.findall(r"https?://|@import|url\(", shell)
    assert not re.findall(r"<(?:link|img|iframe|script)[^>]+(?:src|href)", shell)
    assert "default-src 'none'" in shell


def test_the_verdict_stands_first_and_failed_gates_before_passed_ones(report: dict[str, Any]) -> None:
    gates = [gate("zero", 0.0, True, max=0.0), gate("recall_at_10", 0.83, False, min=0.9)]
    page = plain(render(report, release("held", gates=gates)))
    order = ["<h1>Held</h1>", 'id="to-do"', "is 0.83, wanted at least 0.9.", "HNSW64", 'id="gates"', 'id="since"']
    order += ['id="headlines"', 'id="plot-angles"', 'id="plot-spectrum"', 'id="plot-occurrence"', 'id="plot-map"']
    order += ["<details>", 'id="plot-norms"']
    assert [page.index(part) for part in order] == sorted(page.index(part) for part in order)
    table = page[page.index('id="gates"') :]
    assert table.index("<code>recall_at_10</code>") < table.index("<code>zero</code>")
    assert "not a quality score" in page
    assert "Published" in render(report, release())


def test_every_metric_stands_on_the_page_with_its_meaning(report: dict[str, Any]) -> None:
    page = plain(render(report, release()))
    for name in (*report["raw"], *report["transformed"], *report["texts"]):
        assert f"<code>{name}</code>" in page
    evaluation = page[page.index("<summary>Evaluation</summary>") :]
    assert "<code>recall_at_10</code>" in evaluation
    assert "exact, 300 queries; 95 % between 0.870 and 0.940" in page
    assert "What changed since the base" in page
    assert "No document changed. The transform is the same" in page


def test_a_card_has_its_interval_or_says_why_its_number_is_missing(report: dict[str, Any]) -> None:
    some = copy.deepcopy(report)
    some["transformed"]["isoscore"] |= {"value": None, "reason": "all vectors are equal"}
    page = plain(render(some, release()))
    cards = page[page.index('id="headlines"') : page.index('id="plots"')].split("<article>")
    assert re.search(r"transformed: 95 % between −?[\d.e−]+ and ", cards[1])
    assert "transformed: all vectors are equal" in next(card for card in cards if "IsoScore" in card)
    assert "±" not in "".join(cards)
    assert all('href="#define-' in card for card in cards[1:])


def test_the_page_says_that_the_gates_of_the_run_stand_elsewhere(report: dict[str, Any]) -> None:
    page = render(report, release())
    assert "3 gates: 1 warned, 1 passed, 1 not measured" in page
    assert "The run's own gates" in page


def test_the_same_report_gives_the_same_bytes(report: dict[str, Any]) -> None:
    assert render(report, release()) == render(report, release())


def test_text_from_outside_is_escaped(report: dict[str, Any]) -> None:
    page = render(_evil(report), release(run=EVIL, exports=[{"name": EVIL, "format": EVIL, "path": EVIL}]))
    assert "<img src=x" not in page
    assert "document.title='owned'</script>" not in page
    assert "&lt;img src=x" in page


def _evil(report: dict[str, Any]) -> dict[str, Any]:
    bad = copy.deepcopy(report)
    bad["snapshot"]["corpus"] = EVIL
    bad["warnings"] = [{"name": "evil", "metric": None, "sentence": EVIL}]
    bad["evaluation"] = {EVIL: 1.0}
    numbers = {name: report["texts"][name] for name in LABELS}
    bad["labels"] = {EVIL: [{"of": "label", "label": EVIL, **numbers}]}
    return bad


def test_each_column_of_labels_has_a_table(report: dict[str, Any]) -> None:
    numbers = {name: report["texts"][name] for name in LABELS}
    numbers["unknown_share"] = {"value": 0.377, "kind": "exact", "n": 1000, "over": "tokens"}
    numbers["tokens_per_character"] = {
        "value": None,
        "reason": "no text is kept",
        "kind": "exact",
        "over": "characters",
    }
    lines = [
        {"of": "label", "label": "vi", **numbers},
        {"of": "others", "label": None, "labels": 57, **numbers},
        {"of": "missing", "label": None, **numbers},
    ]
    page = render({**report, "labels": {"lang": lines}}, release())
    table = page[page.index("Texts by <code>lang</code>") :]
    assert [name in table for name in ("<td>vi</td>", "<td>57 other labels</td>", "<td>no label</td>")] == [True] * 3
    assert table.count("37.7 %") == 3
    assert f"{TEXTS['tokens_per_character'].title}: no text is kept." in table


def test_a_report_from_before_labels_were_measured_still_renders(report: dict[str, Any]) -> None:
    old = {name: part for name, part in report.items() if name != "labels"}
    old["texts"] = {name: entry for name, entry in report["texts"].items() if not name.startswith("tokens_")}
    assert "Texts by" not in render(old, release())


def test_a_report_without_pairs_or_spectrum_still_renders(report: dict[str, Any]) -> None:
    bare = copy.deepcopy(report)
    bare["spectrum"] = {"raw": None, "transformed": None}
    bare["norms"]["raw"] = None
    bare["k_occurrence"] = {"raw": None, "transformed": None}
    bare["map"] = {**bare["map"], "raw": None, "transformed": None}
    for space in ("raw", "transformed"):
        bare["angles"][space]["counts"] = [0] * 400
        bare[space] = {
            name: {"value": None, "reason": "none", "kind": "exact", "n": 0, "over": "texts"} for name in bare[space]
        }
    page = render(bare, release())
    assert 'id="plot-' not in page
    assert angle_png(bare).startswith(b"\x89PNG")


def test_the_vendored_bundle_is_of_the_version_that_plotly_carries() -> None:
    from plotly.offline import get_plotlyjs_version

    folder = files("sphering.report.page") / "vendor"
    head = (folder / "plotly-basic.min.js").read_text(encoding="utf-8")[:200]
    assert f"plotly.js (basic - minified) v{get_plotlyjs_version()}" in head
    assert "MIT License" in (folder / "LICENSE.plotly.js").read_text(encoding="utf-8")


def test_the_page_carries_the_whole_bundle(report: dict[str, Any]) -> None:
    packed = re.search(r'id="plotly">([^<]+)<', render(report, release()))
    assert packed is not None
    vendored = (files("sphering.report.page") / "vendor" / "plotly-basic.min.js").read_bytes()
    assert gzip.decompress(base64.b64decode(packed[1])) == vendored


def test_the_picture_is_a_png_with_both_curves(report: dict[str, Any]) -> None:
    from PIL import Image

    from sphering.report.page.palette import RAW, TRANSFORMED

    image = Image.open(io.BytesIO(angle_png(report))).convert("RGB")
    assert image.size == (WIDTH, HEIGHT)
    seen = {colour for _, colour in image.getcolors(1 << 20) or []}
    for wanted in (RAW, TRANSFORMED):
        target = [int(wanted[at : at + 2], 16) for at in (1, 3, 5)]
        assert min(max(abs(a - b) for a, b in zip(colour, target, strict=True)) for colour in seen) < 24
    assert angle_picture(report).startswith("data:image/png;base64,")
    assert len(angle_picture(report)) < 60_000
