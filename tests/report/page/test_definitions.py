"""Each metric of the page leads to its definition, which is that of docs/metrics.md, inside the page."""

from __future__ import annotations

import re
from pathlib import Path

from sphering.gate.names import EVALUATION_METRICS, change_of, release_names
from sphering.report.catalogue import CHANGES, EVALUATION, LABEL_GEOMETRY, SPACE, TEXTS
from sphering.report.page.definitions import as_html, defined, definition_of, definitions

DOCS = Path(__file__).parents[3] / "docs"


def test_every_metric_of_the_catalogue_has_a_definition() -> None:
    assert {*SPACE, *TEXTS, *CHANGES, *LABEL_GEOMETRY} - defined() == set()
    assert {f"evaluation.{name}" for name in EVALUATION} - defined() == set()


def test_a_definition_is_what_the_documentation_says_of_it() -> None:
    row = next(each for section in definitions() for each in section.definitions if "mean_norm" in each.names)
    assert row.title == "<code>mean_norm</code>"
    assert row.parts[0] == ("definition", "R = ‖s‖/n")
    assert row.parts[-1] == ("source", "Mardia &amp; Jupp 2000")
    assert "compare <code>mean_cosine</code> between corpora" in row.parts[1][1]


def test_a_name_is_defined_in_one_place() -> None:
    names = [name for section in definitions() for each in section.definitions for name in each.names]
    assert len(names) == len(set(names))


def test_every_row_of_the_tables_is_there() -> None:
    heads = {"metrics.md": "metric|number|name", "evaluation.md": "number|key"}
    tables = [
        table
        for page, head in heads.items()
        for table in re.findall(
            rf"^\| (?:{head}) \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", (DOCS / page).read_text("utf-8"), re.M
        )
    ]
    rows = sum(len(table.splitlines()) for table in tables)
    assert rows == sum(len(section.definitions) for section in definitions())


def test_a_bar_in_a_formula_is_no_border_of_a_cell() -> None:
    row = next(each for section in definitions() for each in section.definitions if "angle_ks" in each.names)
    assert row.parts[0] == ("definition", "sup |F − F_law|")


def test_what_a_gate_bounds_leads_to_the_metric_that_it_is() -> None:
    assert definition_of("raw.mean_cosine") == "mean_cosine"
    assert definition_of("exports.index.recall_at_10") == "recall_at_10"
    assert definition_of("transformed.mean_cosine_change") == "mean_cosine"
    assert definition_of("documents_change") == "documents_change"
    assert definition_of("who_knows") is None
    assert [name for name in release_names() if definition_of(name) is None] == []


def test_a_number_of_an_evaluation_leads_to_what_it_is_of_an_evaluation() -> None:
    assert definition_of("evaluation.raw.recall_at_10") == "evaluation.recall_at_10"
    assert definition_of("evaluation.pairs.transformed.info_nce.0.05") == "evaluation.info_nce"
    assert definition_of("evaluation.halves.raw.thresholds.0.5784.precision") == "evaluation.thresholds"
    assert definition_of("evaluation.pairs.pairs_change") == "evaluation.pairs.pairs"
    gates = [*EVALUATION_METRICS, *map(change_of, EVALUATION_METRICS)]
    assert [name for name in gates if not (definition_of(name) or "").startswith("evaluation.")] == []


def test_counts_of_an_evaluation_lead_to_what_they_count_and_not_to_the_list_of_gates() -> None:
    defining = {name: section for section in definitions() for each in section.definitions for name in each.names}
    for name in ("evaluation.queries", "evaluation.halves.halves", "evaluation.judgements_missing"):
        assert defining[name].title == "Evaluation: numbers", name
    assert definitions()[0].title == "Directions"


def test_markdown_becomes_html_and_html_becomes_text() -> None:
    assert as_html("**no** `a < b` of [chunk](chunking.md) <i>") == (
        "<strong>no</strong> <code>a &lt; b</code> of chunk &lt;i&gt;"
    )
