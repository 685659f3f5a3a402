"""What a hosted model's probe is held against: nothing that its server gave in a bad hour, and each search as well."""

from __future__ import annotations

import pytest
from embeddings_server import answers
from nights import begin, carry, embed_unit, ingest, plan_units

from sphering.errors import ProbeError
from sphering.run.finish import abandon
from sphering.run.search import search
from sphering.store.store import Store


@pytest.fixture
def hosted(corpus, questions, embeddings_server):
    return corpus(questions[:40], encoder=embeddings_server.settings())


def filled(number):
    """Answer with vectors of one number alone."""
    return answers(lambda content: [entry.update(embedding=[number] * 32) for entry in content["data"]])


@pytest.mark.parametrize("number", [None, 0.0])
def test_a_first_probe_without_usable_vectors_is_not_kept_and_the_next_run_begins_it(hosted, embeddings_server, number):
    embeddings_server.always = filled(number)
    workspace = begin(hosted)
    ingest(workspace)
    plan_units(workspace)
    with pytest.raises(ProbeError, match="no usable vector for 64 of 64 texts of the probe") as refusal:
        embed_unit(workspace, 0)
    abandon(workspace, refusal.value)
    embeddings_server.always = None
    result = carry(hosted)
    assert (result["encoded"], result["probe"]["bits"]) == (40, "equal")


def test_a_search_at_a_model_that_changed_under_its_name_is_refused(hosted, questions, embeddings_server):
    result = carry(hosted)
    store = Store.open(hosted.store).corpus("questions")
    assert search(store, result["release"], questions[0][1], 1)["hits"]
    embeddings_server.model = "another"
    with pytest.raises(ProbeError, match="set another"):
        search(store, result["release"], questions[0][1], 1)
