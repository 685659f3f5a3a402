"""What a run says while it works: lines in a log, bars on a terminal, nothing where it is to be quiet."""

import io
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from sphering import progress
from sphering.cli.listening import listening
from sphering.cli.step_counts import StepCount
from sphering.cli.step_lines import StepLines


def test_a_log_has_a_line_at_the_start_and_one_at_the_end_of_each_step():
    stream = io.StringIO()
    lines = StepLines("start", stream)
    lines.start("start")
    lines.start("embed", 1200)
    for _ in range(12):
        lines.advance("embed", 100, tokens=1500)
    lines.finish("embed")
    lines.close()
    start, started, embed, embedded = stream.getvalue().splitlines()
    assert (start, embed) == ("start", "embed: 1,200 documents")
    assert re.fullmatch(r"start: done, [\d.]+ s", started)
    assert re.fullmatch(r"embed: done, 1,200 documents, [\d,]+ documents/s, [\d,]+ tokens/s, [\d.]+ s", embedded)


def test_what_the_encoder_calls_encode_is_shown_as_the_step_embed():
    stream = io.StringIO()
    lines = StepLines("start", stream)
    lines.advance("encode", 5, tokens=50)
    lines.start("fit")
    lines.close()
    assert [line.split(":")[0] for line in stream.getvalue().splitlines()] == ["embed", "embed", "fit", "fit"]


def test_threads_may_count_at_once():
    stream = io.StringIO()
    lines = StepLines("start", stream)
    lines.start("export", 8000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: lines.advance("export"), range(8000)))
    lines.finish("export")
    assert "export: done, 8,000 documents" in stream.getvalue()


def test_work_that_breaks_off_is_not_called_done(capsys):
    def work():
        with listening(quiet=False):
            progress.current().start("ingest")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert "ingest: stopped" in capsys.readouterr().err


def test_quiet_is_quiet(capsys):
    with listening(quiet=True):
        progress.current().start("ingest")
        progress.current().advance("ingest", 5)
    assert capsys.readouterr() == ("", "")


def test_the_listener_is_gone_when_the_command_ends(capsys):
    before = progress.current()
    with listening(quiet=False):
        assert progress.current() is not before
    assert progress.current() is before


def test_rates_say_documents_and_tokens_a_second():
    count = StepCount("embed", 10)
    assert count.rates() == ""
    count.done, count.tokens = 10, 100
    count.started -= 2
    assert re.fullmatch(r"5 documents/s, 50 tokens/s", count.rates())


def test_a_terminal_shows_bars_with_rates_and_the_time_left(monkeypatch):
    from rich.console import Console

    from sphering.cli import step_bars

    stream = io.StringIO()
    monkeypatch.setattr(step_bars, "Console", lambda stderr: Console(file=stream, force_terminal=True, width=120))
    bars = step_bars.StepBars("start")
    bars.start("start")
    bars.start("embed", 10_000)
    bars.advance("embed", 4000, tokens=40_000)
    bars._counts["embed"].started -= 400
    bars._progress.refresh()
    bars.finish("embed")
    bars.close()
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert re.search(r"embed .*4,?000/10,?000 documents +10 documents/s, 100 tokens/s", shown)
    assert "✓ embed" in shown
