"""A hosted model gives the right vectors or an error, whatever its server does; what may pass is tried again."""

from __future__ import annotations

import math
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest
from embeddings_server import (
    answers,
    cuts_the_connection,
    in_base64,
    is_late,
    is_slow,
    says,
    serving,
    takes_texts_up_to,
    vector,
)
from hypothesis import given
from hypothesis import strategies as st

from sphering.config.encoder import EncoderConfig
from sphering.encoder import identify, open_encoder
from sphering.encoder.openai.waiting import LONGEST, delay, retry_after
from sphering.errors import EncoderLostError, InputError, ModelError, TerminalError, TextTooLongError, TransientError
from sphering.interruption import stopping

TEXTS = [f"text {number} of some" for number in range(10)]
NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)


@pytest.fixture
def server(embeddings_server):
    return embeddings_server


def opened(server, **settings):
    """An encoder of the server; its dimension is configured, so that the first request is the test's own."""
    config = EncoderConfig.model_validate(server.settings(**{"truncate_dim": 32} | settings))
    return open_encoder(identify(config, "native"), config)


def expected(texts):
    return np.array([vector(text) for text in texts])


def pair(content):
    return [entry["embedding"] for entry in content["data"]]


@pytest.mark.parametrize("ignores_encoding", [False, True])
def test_vectors_come_bit_by_bit_in_the_order_of_the_texts(server, ignores_encoding):
    server.ignores_encoding = ignores_encoding
    encoder = opened(server, batch_texts=3)
    assert encoder.encode(TEXTS).vectors.tobytes() == expected(TEXTS).tobytes()
    assert {body["encoding_format"] for _, body in server.requests} == {"base64"}


def test_a_server_that_refuses_base64_is_asked_for_floats_from_then_on(server):
    def refuses_base64(exchange):
        if exchange.body["encoding_format"] == "base64":
            time.sleep(0.05)  # so that several are on their way when the first is refused
            says(400, "base64 encoding is not currently supported")(exchange)
        else:
            exchange.send(200, exchange.good())

    server.always = refuses_base64
    encoder = opened(server, batch_texts=1)
    assert encoder.encode(TEXTS).vectors.tobytes() == expected(TEXTS).tobytes()
    server.requests.clear()
    encoder.encode(TEXTS)
    assert {body["encoding_format"] for _, body in server.requests} == {"float"}


def test_an_answer_in_another_order_is_put_right_by_its_indices(server):
    server.always = answers(lambda content: content["data"].reverse())
    assert opened(server).encode(TEXTS).vectors.tobytes() == expected(TEXTS).tobytes()


def test_dimensions_are_sent_where_configured_and_else_found_out(server):
    assert opened(server, truncate_dim=8).encode(TEXTS).vectors.shape == (10, 8)
    assert server.requests[-1][1]["dimensions"] == 8
    assert opened(server, truncate_dim=None).dimension == 32
    assert "dimensions" not in server.requests[-1][1]


def test_requests_go_out_side_by_side_within_their_bound(server):
    server.always = is_slow(0.1)
    opened(server, batch_texts=1, concurrency=3).encode(TEXTS)
    assert server.most_at_once == 3


def test_a_server_is_sent_the_model_and_the_prompted_texts(server):
    encoder = opened(server, document_prompt="passage: ", query_prompt="query: ")
    encoder.encode(["a"], "document")
    encoder.encode(["a"], "query")
    assert server.texts() == [["passage: a"], ["query: a"]]
    assert {body["model"] for _, body in server.requests} == {"letters"}


