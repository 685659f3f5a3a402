"""What the flows beside the main job say in Prefect's pages."""

from collections.abc import Mapping
from typing import Any

from sphering.config.model import Config
from sphering.maintenance.collection import Collection
from sphering.maintenance.earlier import Earlier
from sphering.maintenance.findings import Findings
from sphering.maintenance.judged import Judged
from sphering.maintenance.migration import entering
from sphering.report.wording import shown
from sphering.run.outcome import SERVED
from sphering.run.target import target_of
from sphering.store.layout import Layout
from sphering.tasks.page import Page, judged_sentences
from sphering.tasks.wording import gate_sentence, verdict_sentence

_OVERLAP = ("raw.knn_overlap", "transformed.knn_overlap", "raw.cka_linear_debiased")


def migration_page(config: Config, into: str, judged: Judged, result: Mapping[str, Any] | None) -> Page:
    """Return what came of a migration; `result` is that of the run in the channel that serves, if there was one."""
    compared = judged.to_json()["compared"]
    a, b = (compared[side] for side in ("a", "b"))
    numbers = {
        "published before": f"release {a['release']}, encoder {a['encoder']}",
        "compared with": f"release {b['release']} in {config.run.channel}, encoder {b['encoder']}",
        **_values(judged, _OVERLAP),
        **_report_pages(config.corpus, {"report before": a["release"], "report after": b["release"]}),
    }
    if result is not None:
        numbers |= {f"{into}: {name}": result[name] for name in ("release", "encoded", "reused", "report")}
    return Page(
        verdict=migration_sentence(config, into, judged, result),
        sentences=(*judged_sentences(judged.to_json()["gates"]), *compared["sentences"]),
        numbers=numbers,
        todo=_after_migration(into, result),
    )


def unmade_page(config: Config, into: str, made: Mapping[str, Any]) -> Page:
    """Return what came of a migration whose release does not pass its own gates."""
    verdict = verdict_sentence(target_of(config), made)
    return Page(verdict, todo=_after_migration(into, None))


def migration_sentence(config: Config, into: str, judged: Judged, result: Mapping[str, Any] | None) -> str:
    """Return what came of a migration in one sentence."""
    if result is not None and result["release_status"] is None:
        return (
            f"held: {config.corpus}, {into} stays as it is, because the source changed since the release was made: "
            f"its snapshot is {judged.compared['b']['snapshot']}, the one for {into} would be {result['snapshot']}"
        )
    if result is not None:
        return verdict_sentence(target_of(entering(config, into)), result)
    broken = [gate_sentence(gate) for gate in judged.to_json()["gates"] if not gate["passed"]]
    return f"held: {config.corpus}, {into} stays as it is, because {'; '.join(broken)}"


def _after_migration(into: str, result: Mapping[str, Any] | None) -> str:
    if result is not None and result["release_status"] is None:
        return f"nothing has moved: `{into}` publishes what it did; start it again: only what is new is encoded"
    if result is None or result["release_status"] not in SERVED:
        return f"nothing has moved: `{into}` publishes what it did; mend what is named below, or declare another bound"
    return (
        f'set `[run] channel = "{into}"` in the new file, and `sphering deploy --config` it, so that the nights go on '
        "with the new encoder; until then a night with the old file is refused, and nothing moves back"
    )


def findings_page(target: str, findings: Findings) -> Page:
    """Return what a verification found."""
    sampled = findings.reencoded
    sentences = [
        f"**{entry['kind']} {entry['name']}**: {entry['found']} ({entry['where']})" for entry in findings.wrong
    ]
    sentences += [f"hashed alone: {entry['kind']} {entry['name']}: {entry['found']}" for entry in findings.skipped]
    numbers: dict[str, Any] = {f"checked: {kind}": count for kind, count in findings.checked.items()}
    if sampled is not None:
        numbers |= {
            "texts encoded again": f"{sampled.n:,} of {sampled.texts:,}",
            "equal in every bit": sampled.equal,
            "largest cosine distance": sampled.max_cosine_distance,
        }
    todo = "" if findings.sound else "restore what is named from a backup: docs/operations.md says how"
    return Page(findings_sentence(target, findings), sentences, numbers, todo)


def findings_sentence(target: str, findings: Findings) -> str:
    """Return what a verification found in one sentence."""
    checked = sum(findings.checked.values())
    if not checked:
        return f"nothing to verify: {target}, the store has nothing of it yet"
    if findings.sound:
        return f"sound: {target}, {checked:,} things checked"
    first = findings.wrong[0]
    return (
        f"not sound: {target}, {len(findings.wrong)} of {checked:,} things are wrong, first {first['kind']} "
        f"{first['name']}: {first['found']}"
    )


def maintained_page(target: str, collected: Collection, records: int) -> Page:
    """Return what was removed and what is kept."""
    files = sum(kind["files"] for kind in collected.removed.values())
    size = sum(kind["bytes"] for kind in collected.removed.values())
    verdict = f"done: {target}, {files:,} files ({size / 1e6:,.1f} MB) and {records:,} flow runs removed"
    removed = {f"removed: {kind}": counts["files"] for kind, counts in collected.removed.items()}
    return Page(verdict, numbers={**removed, **{f"kept: {kind}": count for kind, count in collected.kept.items()}})


def drift_page(config: Config, earlier: Earlier, judged: Judged) -> Page:
    """Return how far a corpus drifted."""
    compared = judged.to_json()["compared"]
    todo = "" if judged.passed else "look whether the source is still what it was; `refit` fits a new transform"
    sentences = (*judged_sentences(judged.to_json()["gates"]), *compared["sentences"])
    return Page(
        verdict=drift_sentence(target_of(config), earlier, judged),
        sentences=(*sentences, *([f"compared with another release: {earlier.why}"] if earlier.why else [])),
        numbers={
            "published now": earlier.now.release,
            "compared with": earlier.then.release,
            "time between": _span(earlier.days),
            **_values(judged, [f"raw.{name}" for name in ("drift", "mean_shift", "covariance_shift", "domain_auc")]),
            **_report_pages(config.corpus, {"report now": earlier.now.release, "report then": earlier.then.release}),
        },
        todo=todo,
    )


def drift_sentence(target: str, earlier: Earlier, judged: Judged) -> str:
    """Return how far a corpus drifted, in one sentence."""
    drift = judged.numbers.get("raw.drift")
    if earlier.then.release == earlier.now.release:
        return f"steady: {target}, the release {earlier.now.release} has been published for {_span(earlier.standing)}"
    how = "not measured" if drift is None else shown(drift)
    bounds = "; ".join(gate_sentence(gate) for gate in judged.to_json()["gates"] if not gate["passed"])
    status = "steady" if judged.passed else "drifted"
    return f"{status}: {target}, drift {how} in {_span(earlier.days)}" + (f": {bounds}" if bounds else "")


def _span(days: float) -> str:
    """Return a time in words: in hours up to two days, then in days."""
    if days >= 2:
        return f"{days:,.0f} days"
    hours = round(days * 24)
    return f"{hours} hour{'s' if hours > 1 else ''}" if hours else "less than an hour"


def _report_pages(corpus: str, releases: Mapping[str, str]) -> dict[str, str]:
    """Return where the pages of releases lie in the store."""
    return {name: f"`{Layout(corpus).page(release)}`" for name, release in releases.items()}


def _values(judged: Judged, names: Any) -> dict[str, Any]:
    return {name: judged.numbers[name] for name in names if name in judged.numbers}
