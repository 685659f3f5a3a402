"""The page of a real release in a real browser, over file://: narrow and wide, light and dark, and on paper."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.config.model import Config
from sphering.store.store import Store
from tests.nights import carry
from tests.report.page.chromium import CHROMIUM, MISSING, Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason=MISSING)]
EXAMPLE = Path(__file__).parents[3] / "examples" / "banking77" / "banking77.parquet"
EVIL = "</script><script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
PLOTS = ("angles", "spectrum", "occurrence", "map")
WINDOWS = [(width, dark) for width in (390, 1280) for dark in (False, True)]
NAMES = [f"{width} px, {'dark' if dark else 'light'}" for width, dark in WINDOWS]


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the second night of 400 questions: with a base, two columns of labels, and a gate that warns."""
    folder = tmp_path_factory.mktemp("released")
    rows = pq.read_table(EXAMPLE).to_pylist()[::30]
    for row in rows[::7]:
        row["category"] = EVIL
    for night in (rows[:390], rows[10:400]):
        pq.write_table(pa.Table.from_pylist(night), folder / "source.parquet")
        result = carry(_config(folder))
    store = Store.open(folder / "store").corpus("banking77")
    return store.files.path(store.layout.page(result["release"]))


def _config(folder: Path) -> Config:
    return Config.model_validate(
        {
            "corpus": "banking77",
            "base": str(folder),
            "store": str(folder / "store"),
            "source": {"path": str(folder / "source.parquet"), "labels": ["category", "split"]},
            "encoder": {"backend": "torch"},
            "transform": {"kind": "center"},
            "export": [{"name": "matrix", "format": "npy"}],
            "evaluation": {"halves": 60, "labels": "category"},
            "gate": [{"metric": "transformed.isoscore", "min": 0.5, "severity": "warn"}],
        }
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module", params=WINDOWS, ids=NAMES)
def opened(request: pytest.FixtureRequest, browser: Browser, page_path: Path) -> Page:
    width, dark = request.param
    return browser.open(page_path, width, dark=dark)


def test_nothing_is_complained_of_and_nothing_is_asked_for(opened: Page) -> None:
    assert opened.complaints() == []
    assert opened.requests() == []
    assert opened.value("document.title") == "banking77 · Published · sphering"


def test_four_plots_are_drawn(opened: Page) -> None:
    for name in PLOTS:
        marks = f"document.querySelectorAll('#plot-{name} .scatterlayer path').length"
        box = f"document.querySelector('#plot-{name} svg').getBoundingClientRect()"
        width, height = opened.value(f"(({{width, height}}) => [width, height])({box})")
        assert opened.value(marks) >= 3, name
        assert width > 250, name
        assert height > 180, name
    assert opened.value("document.querySelectorAll('#plot-map .point').length") >= 300


def test_nothing_runs_over_the_edge_of_the_window(opened: Page) -> None:
    assert opened.value("document.documentElement.scrollWidth <= window.innerWidth")
    wider = """[...document.querySelectorAll('main *')]
      .filter((part) => !part.closest('.scroll') && !part.closest('svg'))
      .filter((part) => part.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
      .map((part) => part.outerHTML.slice(0, 80))"""
    assert opened.value(wider) == []
    clipped = """[...document.querySelectorAll('.plots text')].filter((word) => {
        const box = word.getBoundingClientRect(), svg = word.closest('figure').getBoundingClientRect();
        return box.width && (box.left < svg.left - 1 || box.right > svg.right + 1 || box.bottom > svg.bottom + 1);
      }).map((word) => word.textContent)"""
    assert opened.value(clipped) == []


def test_the_page_is_not_blank_and_is_as_light_or_dark_as_the_reader_wants(
    opened: Page, request: pytest.FixtureRequest
) -> None:
    from PIL import Image

    _, dark = request.node.callspec.params["opened"]
    picture = np.asarray(Image.open(io.BytesIO(opened.screenshot())).convert("L"), dtype=np.float64)
    assert picture.shape[0] > 2000
    assert (picture.mean() < 80) if dark else (picture.mean() > 200)
    assert picture.std() > 10
    for name in PLOTS:
        box = opened.value(
            f"(({{x, y, width, height}}) => [x, y + scrollY, width, height])"
            f"(document.getElementById('plot-{name}').getBoundingClientRect())"
        )
        x, y, width, height = map(round, box)
        assert picture[y : y + height, x : x + width].std() > 3, name


def test_all_that_is_folded_opens_without_running_over_the_edge(opened: Page) -> None:
    opened.value("document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
    assert opened.value("document.documentElement.scrollWidth <= window.innerWidth")
    opened.wait("document.querySelectorAll('#plot-norms svg, #plot-neighbours svg').length >= 4")
    assert opened.complaints() == []


def test_the_map_shows_the_space_and_the_labels_that_are_chosen(browser: Browser, page_path: Path) -> None:
    page = browser.open(page_path, 1280)
    title = "document.querySelector('#plot-map .xtitle').textContent"
    names = "[...document.querySelectorAll('#plot-map .legendtext')].map((word) => word.textContent)"
    transformed = page.value(title)
    assert re.fullmatch(r"first direction, [\d.]+ % of the variance", transformed)
    assert page.value(names)[1].startswith("</script><script>")
    page.value("document.querySelector('[name=map-space][value=raw]').click()")
    page.wait(f"{title} !== {transformed!r}")
    page.value(
        "(() => { const column = document.getElementById('map-column');"
        " column.value = 'split'; column.dispatchEvent(new Event('change')); })()"
    )
    page.wait(f"{names}.includes('train')")
    assert set(page.value(names)) == {"train", "test"}
    assert page.value("document.title") == "banking77 · Published · sphering"


def test_a_link_to_a_definition_opens_what_it_stands_in(browser: Browser, page_path: Path) -> None:
    page = browser.open(page_path, 1280)
    page.value("document.querySelector('a[href=\"#define-isoscore\"]').click()")
    page.wait("document.getElementById('define-isoscore').closest('details').open")
    seen = page.value(
        "(({top}) => [top, innerHeight])(document.getElementById('define-isoscore').getBoundingClientRect())"
    )
    assert -1 <= seen[0] <= seen[1]


def test_every_link_of_the_page_leads_into_the_page(browser: Browser, page_path: Path) -> None:
    page = browser.open(page_path, 1280)
    links: list[str] = page.value("[...document.querySelectorAll('a')].map((link) => link.getAttribute('href'))")
    known: list[str] = page.value("[...document.querySelectorAll('[id]')].map((part) => part.id)")
    assert len(links) > 40
    assert {link.removeprefix("#") for link in links} <= set(known)
    assert len(known) == len(set(known))


def test_plots_have_names_and_say_in_words_what_they_show(browser: Browser, page_path: Path) -> None:
    page = browser.open(page_path, 1280)
    tree: list[dict[str, Any]] = browser.ask("Accessibility.getFullAXTree", page.session)["nodes"]
    images = [node for node in tree if node.get("role", {}).get("value") == "image"]
    said = {node["name"]["value"]: node.get("description", {}).get("value", "") for node in images}
    assert {"Angles", "Spectrum", "Who is found", "Map"} <= set(said)
    assert all(re.search(r"\d", said[name]) for name in ("Angles", "Spectrum", "Who is found", "Map"))
    levels = page.value("[...document.querySelectorAll('h1, h2, h3')].map((head) => Number(head.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_on_paper_everything_is_opened_and_light_whatever_the_screen_was(browser: Browser, page_path: Path) -> None:
    page = browser.open(page_path, 1280, dark=True)
    page.value("(() => { window.dispatchEvent(new Event('beforeprint')); })()")
    browser.ask("Emulation.setEmulatedMedia", page.session, media="print")
    paper = {"width": 690, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.ask("Emulation.setDeviceMetricsOverride", page.session, **paper)
    page.wait("!document.querySelector('details:not([open])')")
    assert page.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.wait("document.querySelector('#plot-angles .js-line').style.stroke === 'rgb(180, 99, 42)'")
    plots = page.value(
        "[...document.querySelectorAll('.plot')].map((plot) => [plot, plot.querySelector('svg')]"
        ".map((part) => part.getBoundingClientRect()).flatMap(({left, right, height}) => [left, right, height]))"
    )
    for left, right, height, drawn_left, drawn_right, drawn_height in plots:
        assert left - 1 <= drawn_left < drawn_right <= right + 1
        assert 100 < drawn_height <= height + 1
    assert page.value("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.pdf().startswith(b"%PDF")
    page.value("(() => { window.dispatchEvent(new Event('afterprint')); })()")
    assert page.value("document.querySelectorAll('details[open]').length") == 0
