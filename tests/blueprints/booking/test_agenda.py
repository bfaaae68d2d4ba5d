"""The teacher's week."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms import clock
from lms.blueprints.booking import agenda
from lms.domain.booking import absence, appointments, waitlist
from lms.models import Booking, BookingState, ExternalBusyTime, ExternalCalendar, Mode, Person
from tests import factories
from tests.support.pages import Visitor
from tests.support.school import School

MONDAY = factories.coming_monday()
WEEK = f"{MONDAY.isocalendar().year}-W{MONDAY.isocalendar().week:02}"


def at(hour: str, days: int = 0) -> datetime:
    return factories.wall((MONDAY + timedelta(days=days)).isoformat(), hour)


def visitor(school: School, who: Callable[[Session], Person]) -> Visitor:
    return school.visitor(school.write(lambda s: who(s).id))


def booked(school: School, starts: datetime, who: Any = factories.samira) -> str:
    return school.write(lambda s: factories.booked(s, who(s), factories.nadia(s), starts, now=clock.now()).id)


def open_week(school: School) -> None:
    school.write(lambda s: factories.all_week(s, factories.nadia(s), "09:00", "12:00"))


def test_the_week_shows_appointments_in_front_and_free_hours_behind(school: School) -> None:
    open_week(school)
    booked(school, at("10:00"))
    page = visitor(school, factories.nadia).get(f"/agenda?week={WEEK}")
    monday = page.root.all("ol")[0].text
    assert monday.index("9 h 00 – 10 h 00") < monday.index("Samira") < monday.index("11 h 00 – 12 h 00")
    assert "10 h 00 Samira" in monday


def test_free_hours_on_site_are_one_band_over_their_pauses(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:30", "onsite"))
    school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "09:00", "10:00"))
    school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "10:15", "11:15"))
    days = visitor(school, factories.nadia).get(f"/agenda?week={WEEK}").root.all("ol")
    assert "9 h 00 – 12 h 30" in days[0].text
    assert "9 h 00 – 10 h 00" in days[1].text, "by video nothing is open between them"


def test_an_empty_week_says_what_to_do(school: School) -> None:
    page = visitor(school, factories.nadia).get("/agenda")
    assert "/agenda/availability" in page.links().values()


@pytest.mark.parametrize(
    ("today", "last_ends", "over"),
    [
        ("2026-11-20", "2026-11-18", False),  # a Friday
        ("2026-11-22", "2026-11-18", True),  # a Sunday, the last appointment was on Wednesday
        ("2026-11-21", "2026-11-22", False),  # a Saturday, somebody comes on Sunday
    ],
)
def test_on_a_free_weekend_the_agenda_opens_on_the_week_that_comes(
    today: str, last_ends: str, over: bool
) -> None:
    ends = factories.wall(last_ends, "11:00")
    band = agenda.Band(ends - timedelta(hours=1), ends, frozenset({Mode.VIDEO}))
    days = [agenda.Day(ends.date(), free=[band])]
    assert agenda.is_over(days, date.fromisoformat(today), factories.wall(today, "09:00")) is over


def test_an_offered_hour_is_neither_free_nor_an_appointment(school: School) -> None:
    open_week(school)
    made = booked(school, at("10:00"), factories.oksana)

    def offered(session: Session) -> str:
        samira = factories.samira(session)
        waitlist.join_waitlist(session, samira, samira, None, 7, None, now=clock.now())
        appointments.cancel(
            session,
            factories.nadia(session),
            session.get_one(Booking, made),
            "",
            now=clock.now(),
            zone=BRUSSELS,
        )
        return session.scalars(select(Booking.id).where(Booking.state == BookingState.OFFERED)).one()

    offer = school.write(offered)
    page = visitor(school, factories.nadia).get(f"/agenda?week={WEEK}")
    assert "10 h 00 Samira proposé" in page.root.all("ol")[0].text
    assert "9 h 00 – 12 h 00" not in page.root.all("ol")[0].text
    assert f"/bookings/{offer}" not in page.links().values()


def busy_elsewhere(session: Session, starts: datetime, ends: datetime) -> None:
    calendar = ExternalCalendar(
        teacher_id=factories.nadia(session).id, address="https://example.be/a.ics", created_at=clock.now()
    )
    session.add(calendar)
    session.flush()
    session.add(ExternalBusyTime(calendar_id=calendar.id, starts=starts, ends=ends))


def test_what_is_busy_elsewhere_hides_free_hours_and_warns_of_appointments(school: School) -> None:
    open_week(school)
    made = booked(school, at("10:00"))
    school.write(lambda s: busy_elsewhere(s, at("10:30"), at("11:15")))
    page = visitor(school, factories.nadia).get(f"/agenda?week={WEEK}")
    monday, tuesday = page.root.all("ol")[0].text, page.root.all("ol")[1].text
    assert "9 h 00 – 10 h 00" in monday
    assert "11 h 00 – 12 h 00" not in monday
    assert "occupé dans un autre agenda" in monday
    assert "occupé" not in tuesday
    school.write(
        lambda s: absence.accept_conflict(s, factories.nadia(s), s.get_one(Booking, made), now=clock.now())
    )
    assert "occupé" not in visitor(school, factories.nadia).get(f"/agenda?week={WEEK}").text


@pytest.mark.parametrize("week", ["x", "2026-W99", "9999-W01", "2026-W53&week=", "%00"])
def test_a_week_that_is_none_is_this_week(school: School, week: str) -> None:
    assert visitor(school, factories.nadia).get(f"/agenda?week={week}").status == 200


def test_the_week_asks_as_much_for_one_appointment_as_for_many(school: School) -> None:
    open_week(school)
    browser = visitor(school, factories.nadia)
    counts = []

    def one_more(session: Session, number: int) -> None:
        learner, starts = factories.learner(session, f"Learner {number}"), at("10:00", days=number)
        factories.booked(session, learner, factories.nadia(session), starts, now=clock.now())

    for number in range(1, 5):
        school.write(partial(one_more, number=number))
        browser.get(f"/agenda?week={WEEK}")
        with school.counting_statements() as sent:
            browser.get(f"/agenda?week={WEEK}")
        counts.append(len(sent))
    assert len(set(counts)) == 1
    assert counts[0] <= 13  # five of them look for what is to be decided
