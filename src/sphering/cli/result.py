"""What came of a run, as a person reads it."""

from __future__ import annotations

import math
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphering.cli.exports import print_exports
from sphering.cli.gates import bounds, summary, verdict
from sphering.cli.terminal import print_line, print_pairs

if TYPE_CHECKING:
    from sphering.config.model import Config
    from sphering.store.corpus import CorpusStore

_NAME = "sphering"
_STANDS = {"unchanged": "unchanged", "held": "unchanged and held"}
_QUESTION_LENGTH = 60


def print_result(result: Mapping[str, Any], config: Config, file: Path | None) -> None:
    """Print a run's result: one line where nothing changed."""
    from sphering.run.encoder_change import change_words
    from sphering.run.probe import mixed_bits

    if _changed_nothing(result, config):
        print_line("; ".join((_unchanged(result, config), *unpassed(result))))
        return
    print_line(_headline(result, config))
    if result.get("encoder_change"):
        print_line(f"  {change_words(result['encoder_change'])}")
    print_pairs(_facts(result, config))
    for line in (*unpassed(result), mixed_bits(result.get("probe"))):
        if line:
            print_line(f"  {line}")
    for sentence in _warnings(result, config):
        print_line(f"  warning: {sentence}")
    corpus = _corpus(config)
    if result.get("quarantined"):
        quarantine = corpus.layout.quarantine(result["run"])
        print_line(f"  quarantined rows, with their reasons: {_place(corpus, quarantine)}")
    print_exports(result["exports"], [_place(corpus, entry["path"]) for entry in result["exports"]])
    if result.get("report"):
        print_line(f"  report: {_place(corpus, result['report'])}")
    if result.get("release"):
        print_line(f"  try:    {_search_line(result, config, file)}")


def _changed_nothing(result: Mapping[str, Any], config: Config) -> bool:
    """Return whether a run ended in what an earlier one made, published or held."""
    if result.get("release_status") != "held" or not result.get("release"):
        return bool(result.get("release_status") == "unchanged")
    return bool(_corpus(config).release(result["release"]).run != result["run"])


def _unchanged(result: Mapping[str, Any], config: Config) -> str:
    return (
        f"{config.corpus}: {_STANDS[result['release_status']]}, "
        f"release {result['release']}, snapshot {result['snapshot']}: "
        f"{result['documents']:,} documents, {result['encoded']:,} encoded, {result['seconds']:.1f} s"
    )


