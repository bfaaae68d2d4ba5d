from __future__ import annotations

import time

import pytest

from lms.adapters.mail.message import Postponed, Undeliverable
from lms.adapters.sms.gateway import HttpSmsGateway
from tests.support.servers import free_port
from tests.support.sms_gateway import Gateway


def send(gateway: Gateway, **more: float) -> None:
    sms_sender = HttpSmsGateway(gateway.url, token="a-secret", sender="Passerelle", **more)
    sms_sender.send("+32470123456", "Demain : 14 h 30, موعد", "k3f9")


def test_a_text_arrives_whole_with_its_key_and_our_token(gateway: Gateway) -> None:
    send(gateway)
    ((path, headers, body),) = gateway.received
    assert path == "/texts?v=1"
    assert body == {
        "to": "+32470123456",
        "text": "Demain : 14 h 30, موعد",
        "id": "k3f9",
        "from": "Passerelle",
    }
    assert headers["Authorization"] == "Bearer a-secret"
    assert headers["Idempotency-Key"] == "k3f9"
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("answer", [400, 410, 422])
def test_a_number_that_is_refused_is_given_up(gateway: Gateway, answer: int) -> None:
    gateway.answers = answer
    with pytest.raises(Undeliverable, match=f"answered {answer}"):
        send(gateway)


@pytest.mark.parametrize("answer", [302, 401, 403, 404, 408, 429, 500, 503])
def test_what_may_mend_is_tried_later_a_wrong_token_of_ours_too(gateway: Gateway, answer: int) -> None:
    gateway.answers = answer
    with pytest.raises(Postponed, match=f"answered {answer}"):
        send(gateway)


def test_no_redirect_takes_number_and_token_elsewhere(gateway: Gateway) -> None:
    gateway.answers, gateway.location = 307, gateway.url
    with pytest.raises(Postponed, match="307"):
        send(gateway)
    assert len(gateway.received) == 1


def test_a_gateway_that_drips_is_cut_off_in_time(gateway: Gateway) -> None:
    gateway.drip = 0.1
    began = time.monotonic()
    with pytest.raises(Postponed, match="within the time limit"):
        send(gateway, timeout=0.5)
    assert time.monotonic() - began < 3


def test_a_gateway_that_is_away_costs_patience_and_names_nobody() -> None:
    sms_sender = HttpSmsGateway(f"http://127.0.0.1:{free_port()}", token="a-secret", timeout=5)
    with pytest.raises(Postponed, match="refused the connection") as told:
        sms_sender.send("+32470123456", "Demain", "k3f9")
    assert told.value.__cause__ is None
    assert "0470" not in str(told.value)


def test_an_open_line_is_not_taken_for_tls(gateway: Gateway) -> None:
    sms_sender = HttpSmsGateway(gateway.url.replace("http:", "https:"), token="a-secret", timeout=5)
    with pytest.raises(Postponed, match="TLS"):
        sms_sender.send("+32470123456", "Demain", "k3f9")
    assert gateway.received == []
