"""Which texts are encoded together, and in what shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sphering.encoder.sentence_transformers.batching import (
    ON_A_CORE,
    ON_AN_ACCELERATOR,
    Batch,
    Tokens,
    fill,
    plan,
)

lengths_of_texts = st.lists(st.integers(0, 300), max_size=200).map(lambda values: np.array(values, dtype=np.int64))


@given(lengths_of_texts, st.sampled_from([None, 50, 128, 256]), st.integers(1, 5000))
def test_every_text_is_in_one_batch_of_its_padded_length(lengths, longest, budget):
    kept = lengths if longest is None else np.minimum(lengths, longest)
    batches = plan(kept, longest, replace(ON_A_CORE, budget=budget))
    placed = np.concatenate([batch.rows for batch in batches]) if batches else np.zeros(0)
    assert sorted(placed) == list(range(len(kept)))
    padded = ON_A_CORE.padded(kept, longest)
    for batch in batches:
        assert set(padded[batch.rows]) == {batch.padded}


@given(st.integers(2, 300))
def test_a_text_is_padded_by_less_than_its_step(length):
    step = 1 if length <= 16 else 4 if length <= 32 else 8 if length <= 128 else 16
    (padded,) = ON_A_CORE.padded(np.array([length]), None)
    assert padded % step == 0
    assert 0 <= padded - length < step


@given(lengths_of_texts, st.sampled_from([None, 50, 51, 256]), st.integers(1, 5000))
def test_token_rows_are_a_multiple_of_16_and_stay_near_the_budget(lengths, longest, budget):
    kept = lengths if longest is None else np.minimum(lengths, longest)
    for batch in plan(kept, longest, replace(ON_A_CORE, budget=budget)):
        assert batch.height * batch.padded % 16 == 0
        assert 0 <= batch.height - len(batch.rows) < 16
        assert batch.height * batch.padded <= max(budget, 16 * batch.padded)


@given(lengths_of_texts, st.sampled_from([50, 51, 256]))
def test_before_a_dense_layer_the_texts_are_a_multiple_of_16_too(lengths, longest):
    for batch in plan(np.minimum(lengths, longest), longest, replace(ON_A_CORE, texts=16)):
        assert batch.height % 16 == 0
        assert batch.height - len(batch.rows) < 16


@given(lengths_of_texts, st.sampled_from([None, 50, 256]), st.integers(1, 20_000))
def test_on_an_accelerator_every_batch_of_a_padded_length_has_the_same_height(lengths, longest, budget):
    kept = lengths if longest is None else np.minimum(lengths, longest)
    heights = {}
    for batch in plan(kept, longest, replace(ON_AN_ACCELERATOR, budget=budget)):
        assert batch.padded % 16 == 0 or batch.padded == longest
        assert len(batch.rows) <= batch.height
        assert heights.setdefault(batch.padded, batch.height) == batch.height


@given(lengths_of_texts)
def test_texts_that_fill_their_padded_length_stand_apart(lengths):
    for batch in plan(lengths, 256 if lengths.max(initial=0) <= 256 else None):
        assert len(set(lengths[batch.rows] >= batch.padded)) == 1


def test_padding_stands_behind_the_text_or_in_front_of_it():
    tokens = Tokens(np.array([5, 6, 7, 8], dtype=np.int32), np.array([3, 1]), np.array([3, 1], dtype=np.int32), None)
    batch, starts = Batch(np.array([0, 1]), padded=4, height=2), np.array([0, 3])
    ids, mask = fill(tokens, starts, batch, 99, left=False)
    assert ids.tolist() == [[5, 6, 7, 99], [8, 99, 99, 99]]
    assert mask.sum(axis=1).tolist() == [3, 1]
    ids, mask = fill(tokens, starts, batch, 99, left=True)
    assert ids.tolist() == [[99, 5, 6, 7], [99, 99, 99, 8]]
    assert mask[:, -1].tolist() == [1, 1]


def test_a_batch_is_filled_up_with_its_first_text():
    tokens = Tokens(np.array([5, 6, 7, 8], dtype=np.int32), np.array([4]), np.array([4], dtype=np.int32), None)
    (batch,) = plan(tokens.lengths, None)
    ids, _ = fill(tokens, np.array([0]), batch, 0, left=False)
    assert batch.height == 4
    assert ids.tolist() == [ids[0].tolist()] * 4
