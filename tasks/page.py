"""A page of Prefect: the verdict first, then sentences, numbers and links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sphering.tasks.wording import gate_sentence


@dataclass(frozen=True)
class Page:
    """What an artifact says.

    `verdict` is one sentence; `sentences` say what it rests on; `numbers` are rows of a table, by their names; `todo`
    is what somebody has to do now, empty where that is nothing.
    """

    verdict: str
    sentences: Sequence[str] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)
    todo: str = ""

    def markdown(self) -> str:
        """Return the page as Markdown."""
        lines = [f"## {self.verdict}", ""]
        lines += [f"**Now:** {self.todo}", ""] if self.todo else []
        lines += [f"- {sentence}" for sentence in self.sentences]
        if self.numbers:
            lines += ["", "| | |", "|---|---|"]
            lines += [f"| {name} | {_cell(value)} |" for name, value in self.numbers.items()]
        return "\n".join(lines)


def judged_sentences(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return bounds in words, those that are broken first."""
    ordered = sorted(gates, key=lambda gate: bool(gate["passed"]))
    states = ["passed" if gate["passed"] else f"**{gate['severity']}**" for gate in ordered]
    return [f"{state}: {gate_sentence(gate)}" for state, gate in zip(states, ordered, strict=True)]


def _cell(value: Any) -> str:
    if value is None:
        return "not measured"
    if isinstance(value, float):
        return f"{value:,.4g}"
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
