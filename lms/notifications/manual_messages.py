"""Messages that the team sends by hand, with the facts of their text looked at again."""

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
    """A message that waits for the hand of a person, with the number it goes to."""

    item: OutboxItem
    booking: Booking
    number: str
    facts: Facts


def list_manual_messages(
    session: Session, person: Person, settings: Settings, now: datetime
) -> list[ManualMessage]:
    """List what this person may send now, the nearest appointment first. One statement.

    What was cancelled, moved or begun meanwhile is left out, and so is whoever has no number.
    """
    found = []
    for item, booking in manual_messages.messages_to_send(session, person, now=now):
        number, facts = sms_number(item.person), text_facts(booking, item, settings, now)
        if number is not None and facts is not None:
            found.append(ManualMessage(item, booking, number, facts))
    return found
