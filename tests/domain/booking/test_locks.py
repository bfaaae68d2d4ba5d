"""Whoever offers freed time has locked all who wait: tested on PostgreSQL, with a second connection."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from config import ROOT
from lms.domain.booking import absence, appointments, availability, kept, waitlist, withdrawal
from lms.domain.booking.availability import WeeklyHours
from lms.domain.calendars import external
from lms.domain.calendars.external import Event
from lms.models import Booking, Mode, Person
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import School
from tests.support.waitlist import TUESDAY, amina, book, give_back, grace, wait

HOUR = timedelta(hours=1)
DAY = date(2026, 11, 24)


def the(session: Session, state: str) -> Booking:
    return session.scalars(select(Booking).where(Booking.state == state)).one()


def cancel(s: Session) -> None:
    booking = the(s, "booked")
    appointments.cancel(s, factories.nadia(s), booking, "", now=NOW, zone=BRUSSELS)


def end_of_kept_time(s: Session) -> None:
    booking = the(s, "booked")
    appointments.cancel(s, factories.oksana(s), booking, "", now=NOW, zone=BRUSSELS)
    kept.end_kept(s, booking.id, now=NOW + timedelta(minutes=11), zone=BRUSSELS)


def book_another(s: Session) -> None:
    oksana = factories.oksana(s)
    appointments.cancel(s, oksana, the(s, "booked"), "", now=NOW, zone=BRUSSELS)
    at = TUESDAY + HOUR
    appointments.book(s, oksana, oksana, factories.nadia(s).id, at, Mode.VIDEO, now=NOW, zone=BRUSSELS)


def move(s: Session) -> None:
    at = TUESDAY + HOUR
    claire = factories.claire(s)
    appointments.move(s, claire, the(s, "booked"), at, Mode.VIDEO, now=NOW, zone=BRUSSELS)


def leave(s: Session) -> None:
    learner = s.get_one(Person, the(s, "offered").learner_id)
    waitlist.leave_waitlist(s, learner, learner, now=NOW, zone=BRUSSELS)


def decline(s: Session) -> None:
    offer = the(s, "offered")
    learner = s.get_one(Person, offer.learner_id)
    waitlist.decline_offer(s, learner, offer, now=NOW, zone=BRUSSELS)


def expire(s: Session) -> None:
    offer = the(s, "offered")
    waitlist.expire_offer(s, offer.id, now=offer.expires_at or NOW, zone=BRUSSELS)


def extra_hours(s: Session) -> None:
    nadia, hours = (
        factories.nadia(s),
        WeeklyHours(TUESDAY.time().replace(hour=14), TUESDAY.time().replace(hour=15)),
    )
    availability.add_extra_hours(s, nadia, nadia, (DAY, DAY), hours, "", now=NOW, zone=BRUSSELS)


def leave_the_school(s: Session) -> None:
    factories.oksana(s).deactivated_at = NOW
    absence.offboard(s, factories.claire(s), factories.oksana(s), now=NOW, zone=BRUSSELS)


def lose_learner(s: Session) -> None:
    s.get_one(Person, the(s, "offered").learner_id).deactivated_at = NOW
    withdrawal.withdraw_uncovered_offers(s, now=NOW, zone=BRUSSELS)


def new_day(s: Session) -> None:
    factories.organisation(s).horizon_days = 5
    waitlist.offer_new_days(s, now=wall("2026-11-27", "08:17"), zone=BRUSSELS)


def busy_time_goes(s: Session) -> None:
    calendar = external.add_calendar(s, factories.nadia(s), "https://cloud.example.be/x", now=NOW)
    for events in ([Event("x", TUESDAY + HOUR, TUESDAY + 2 * HOUR)], []):
        external.store_events(s, calendar.id, events, "", now=NOW, zone=BRUSSELS)


# SQLite has one writer at a time: there is nothing to lock.
@pytest.mark.parametrize("school", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("operation", "offered_before"),
    [
        (cancel, False),
        (end_of_kept_time, False),
        (book_another, False),
        (move, False),
        (leave_the_school, False),
        (extra_hours, False),
        (new_day, False),
        (busy_time_goes, False),
        (leave, True),
        (decline, True),
        (expire, True),
        (lose_learner, True),
    ],
)
def test_who_offers_freed_time_has_locked_all_who_wait(
    school: School, operation: Callable[[Session], None], offered_before: bool
) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "10:00", "12:00"))
    booking = book(school, TUESDAY)
    for who in (grace, amina):
        wait(school, who)
    if offered_before:
        give_back(school, booking)
    waiting = school.read(lambda s: [grace(s).id, amina(s).id])
    free: list[list[str]] = []

    def look(
        _connection: object, _cursor: object, statement: str, parameters: object, *_more: object
    ) -> None:
        if statement.startswith("INSERT INTO booking") and "offered" in str(parameters):
            unlocked = (
                select(Person.id)
                .where(Person.id.in_(waiting))
                .with_for_update(key_share=True, skip_locked=True)
            )
            with school.engine.connect() as other:
                free.append(list(other.scalars(unlocked)))

    engine = school.engine
    event.listen(engine, "before_cursor_execute", look)
    try:
        school.write(operation)
    finally:
        event.remove(engine, "before_cursor_execute", look)
    assert free, "nothing was offered"
    assert not any(free)


def test_every_function_that_offers_freed_time_has_its_case_here() -> None:
    callers = {
        function.name
        for path in sorted((ROOT / "lms/domain").rglob("*.py"))
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("offer_to_waitlist")
    }
    assert callers == {
        "_replace",  # busy_time_goes
        "cancel",
        "decline_offer",
        "end_kept",  # end_of_kept_time
        "expire_offer",
        "leave_waitlist",
        "move",
        "offer_given_up",  # book_another
        "offer_new_hours",  # extra_hours, new_day
        "withdraw_uncovered_offers",  # lose_learner
    }
