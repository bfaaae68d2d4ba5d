"""How a message finds a person."""

from __future__ import annotations

import pytest

from lms.domain.people.contact import (
    available_channels,
    count_by_delivery,
    mail_address,
    preferred_channel,
    sms_number,
)
from lms.models import Channel, Person, PersonRole


def somebody(role: str = "learner", reach: str = "auto", **more: str | None) -> Person:
    return Person(name="Samira", reach=reach, role_rows=[PersonRole(role=role)], **more)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0470 12 34 56", "+32470123456"),
        ("0470/12.34.56", "+32470123456"),
        ("+32 470 12 34 56", "+32470123456"),
        ("+32 (0)470 12 34 56", "+32470123456"),
        ("0032 470 12 34 56", "+32470123456"),
        ("+33 6 12 34 56 78", "+33612345678"),
        ("00 380 50 123 45 67", "+380501234567"),
        ("071 12 34 56", None),  # a desk takes no text
        ("+32 71 12 34 56", None),
        ("0470 12 34", None),
        ("470 12 34 56", None),  # nobody knows of which country
        ("+0470123456", None),
        ("+1234567890123456", None),
        ("", None),
        (None, None),
    ],
)
def test_a_number_is_written_as_every_network_reads_it_or_takes_no_text(
    written: str | None, number: str | None
) -> None:
    assert sms_number(somebody(phone=written)) == number


BOTH = {"email": "samira@example.be", "phone": "0470 12 34 56"}


@pytest.mark.parametrize(
    ("person", "with_gateway", "without"),
    [
        (somebody(**BOTH), "mail", "mail"),
        (somebody(phone="0470 12 34 56"), "sms", "hand"),
        (somebody(phone="071 12 34 56"), None, None),
        (somebody(), None, None),
        (somebody(reach="mail", **BOTH), "mail", "mail"),
        (somebody(reach="sms", **BOTH), "sms", "mail"),
        (somebody(reach="hand", **BOTH), "hand", "hand"),
        (somebody(reach="hand", email="samira@example.be"), "mail", "mail"),
        (somebody(reach="mail", phone="0470 12 34 56"), "sms", "hand"),
    ],
)
def test_she_is_reached_as_she_chose_if_that_leads_to_her(
    person: Person, with_gateway: str | None, without: str | None
) -> None:
    assert preferred_channel(person, gateway=True) == with_gateway
    assert preferred_channel(person, gateway=False) == without


def test_the_team_is_always_reached_by_mail() -> None:
    nadia = somebody("teacher", "sms", login_email="nadia@example.be", phone="0470 12 34 56")
    assert mail_address(nadia) == "nadia@example.be"
    assert preferred_channel(nadia, gateway=True) == Channel.MAIL
    assert available_channels(somebody("teacher", phone="0470 12 34 56"), gateway=True) == ()


def test_whom_no_machine_reaches_somebody_of_the_team_tells_and_nobody_is_counted_twice() -> None:
    samira = somebody(id="samira", email="samira@example.be")
    by_hand = somebody(id="grace", phone="0470 12 34 56", reach="hand")
    nowhere = somebody(id="tesfay")
    assert count_by_delivery([samira, by_hand, nowhere, samira], gateway=False) == (1, 2)
