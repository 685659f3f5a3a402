"""The plots show what was counted, and nothing that was not."""

from __future__ import annotations

from sphering.report.page.occurrence_figure import occurrence_figure
from sphering.report.page.spectrum_figure import spectrum_figure


def test_no_line_goes_over_a_number_of_times_that_no_text_is_found() -> None:
    occurrence = {"counts": [4, 0, 3, 0, 0, 1], "k": 2, "n": 8}
    raw, transformed, chance = occurrence_figure({"raw": occurrence, "transformed": occurrence}).data
    assert [raw.mode, transformed.mode, chance.mode] == ["markers", "markers", "lines"]
    assert list(raw.x) == [0, 2, 5]
    assert list(raw.y) == [0.5, 0.375, 0.125]
    assert raw.marker.size > transformed.marker.size, "equal ones stand in each other"


def test_the_ranks_stand_in_the_legend_where_no_curve_crosses_them() -> None:
    spectrum = {"values": [3.0, 1.0, 0.5, 0.0], "rank": 3, "noise_level": 1e-15}
    figure = spectrum_figure({"raw": spectrum, "transformed": {**spectrum, "rank": 2}})
    assert [trace.name for trace in figure.data if trace.showlegend is not False] == [
        "raw, rank 3",
        "transformed, rank 2",
        "noise level",
    ]
    assert all(trace.text is None for trace in figure.data)
