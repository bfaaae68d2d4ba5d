"""Channels that reach a person: e-mail, SMS, or a message sent by hand by the team."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lms.models import Channel, Person
from lms.normal_forms import normalize_phone

_WORLDWIDE = re.compile(r"\+[1-9][0-9]{7,14}")
# In Belgium only these numbers receive SMS.
_BELGIAN_MOBILE = re.compile(r"\+324[5-9][0-9]{7}")


def mail_address(person: Person) -> str | None:
    """Return the e-mail address that notifications go to; None when there is none, or its mails come back."""
    return None if person.email_bounced_at else registered_address(person)


def registered_address(person: Person) -> str | None:
    """Return the e-mail address of a person, also one whose mails come back; None when there is none."""
    return person.email or person.login_email


def sms_number(person: Person) -> str | None:
    """Return the phone number in international form; None when no SMS can reach it."""
    written = normalize_phone(person.phone or "") or ""
    if written.startswith("0"):
        written = f"+32{written[1:]}"
    belgian = written.startswith("+32")
    fits = (_BELGIAN_MOBILE if belgian else _WORLDWIDE).fullmatch(written)
    return written if fits else None


def available_channels(person: Person, *, gateway: bool) -> tuple[Channel, ...]:
    """Return every channel that reaches the person, the cheapest first.

    The team is reached by e-mail only. `gateway`: the instance sends SMS by itself.
    """
    by_mail = mail_address(person) is not None
    if person.is_staff:
        return (Channel.MAIL,) if by_mail else ()
    by_phone = sms_number(person) is not None
    found: list[Channel] = [Channel.MAIL] if by_mail else []
    if by_phone:
        found += [Channel.SMS, Channel.HAND] if gateway else [Channel.HAND]
    return tuple(found)


def preferred_channel(person: Person, *, gateway: bool) -> Channel | None:
    """Return the channel that the person chose, or the first available one when it does not reach the person.

    None when no channel does. `gateway`: the instance sends SMS by itself.
    """
    possible = available_channels(person, gateway=gateway)
    for channel in possible:
        if channel == person.reach:
            return channel
    return possible[0] if possible else None


def count_by_delivery(people: Iterable[Person], *, gateway: bool) -> tuple[int, int]:
    """Return how many of these people the instance notifies by itself, and how many the team has to notify.

    `gateway`: the instance sends SMS by itself.
    """
    found = {person.id: preferred_channel(person, gateway=gateway) for person in people}
    automatic = sum(channel in (Channel.MAIL, Channel.SMS) for channel in found.values())
    return automatic, len(found) - automatic