PASSING = {
    "429": says(429, "slow down"),
    "429 with Retry-After": says(429, "slow down", [("Retry-After", "0")]),
    "429 with a date": says(429, "slow down", [("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")]),
    "429 with a word": says(429, "slow down", [("Retry-After", "soon")]),
    "500": says(500),
    "500 of its own trouble": says(500, "upstream took too long to respond"),
    "503": says(503),
    "a cut connection": cuts_the_connection,
    "no JSON": lambda exchange: exchange.send(200, b"<html>busy</html>"),
    "JSON too deep to read": lambda exchange: exchange.send(200, b"[" * 100_000),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_what_may_pass_is_tried_again_until_it_has(server, fault):
    server.faults.extend([fault, fault])
    assert opened(server).encode(TEXTS).vectors.tobytes() == expected(TEXTS).tobytes()
    assert len(server.requests) == 3


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_what_does_not_pass_within_its_tries_is_a_transient_error(server, fault):
    server.always = fault
    with pytest.raises(EncoderLostError, match="in 3 tries") as caught:
        opened(server, retries=2).encode(TEXTS)
    assert isinstance(caught.value, TransientError)
    assert caught.value.again_from == "step"
    assert len(server.requests) == 3
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_an_answer_that_does_not_come_in_time_is_given_up_and_tried_again(server):
    server.faults.append(is_late)
    assert opened(server, timeout=0.3).encode(TEXTS).vectors.tobytes() == expected(TEXTS).tobytes()
    server.always = is_late
    with pytest.raises(EncoderLostError, match=r"no answer within 0\.3 s"):
        opened(server, timeout=0.3, retries=1).encode(TEXTS)


def test_a_server_that_is_not_there_is_a_transient_error():
    with serving() as gone:
        pass
    with pytest.raises(EncoderLostError, match="Connect"):
        opened(gone, retries=1).encode(TEXTS)


def test_a_wait_beyond_the_bound_is_not_begun(server):
    server.always = says(429, "come back tomorrow", [("Retry-After", "86400")])
    with pytest.raises(EncoderLostError, match=r"in 1 tries.*come back tomorrow.*asks to wait 86400 s"):
        opened(server).encode(TEXTS)
    assert len(server.requests) == 1


def test_one_batch_that_fails_ends_the_others(server):
    server.faults.append(says(404, "no such model"))
    server.always = is_late
    with pytest.raises(ModelError):
        opened(server, batch_texts=1, concurrency=4).encode(TEXTS)
    assert len(server.requests) <= 5


def test_an_interruption_does_not_wait_for_a_server(server):
    server.always = is_late
    encoder = opened(server, timeout=1000)
    with suppress(KeyboardInterrupt), stopping(ThreadPoolExecutor(1)) as pool:
        encoding = pool.submit(encoder.encode, TEXTS)
        while not server.working:
            pass
        raise KeyboardInterrupt
    assert isinstance(encoding.exception(), TerminalError)
    assert server.working  # the server has not answered yet
    server.always = None
    assert encoder.encode(TEXTS).vectors.tobytes() == expected(TEXTS).tobytes()


TERMINAL = {
    401: "api_key_env",
    403: "may not use this model",
    404: "check .encoder. model",
    400: "by hand",
    418: "by hand",
    302: "no key is sent",
}


@pytest.mark.parametrize("status", TERMINAL)
def test_what_stays_wrong_is_said_at_once_with_what_to_do(server, status):
    server.always = says(status, "the server's own words", [("Location", "http://elsewhere/")])
    with pytest.raises(ModelError, match=TERMINAL[status]) as caught:
        opened(server).encode(TEXTS[:1])
    assert isinstance(caught.value, TerminalError)
    assert str(status) in caught.value.found
    assert ("own words" in caught.value.found) == (status not in (401, 302))
    assert caught.value.where.startswith(server.url)
    assert len(server.requests) == 1


def test_an_account_without_credit_is_not_asked_again(server):
    server.always = says(429, "You exceeded your current quota", code="insufficient_quota")
    with pytest.raises(ModelError, match="no credit left"):
        opened(server).encode(TEXTS)
    assert len(server.requests) == 1


def without(key):
    return lambda content: content["data"][1].pop(key)


def put(key, value):
    return lambda content: content["data"][1].update({key: value})


MALFORMED = {
    "one embedding too few": (lambda content: content["data"].pop(), "9 embeddings for 10 texts"),
    "one too many": (lambda content: content["data"].append(content["data"][0]), "11 embeddings for 10 texts"),
    "none": (lambda content: content["data"].clear(), "0 embeddings for 10 texts"),
    "an index twice": (put("index", 0), "indices are not 0 to 9"),
    "an index beyond": (put("index", 10), "indices are not 0 to 9"),
    "an index below": (put("index", -1), "indices are not 0 to 9"),
    "an index that is true": (put("index", True), "indices are not 0 to 9"),
    "an index that is null": (put("index", None), "indices are not 0 to 9"),
    "no index": (without("index"), "indices are not 0 to 9"),
    "no embedding": (without("embedding"), "no vector, at index 1"),
    "an embedding that is null": (put("embedding", None), "no vector, at index 1"),
    "an empty one": (put("embedding", []), "no vector, at index 1"),
    "letters": (put("embedding", ["a"] * 32), "no vector, at index 1"),
    "a number": (put("embedding", 1.0), "no vector, at index 1"),
    "numbers as letters": (put("embedding", ["1.0"] * 32), "no vector, at index 1"),
    "truths": (put("embedding", [True] * 32), "no vector, at index 1"),
    "a number that no float holds": (put("embedding", [10**400] * 32), "no vector, at index 1"),
    "a vector a token": (put("embedding", [[1.0] * 32] * 3), "no vector, at index 1"),
    "ragged numbers": (put("embedding", [[1.0], 2.0]), "no vector, at index 1"),
    "no base64": (put("embedding", "!" * 128), "no vector, at index 1"),
    "base64 of half a number": (put("embedding", "AAAA"), "no vector, at index 1"),
    "one of another dimension": (put("embedding", in_base64(np.ones(31))), "31 dimensions"),
    "all of another dimension": (
        lambda content: [entry.update(embedding=[1.0] * 16) for entry in content["data"]],
        "16 dimensions",
    ),
    "no data": (lambda content: content.pop("data"), "without a list of embeddings"),
    "data that are no embeddings": (lambda content: content.update(data=[1] * 10), "without a list of embeddings"),
}


@pytest.mark.parametrize(("change", "found"), MALFORMED.values(), ids=MALFORMED)
def test_an_answer_that_is_not_one_vector_a_text_is_refused(server, change, found):
    server.faults.append(answers(change))
    with pytest.raises(ModelError, match=found):
        opened(server).encode(TEXTS)
    assert len(server.requests) == 1


@pytest.mark.parametrize("content", [[], None, "vectors", 1.5])
def test_json_that_is_no_answer_is_refused(server, content):
    server.faults.append(lambda exchange: exchange.send(200, content))
    with pytest.raises(ModelError, match="without a list of embeddings"):
        opened(server).encode(TEXTS)


NO_NUMBER = {
    "null": [None] * 32,
    "NaN": [math.nan] * 32,
    "one NaN": [0.5] * 31 + [math.nan],
    "infinity": [math.inf] * 32,
    "beyond float32": [1e300] * 32,
    "NaN in base64": in_base64(np.full(32, np.nan)),
}


@pytest.mark.parametrize("embedding", NO_NUMBER.values(), ids=NO_NUMBER)
def test_a_vector_that_is_not_finite_is_asked_for_once_more(server, embedding):
    server.faults.append(answers(put("embedding", embedding)))
    assert opened(server).encode(TEXTS).vectors.tobytes() == expected(TEXTS).tobytes()
    assert server.texts() == [TEXTS, [TEXTS[1]]]


@pytest.mark.parametrize("embedding", NO_NUMBER.values(), ids=NO_NUMBER)
def test_a_vector_that_stays_so_is_given_as_it_is_beside_its_neighbours(server, embedding):
    server.faults.append(answers(put("embedding", embedding)))
    server.faults.append(answers(lambda content: content["data"][0].update(embedding=embedding)))
    found = opened(server).encode(TEXTS).vectors
    assert np.flatnonzero(~np.isfinite(found).all(axis=1)).tolist() == [1]
    others = np.arange(10) != 1
    assert found[others].tobytes() == expected(TEXTS)[others].tobytes()


REFUSALS = {
    "OpenAI": (400, "This model's maximum context length is 8192 tokens, however you requested 9000 tokens"),
    "TEI": (413, "Input validation error: `inputs` must have less than 512 tokens. Given: 601"),
    "TEI with 422": (422, "Input validation error: `inputs` must have less than 512 tokens. Given: 601"),
    "Ollama": (400, "the input length exceeds the context length"),
    "llama.cpp": (500, "input is too large to process. increase the physical batch size"),
}


@pytest.mark.parametrize(("status", "message"), REFUSALS.values(), ids=REFUSALS)
def test_the_text_that_is_too_long_is_named_and_what_to_do_about_it(server, status, message):
    server.always = takes_texts_up_to(100, status, message)
    texts = [*TEXTS, "a long story " * 20, *TEXTS]
    with pytest.raises(TextTooLongError, match="260 bytes is too long") as caught:
        opened(server).encode(texts)
    assert message[:40] in caught.value.found
    assert "begins 'a long story a long" in caught.value.where
    for remedy in ("[chunk]", "max_length", "max_bytes"):
        assert remedy in caught.value.remedy


def test_a_server_that_takes_fewer_texts_is_sent_fewer(server):
    def refuses(exchange):
        if len(exchange.body["input"]) > 4:
            says(422, "batch size 10 > maximum allowed batch size 4")(exchange)
        else:
            exchange.send(200, exchange.good())

    server.always = refuses
    assert opened(server).encode(TEXTS).vectors.tobytes() == expected(TEXTS).tobytes()


def test_tokens_are_those_that_the_server_billed(server):
    encoder = opened(server, batch_texts=3)
    assert encoder.encode(TEXTS).billed_tokens == sum(len(text.split()) + 2 for text in TEXTS)
    assert encoder.encode([]).billed_tokens == 0
    server.faults.append(answers(lambda content: content.update(usage=None)))
    assert encoder.encode(TEXTS).billed_tokens is None
    server.always = answers(lambda content: content.update(usage={"prompt_tokens": 7}))
    assert encoder.encode(TEXTS[:1]).billed_tokens == 7


def test_without_a_tokenizer_nobody_counts_the_tokens_of_a_text(server):
    found = opened(server).encode(TEXTS)
    assert found.n_tokens is None
    assert found.n_unknown is None
    assert not found.truncated.any()


def test_what_is_no_text_reaches_no_server(server):
    with pytest.raises(InputError, match="text 1 of 2"):
        opened(server).encode(["fine", "bro\0ken"])
    assert server.requests == []


def test_the_same_model_elsewhere_is_the_same_encoder_but_is_asked_there(server):
    with serving() as other:
        one, two = opened(server), opened(other)
        assert one.identity.id == two.identity.id
        two.encode(TEXTS)
        assert (len(server.requests), len(other.requests)) == (0, 1)


@given(st.floats(0, 1e6), st.integers(1, 60), st.none() | st.floats(0, 1e5))
def test_a_delay_is_spread_and_bounded_and_never_shorter_than_asked_for(first, tries, asked):
    found = delay(first, tries, asked)
    if asked is None:
        whole = min(first * 2.0 ** (tries - 1), LONGEST)
        assert whole / 2 <= found <= whole
    else:
        assert asked <= found <= asked + first


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90.0),
        ({"retry-after": format_datetime(NOW - timedelta(seconds=90), usegmt=True)}, 0.0),
        ({"retry-after": "Fri, 27 Nov 2026 04:01:00 +0100"}, 60.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_a_server_says_how_long_to_wait_in_seconds_or_as_a_date(headers, seconds):
    assert retry_after(headers, NOW) == seconds
