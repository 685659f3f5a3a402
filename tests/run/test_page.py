"""What the page of a release says, and which releases have one."""

from pathlib import Path

from sphering.maintenance.publication import publish, rollback
from sphering.run.begin import begin
from sphering.run.finish import finish
from sphering.run.page import render_page
from sphering.run.select import select_snapshot
from sphering.store.store import Store

STRICT = {"gate": [{"metric": "transformed.mean_cosine", "max": -1.0}]}


def store_of(config):
    return Store.open(Path(config.store)).corpus(config.corpus)


def verdict_of(config, release):
    """Return the verdict that a release's page shows, or None where it has no page."""
    store = store_of(config)
    if not store.files.exists(store.layout.page(release)):
        return None
    page = store.files.path(store.layout.page(release)).read_text(encoding="utf-8")
    return page.split("<h1>")[1].split("</h1>")[0].strip()


def test_the_page_says_published_of_the_release_that_consumers_get_alone(copied_nights, corpus, released, questions):
    config, (night,) = copied_nights(60)
    first = night["release"]
    assert verdict_of(config, first) == "Published"

    fitted = begin(corpus(questions[:60], transform={"kind": "center"}), "fit")
    select_snapshot(fitted)
    centred = released(fitted)
    assert finish(fitted)["release_status"] == "latest"
    assert (verdict_of(config, first), verdict_of(config, centred)) == ("Published", "Not published")

    publish(store_of(config), "main", store_of(config).release(centred), "it is better")
    assert (verdict_of(config, first), verdict_of(config, centred)) == (None, "Published")


def test_a_release_that_no_ref_names_loses_its_page_and_nothing_else(copied_nights):
    config, nights = copied_nights(60, 61)
    first, second = (night["release"] for night in nights)
    assert (verdict_of(config, first), verdict_of(config, second)) == (None, "Published")
    store = store_of(config)
    assert store.files.exists(store.layout.report(store.release(first).report))
    render_page(store, store.release(first))
    assert verdict_of(config, first) == "Not published"


def test_the_page_of_a_held_release_says_so_until_another_night_is_the_latest(copied_nights, corpus, run, questions):
    _, (night,) = copied_nights(60)
    published = night["release"]
    config = corpus(questions[:61], **STRICT)
    held = run(config)["release"]
    assert (verdict_of(config, published), verdict_of(config, held)) == ("Published", "Held")
    later = run(corpus(questions[:62], **STRICT))["release"]
    assert [verdict_of(config, each) for each in (published, held, later)] == ["Published", None, "Held"]


def test_a_rollback_renders_the_page_of_the_release_that_it_returns_to_and_keeps_that_of_the_one_it_leaves(
    copied_nights, corpus, run, questions
):
    config, nights = copied_nights(60, 61)
    first, second = (night["release"] for night in nights)
    held = run(corpus(questions[:62], **STRICT))["release"]
    rollback(store_of(config), "main", "wrong source")
    assert [verdict_of(config, each) for each in (first, second, held)] == ["Published", "Withdrawn", None]
