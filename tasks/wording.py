"""How a run's result reads: one sentence, one page, and the rows of two tables."""

from collections.abc import Iterable, Mapping
from typing import Any

from sphering.report.wording import bounds_in_words, judged
from sphering.run.outcome import failed_gates
from sphering.run.probe import mixed_bits

_COUNTS = (
    "rows_read",
    "source_documents",
    "chunks",
    "documents",
    "carried",
    "deleted",
    "quarantined",
    "duplicates",
    "encoded",
    "reused",
    "removed",
    "truncated",
    "excluded",
)


def verdict_sentence(target: str, result: Mapping[str, Any]) -> str:
    """Return what came of a run in one sentence, the status first."""
    status = str(result.get("release_status") or result.get("snapshot_status") or "finished")
    made = f"release {result['release']}" if result.get("release") else f"snapshot {result.get('snapshot') or 'none'}"
    reasons = [gate_sentence(gate) for gate in failed_gates(result.get("gates", ()))] if status == "held" else []
    reasons += ["a rollback left it"] if status == "withdrawn" else []
    return f"{status}: {target}, {made}" + (f", because {'; '.join(reasons)}" if reasons else "")


def gate_sentence(gate: Mapping[str, Any]) -> str:
    """Return a gate and its number in words."""
    return f"{gate['metric']} = {judged(gate)}, wanted {bounds_in_words(gate, '>=', '<=')}"


def verdict_page(target: str, result: Mapping[str, Any]) -> str:
    """Return the verdict as a Markdown page: the sentence, the gates not passed, the counts, the exports."""
    lines = [f"## {verdict_sentence(target, result)}", ""]
    lines += [
        f"- **{gate['severity']}** {gate_sentence(gate)}" for gate in result.get("gates", ()) if not gate["passed"]
    ]
    bits = mixed_bits(result.get("probe"))
    lines += [f"- {bits}"] if bits else []
    lines += ["", "| | |", "|---|---|"]
    lines += [f"| {name} | {result[name]} |" for name in ("run", "snapshot", "snapshot_status") if result.get(name)]
    lines += [f"| {name} | {result[name]:,} |" for name in _COUNTS if result.get(name) is not None]
    lines += [f"| seconds | {result['seconds']:.1f} |"] if result.get("seconds") is not None else []
    lines += [f"| export {export['name']} ({export['format']}) | `{export['path']}` |" for export in _exports(result)]
    return "\n".join(lines)


def _exports(result: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return result.get("exports") or ()


def gate_rows(gates: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the table of gates."""
    columns = ("metric", "value", "min", "max", "severity", "passed")
    return [{column: gate[column] for column in columns} for gate in gates]


def report_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row a metric: its value raw and transformed, how it was measured, and on how many."""
    raw, transformed = report.get("raw", {}), report.get("transformed", {})
    rows = []
    for metric in dict.fromkeys((*raw, *transformed)):
        entries = [space.get(metric) for space in (raw, transformed)]
        if not any(_is_number(entry) for entry in entries):
            continue
        described = next(entry for entry in entries if _is_number(entry))
        values = [entry["value"] if _is_number(entry) else None for entry in entries]
        rows.append(
            {
                "metric": metric,
                "raw": values[0],
                "transformed": values[1],
                "kind": described.get("kind"),
                "n": described.get("n"),
            }
        )
    return rows


def _is_number(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("value"), int | float)


def angles_sentence(target: str, report: Mapping[str, Any]) -> str:
    """Return what the picture of angles says in numbers: mean cosine before and after."""
    cosines = {space: report.get(space, {}).get("mean_cosine") for space in ("raw", "transformed")}
    means = [f"{cosine['value']:.4f} {space}" for space, cosine in cosines.items() if _is_number(cosine)]
    return f"{target}: angles between pairs of documents" + (f"; mean cosine {', '.join(means)}" if means else "")
