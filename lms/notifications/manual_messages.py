"""Manual messages, with the current values of their texts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from config import Settings
from lms.domain import manual_messages
from lms.domain.people.contact import sms_number
from lms.models import Booking, OutboxItem, Person
from lms.notifications import Facts
from lms.notifications.booking import IN_PERSON, text_facts


@dataclass(frozen=True)
class ManualMessage:
    """A message that a member of the team sends by hand, to the phone of the learner.

    `number` None: nothing reaches the learner, somebody has to say it in person.
    """

    item: OutboxItem
    booking: Booking
    number: str | None
    facts: Facts


def list_manual_messages(
    session: Session, person: Person, settings: Settings, now: datetime
) -> list[ManualMessage]:
    """Return the messages that this person may send now, the nearest appointment first.

    Messages that no longer make sense are left out, and to a learner without a phone number those that
    nobody has to say in person.
    """
    found = []
    for item, booking in manual_messages.messages_to_send(session, person, now=now):
        number, facts = sms_number(item.person), text_facts(booking, item, settings, now)
        if facts is not None and (number is not None or item.kind in IN_PERSON):
            # Nobody says an address aloud.
            found.append(ManualMessage(item, booking, number, facts if number else {**facts, "leads": ""}))
    return found
