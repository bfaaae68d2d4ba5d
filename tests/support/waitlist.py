"""The line of those who wait, as the tests of its rules speak of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from lms.domain.booking import appointments, waitlist
from lms.domain.booking.queries import with_people
from lms.domain.errors import Refused
from lms.models import AFTERNOON, EVENING, MORNING, Booking, Person, WaitlistEntry
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import House

TUESDAY = wall("2026-11-24", "10:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WHOLE_DAY = MORNING | AFTERNOON | EVENING
Who = Callable[[Session], Person]


def someone(name: str) -> Who:
    def found(session: Session) -> Person:
        known = session.scalars(select(Person).where(Person.name == name)).first()
        return known or factories.learner(session, name)

    return found


grace, amina = someone("Grace Mbala"), someone("Amina Haddad")


def book(
    house: House,
    starts: datetime,
    who: Who = factories.oksana,
    teacher: Who = factories.nadia,
    mode: Any = "video",
) -> str:
    return house.write(
        lambda s: factories.booked(s, who(s), teacher(s), starts, mode, by=factories.claire(s)).id
    )


def give_back(house: House, booking_id: str, now: datetime = NOW) -> None:
    def deed(session: Session) -> None:
        booking = session.get_one(Booking, booking_id)
        appointments.cancel(session, booking, session.get_one(Person, booking.learner_id), "", now)

    house.write(deed)


def wait(
    house: House,
    who: Who,
    *,
    teacher: Who | None = None,
    parts: int = WHOLE_DAY,
    mode: str | None = None,
    now: datetime = NOW,
) -> str:
    def deed(session: Session) -> str:
        learner = who(session)
        wished = teacher(session).id if teacher else None
        return waitlist.join(session, learner, learner, wished, parts, mode, now).id

    return house.write(deed)


def offered_slots(house: House) -> dict[str, datetime]:
    """First name -> the hour that is being offered to her."""
    found = house.read(lambda s: s.scalars(_offered()).all())
    return {one.learner.first_name: one.starts for one in found}


def _offered() -> Select[Booking]:
    return with_people().where(Booking.state == "offered")


def the_offer(house: House) -> Booking:
    return house.read(lambda s: s.scalars(_offered()).one())


def answer(house: House, verb: Any, now: datetime = NOW) -> None:
    def deed(session: Session) -> None:
        offer = session.get_one(Booking, the_offer(house).id)
        verb(session, offer, session.get_one(Person, offer.learner_id), now)

    house.write(deed)


def expire(house: House, now: datetime) -> None:
    due = house.read(lambda s: waitlist.due_offers(s, now))
    for offer_id in due:
        house.write(lambda s, offer_id=offer_id: waitlist.expire(s, offer_id, now))


def outcome(house: House, entry_id: str) -> str | None:
    return house.read(lambda s: s.get_one(WaitlistEntry, entry_id).outcome)


def refusal(deed: Callable[[], object]) -> str:
    with pytest.raises(Refused) as no:
        deed()
    return no.value.code
