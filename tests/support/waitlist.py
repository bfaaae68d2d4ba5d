"""Helpers for tests of the waitlist."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms import clock
from lms.domain.booking import appointments, kept, waitlist
from lms.domain.booking.queries import with_people
from lms.domain.booking.waitlist_page import waitlist_page
from lms.domain.errors import Refused
from lms.models import AFTERNOON, EVENING, MORNING, Booking, Mode, OutboxItem, Person, WaitlistEntry
from tests import factories
from tests.factories import NOW, Who, wall
from tests.support.school import School

TUESDAY = wall("2026-11-24", "10:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WHOLE_DAY = MORNING | AFTERNOON | EVENING


def someone(name: str) -> Who:
    def found(session: Session) -> Person:
        known = session.scalars(select(Person).where(Person.name == name)).first()
        return known or factories.learner(session, name)

    return found


grace, amina = someone("Grace Mbala"), someone("Amina Haddad")


def book(
    school: School,
    starts: datetime,
    who: Who = factories.oksana,
    teacher: Who = factories.nadia,
    mode: Any = "video",
) -> str:
    return school.write(
        lambda s: factories.booked(s, who(s), teacher(s), starts, mode, by=factories.claire(s)).id
    )


def give_back(school: School, booking_id: str, now: datetime = NOW) -> None:
    """Cancel as the learner, who does not take it back: the time for that is over at once."""

    def operation(session: Session) -> None:
        booking = session.get_one(Booking, booking_id)
        cancel_for_good(session, session.get_one(Person, booking.learner_id), booking, now=now)

    school.write(operation)


def cancel_for_good(session: Session, actor: Person, booking: Booking, *, now: datetime) -> Booking:
    """Cancel; what is kept for the learner is freed as if the learner had given it up."""
    appointments.cancel(session, actor, booking, "", now=now, zone=BRUSSELS)
    if booking.is_kept:
        kept.release_kept(session, booking)
        kept.offer_given_up(session, [booking], now=now, zone=BRUSSELS)
    return booking


def wait(
    school: School,
    who: Who,
    *,
    teacher: Who | None = None,
    parts: int = WHOLE_DAY,
    mode: Mode | None = None,
    now: datetime = NOW,
) -> str:
    def operation(session: Session) -> str:
        learner = who(session)
        wished = teacher(session).id if teacher else None
        return waitlist.join_waitlist(session, learner, learner, wished, parts, mode, now=now).id

    return school.write(operation)


def offered_slots(school: School) -> dict[str, datetime]:
    """Return the offered slots by first name."""
    found = school.read(lambda s: s.scalars(_offered()).all())
    return {one.learner.first_name: one.starts for one in found}


def _offered() -> Select[Booking]:
    return with_people().where(Booking.state == "offered")


def the_offer(school: School) -> Booking:
    return school.read(lambda s: s.scalars(_offered()).one())


def answer(school: School, give_answer: Any, now: datetime = NOW) -> None:
    def operation(session: Session) -> None:
        offer = session.get_one(Booking, the_offer(school).id)
        give_answer(session, session.get_one(Person, offer.learner_id), offer, now=now)

    school.write(operation)


def expire(school: School, now: datetime) -> None:
    due = school.read(lambda s: waitlist.overdue_offers(s, now=now))
    for offer_id in due:
        school.write(partial(waitlist.expire_offer, offer_id=offer_id, now=now, zone=BRUSSELS))


def outcome(school: School, entry_id: str) -> str | None:
    return school.read(lambda s: s.get_one(WaitlistEntry, entry_id).outcome)


def refusal(operation: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        operation()
    return caught.value.code


def end_kept_time(school: School) -> None:
    """End the ten minutes after each cancellation: slots are freed, messages are due."""

    def earlier(session: Session) -> None:
        kept_until, cancelled_at = clock.now() - timedelta(seconds=1), clock.now() - timedelta(minutes=11)
        ids = list(session.scalars(select(Booking.id).where(Booking.kept_until.is_not(None))))
        session.execute(
            update(Booking)
            .where(Booking.id.in_(ids))
            .values(kept_until=kept_until, cancelled_at=cancelled_at)
        )
        session.execute(
            update(OutboxItem)
            .where(OutboxItem.about_id.in_(ids), OutboxItem.kind == "booking_cancelled")
            .values(due_at=kept_until)
        )

    school.write(earlier)
    with school.app.app_context():
        school.app.extensions["lms_jobs"].free_overdue()


def entries_in_order(session: Session) -> list[WaitlistEntry]:
    """Return the entries of the first page of the waitlist, as the team reads it."""
    return [waiting.entry for waiting in waitlist_page(session, None).entries]