def unpassed(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each gate that did not pass, and one for what a rollback left."""
    from sphering.report.wording import judged

    if result.get("release_status") == "withdrawn":
        yield "a rollback left this release: `published` stays; `sphering publish` takes a new one"
    for gate in result["gates"]:
        if not gate["passed"]:
            failed = f"gate {verdict(gate)}: {gate['metric']} = {judged(gate)}, wanted {bounds(gate)}"
            yield "; ".join(filter(None, (failed, _recall_advice(gate, result.get("exports") or ()))))


def _recall_advice(gate: Mapping[str, Any], exports: Sequence[Mapping[str, Any]]) -> str:
    """Return what to do about the recall of an export; empty where a gate is on something else."""
    metric = gate["metric"]
    found = {entry["name"]: entry["recall_at_10"] for entry in exports if entry.get("recall_at_10")}
    if metric == "recall_at_10":
        values = {name: recall["value"] for name, recall in found.items() if recall["value"] is not None}
        name = min(values, key=values.__getitem__, default=None)
        metric = f"exports.{name}.recall_at_10" if name else ""
    name, _, of = metric.removeprefix("exports.").rpartition(".")
    if name not in found or gate["passed"] or gate["min"] is None:
        return ""
    if of == "recall_at_10_low" and (found[name]["value"] or 0) >= gate["min"]:
        return (
            f"{name} reaches it over {found[name]['n']:,} queries, too few to be sure: give [evaluation] more queries"
        )
    if of == "recall_at_10_low":
        return (
            f"no search settings of {name} reach it: lower its `recall_at_10`, or find another index with "
            "`sphering export --tune`"
        )
    if of == "recall_at_10":
        return (
            f"give {name} more bits, dimensions or a longer search, or, where what it finds is rescored, "
            f"a [[gate]] on {metric} of its own"
        )
    return ""


def _headline(result: Mapping[str, Any], config: Config) -> str:
    status = result.get("release_status")
    made = f"release {result['release']}" if result.get("release") else "no release"
    snapshot = (
        f"snapshot {result['snapshot']} ({result['snapshot_status']})" if result.get("snapshot") else "no snapshot"
    )
    return f"{config.corpus}: {status or 'done'}, {made}, {snapshot}, {result['seconds']:.1f} s"


def _facts(result: Mapping[str, Any], config: Config) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if result.get("rows_read") is not None:
        facts["rows read"] = _sentence(
            result,
            ("rows_read", ""),
            *([("source_documents", "source documents")] if result.get("chunks") is not None else []),
            ("quarantined", "quarantined"),
            ("duplicates", "duplicates"),
            *([("deleted", "deletions")] if result.get("deleted") else []),
        )
    if result.get("documents") is not None:
        facts["documents"] = _sentence(
            result,
            ("documents", ""),
            *([("chunks", "chunks of tonight")] if result.get("chunks") is not None else []),
            *([("carried", "carried over")] if result.get("carried") else []),
            ("encoded", "encoded"),
            ("reused", "reused"),
            ("removed", "removed"),
            ("truncated", "truncated"),
            ("excluded", "excluded"),
        )
    facts |= {**_rate(result), **billed(result)}
    report = _report(result, config)
    if report is not None:
        facts |= {**_transform(report, config), **_evaluated(result, report, config)}
    cosine = mean_cosine(result, config)
    if cosine is not None:
        facts["mean cosine"] = f"{cosine[0]:.4f} raw -> {cosine[1]:.4f} transformed"
    facts["encoder"] = encoder_words(result, config)
    if result.get("parity"):
        facts["parity"] = parity_words(result["parity"])
    facts["gates"] = summary(result["gates"])
    return facts


def _transform(report: Mapping[str, Any], config: Config) -> dict[str, str]:
    """Return the lines that say which transform it is, and what it was fitted on."""
    from sphering.report.transform_words import evaluation_of, fit_words, refit_bound, transform_words

    transform, bound = report["transform"], refit_bound(config.transform.model_dump())
    words = fit_words(transform, report["snapshot"]["id"], bound=bound, evaluation=evaluation_of(report))
    return {"transform": transform_words(transform), "fitted": words}


def _evaluated(result: Mapping[str, Any], report: Mapping[str, Any], config: Config) -> dict[str, str]:
    """Return the line that says how many texts the evaluation encoded, and how many halves it got where not all."""
    if config.evaluation is None:
        return {}
    words = f"{result['evaluation_encoded']:,} texts encoded"
    asked, found = config.evaluation.halves, report["evaluation"].get("halves")
    cut = found["halves"] + found["left_out"] if found else 0
    if asked is not None and cut < asked:
        words += f"; halves of {cut:,} texts, not of {asked:,}: no other has two sentences"
    return {"evaluation": words}


def _rate(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the line that says how fast texts were encoded; none where none were."""
    seconds = result.get("timings", {}).get("embed", 0)
    if not result.get("encoded") or not seconds:
        return {}
    tokens = result.get("encoded_tokens")
    tokens_too = "" if tokens is None else f", {tokens / seconds:,.0f} tokens/s"
    return {"encoding": f"{seconds:,.1f} s, {result['encoded'] / seconds:,.0f} texts/s{tokens_too}"}


def billed(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the line that says what a hosted encoder bills; none where nothing is billed."""
    if not facts.get("billed_tokens"):
        return {}
    cost = "" if facts["cost"] is None else f", cost {facts['cost']:,.4f}"
    return {"billed": f"{facts['billed_tokens']:,} tokens{cost}"}


def _sentence(result: Mapping[str, Any], *parts: tuple[str, str]) -> str:
    words = [f"{result[key]:,} {label}".strip() for key, label in parts if result.get(key) is not None]
    return ", ".join(words)


def encoder_words(result: Mapping[str, Any], config: Config) -> str:
    """Return which encoder a run took, what ran it, and why that."""
    from sphering.encoder.protocol import NATIVE

    if result.get("backend") == NATIVE:
        return f"{config.encoder.name} ({config.encoder.kind})"
    what = [str(result.get("backend")), *filter(None, [getattr(config.encoder, "precision", None)])]
    return f"{config.encoder.name} ({', '.join(what)}: {result.get('backend_reason')})"


def parity_words(parity: Mapping[str, Any]) -> str:
    """Return how the encoder stood to its reference at its first use."""
    least = math.floor(parity["min_cosine"] * 1e7) / 1e7  # never more than it is
    return f"cosine >= {least:.7f} to {parity['reference']}, over {parity['n']} texts of the first run"


def mean_cosine(result: Mapping[str, Any], config: Config) -> tuple[float, float] | None:
    """Return the mean cosine of all pairs, raw and transformed, from the release's report; None where there is none."""
    report = _report(result, config)
    if report is None:
        return None
    values = [report[space]["mean_cosine"]["value"] for space in ("raw", "transformed")]
    return None if None in values else (float(values[0]), float(values[1]))


def _warnings(result: Mapping[str, Any], config: Config) -> list[str]:
    """Return the report's warnings of what the model does not know or see, and of the fit of the transform."""
    from sphering.report.catalogue import TEXTS
    from sphering.report.warnings import OF_TRANSFORM

    found = (_report(result, config) or {"warnings": []})["warnings"]
    return [each["sentence"] for each in found if each["metric"] in TEXTS or each["name"] in OF_TRANSFORM]


def _report(result: Mapping[str, Any], config: Config) -> dict[str, Any] | None:
    from sphering.store.documents import read_document

    if not result.get("release"):
        return None
    corpus = _corpus(config)
    return read_document(corpus.files, corpus.layout.report(corpus.release(result["release"]).report))


def _search_line(result: Mapping[str, Any], config: Config, file: Path | None) -> str:
    words = [_command(), "search", _question(result, config)]
    if file is not None:
        words += ["--config", str(file)]
    if result.get("release_status") not in ("published", "unchanged"):
        words += ["--snapshot", "latest"]
    return shlex.join(words)


def _command() -> str:
    """Return how this command is typed here: its name where the shell finds it, else its path."""
    typed = Path(sys.argv[0])
    if typed.name != _NAME or shutil.which(_NAME):
        return _NAME
    return _nearby(typed.absolute())


def _question(result: Mapping[str, Any], config: Config) -> str:
    """Return the beginning of a document of the corpus, which is in its language and finds something."""
    snapshot = _corpus(config).snapshot(result["snapshot"])
    batch = next(snapshot.batches(["text"], 64), None)
    texts = [text for text in (batch.column(0).to_pylist() if batch is not None else []) if text]
    if not texts:
        return "a question"
    flat = " ".join(min(texts, key=lambda text: abs(len(text) - _QUESTION_LENGTH // 2)).split())
    return flat if len(flat) <= _QUESTION_LENGTH else flat[:_QUESTION_LENGTH].rsplit(" ", 1)[0]


def _corpus(config: Config) -> CorpusStore:
    from sphering.store.store import Store

    return Store.open(config.store).corpus(config.corpus)


def _place(corpus: CorpusStore, key: str) -> str:
    where = corpus.files.where(key)
    return where if "://" in where else _nearby(Path(where))


def _nearby(path: Path) -> str:
    """Return a path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
