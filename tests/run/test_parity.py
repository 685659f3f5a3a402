"""A fast form of an encoder is compared with its reference on the corpus, at its first use."""

from __future__ import annotations

import json

import pytest

from sphering.errors import ParityError
from sphering.maintenance.verify import verify
from sphering.store.store import Store

pytestmark = pytest.mark.usefixtures("openvino_is_there")


@pytest.fixture
def openvino_is_there():
    pytest.importorskip("torch")
    from importlib.util import find_spec

    if find_spec("openvino") is None:
        pytest.skip("openvino is not installed")


def fast(precision="float32", **settings):
    return {"backend": "openvino", "precision": precision, **settings}


def test_the_first_run_compares_with_pytorch_and_later_ones_say_what_it_found(corpus, run, questions):
    config = corpus(questions[:100], encoder=fast())
    first = run(config)["parity"]
    assert first["n"] == 25  # the distinct texts of the first unit
    assert first["min_cosine"] >= 0.999999
    assert first["max_difference"] < 1e-6
    assert first["reference"] == "PyTorch in float32"
    again = run(corpus([*questions[:100], ("new", "Is there a fee for a new card?")], encoder=fast()))
    assert again["encoded"] == 1
    assert again["parity"] == first


def test_a_run_that_encodes_nothing_compares_nothing(corpus, run, questions):
    config = corpus(questions[:40], encoder=fast())
    run(config)
    assert run(config)["parity"] is None


def test_pytorch_in_float32_is_the_reference_itself(corpus, run, questions):
    assert run(corpus(questions[:40]))["parity"] is None


def test_a_cosine_below_the_configured_one_fails_the_run_and_keeps_nothing(corpus, run, questions):
    config = corpus(questions[:40], encoder=fast("int8", min_cosine=1.0))
    with pytest.raises(ParityError, match=r"least cosine 0\.99\d+ over 20 texts"):
        run(config)
    store = Store.open(config.store).corpus("questions")
    assert store.snapshot_ids() == []
    (encoder,) = store.files.children(store.layout.all_shards)
    assert not store.files.exists(store.layout.parity(encoder))


def test_a_stricter_bound_holds_for_what_an_earlier_run_found(corpus, run, questions):
    run(corpus(questions[:40], encoder=fast("int8")))
    with pytest.raises(ParityError, match=r"min_cosine"):
        run(corpus(questions[:41], encoder=fast("int8", min_cosine=0.99999)))


def test_an_edited_parity_is_found(corpus, run, questions):
    config = corpus(questions[:40], encoder=fast())
    run(config)
    store = Store.open(config.store).corpus("questions")
    (encoder,) = store.files.children(store.layout.all_shards)
    path = store.files.path(store.layout.parity(encoder))
    path.write_text(json.dumps({**json.loads(path.read_text()), "min_cosine": 1.0}))
    assert [wrong["kind"] for wrong in verify(store).wrong] == ["parity"]


def test_an_encoder_whose_batches_memory_made_smaller_is_probed_again(corpus, questions, monkeypatch):
    from dataclasses import replace

    from nights import begin, embed_unit, ingest, plan_units

    from sphering.encoder.sentence_transformers.batching import ON_AN_ACCELERATOR
    from sphering.run import probe
    from sphering.run.embed import opened_encoder
    from sphering.run.workspace import Workspace

    workspace = begin(corpus(questions[:40]))
    ingest(workspace)
    assert plan_units(workspace).count > 1
    encoder = opened_encoder(Workspace(workspace))
    compared = []
    compare = probe.compare
    monkeypatch.setattr(probe, "compare", lambda *values: compared.append(values) or compare(*values))
    monkeypatch.setattr(encoder.pipeline, "shapes", replace(ON_AN_ACCELERATOR, budget=512))
    embed_unit(workspace, 0)
    embed_unit(workspace, 1)
    assert len(compared) == 1
    Workspace(workspace).remove()


def test_a_stricter_bound_holds_also_where_nothing_is_new(corpus, run, questions):
    run(corpus(questions[:40], encoder=fast("int8")))
    with pytest.raises(ParityError, match="min_cosine"):
        run(corpus(questions[:40], encoder=fast("int8", min_cosine=0.99999)))
