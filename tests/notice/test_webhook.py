"""One POST, against a real listener: what it brings, when it is tried again, and that it never raises."""

import logging
import socket

import pytest

from sphering.notice.webhook import TRIES, post

VARIABLE = "A_WEBHOOK"
NOTICE = {"text": "published: questions", "event": "published", "documents": 200}


@pytest.fixture
def said(caplog):
    """Everything that any library logs, down to the last request."""
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.fixture
def sent(listener, monkeypatch, said):
    def send(*answers, address=None, **settings):
        listener.answers = list(answers) or [200]
        monkeypatch.setenv(VARIABLE, listener.address if address is None else address)
        taken = post(VARIABLE, NOTICE, **{"pause": 0.0, **settings})
        assert "SECRET" not in said.text
        return taken

    return send


def warnings(said):
    return [record.getMessage() for record in said.records if record.levelno >= logging.WARNING]


def test_a_notice_is_one_post_of_json_with_its_text_and_facts(sent, listener, said):
    assert sent()
    assert listener.posts == [NOTICE]
    assert listener.paths == ["/services/T0SECRETTOKEN"]
    assert warnings(said) == []


@pytest.mark.parametrize("first", [500, 503, 429, 408])
def test_an_answer_that_may_pass_is_asked_for_again(sent, listener, said, first):
    assert sent(first, 200)
    assert listener.posts == [NOTICE, NOTICE]
    assert warnings(said) == []


def test_tries_are_bounded_and_the_last_answer_is_warned_of(sent, listener, said):
    assert not sent(500)
    assert len(listener.posts) == TRIES
    assert warnings(said) == [f"no notice was sent to the address in {VARIABLE}: it answered 500"]


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_an_answer_that_stays_is_not_asked_for_again(sent, listener, said, status):
    assert not sent(status)
    assert len(listener.posts) == 1
    assert f"it answered {status}" in warnings(said)[0]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(sent, listener, said, status):
    assert not sent(status)
    assert listener.paths == ["/services/T0SECRETTOKEN"]
    assert "redirect" in warnings(said)[0]


def test_a_listener_that_does_not_answer_in_time_is_given_up(sent, listener, said):
    listener.delay = 2.0
    assert not sent(seconds=0.1)
    assert "ReadTimeout" in warnings(said)[0]


def test_a_refused_connection_is_given_up(sent, said):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert not sent(address=f"http://127.0.0.1:{port}/SECRET")
    assert "ConnectError" in warnings(said)[0]


@pytest.mark.parametrize(
    "address",
    ["", "SECRET", "ftp://SECRET/x", "https://", "http://[SECRET", "http://a b/SECRET", "http://\udcff/SECRET"],
)
def test_what_is_no_address_is_warned_of_and_not_repeated(sent, listener, said, address):
    assert not sent(address=address)
    assert listener.posts == []
    assert VARIABLE in warnings(said)[0]
