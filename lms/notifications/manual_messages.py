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
from lms.notifications.booking import text_facts


@dataclass(frozen=True)
class ManualMessage:
    """A message that a member of the team sends by hand, with the phone number of the learner."""

    item: OutboxItem
    booking: Booking
    number: str
    facts: Facts


def list_manual_messages(
    session: Session, person: Person, settings: Settings, now: datetime
) -> list[ManualMessage]:
    """Return the messages that this person may send now, the nearest appointment first. One statement.

    Messages that no longer make sense are left out, and those to a learner without a phone number.
    """
    found = []
    for item, booking in manual_messages.messages_to_send(session, person, now=now):
        number, facts = sms_number(item.person), text_facts(booking, item, settings, now)
        if number is not None and facts is not None:
            found.append(ManualMessage(item, booking, number, facts))
    return found
