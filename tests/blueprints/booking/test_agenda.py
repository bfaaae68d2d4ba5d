"""The teacher's week."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms import clock
from lms.domain.booking import absence, appointments, availability, waitlist
from lms.models import Booking, BookingState, ExternalBusyTime, ExternalCalendar, Person
from tests import factories
from tests.support.pages import Element, Page, Visitor
from tests.support.school import School

MONDAY = factories.coming_monday()
WEEK = f"{MONDAY.isocalendar().year}-W{MONDAY.isocalendar().week:02}"


def at(hour: str, days: int = 0) -> datetime:
    return factories.wall((MONDAY + timedelta(days=days)).isoformat(), hour)


def visitor(school: School, who: Callable[[Session], Person]) -> Visitor:
    return school.visitor(school.write(lambda s: who(s).id))


def booked(school: School, starts: datetime, who: Any = factories.samira) -> str:
    return school.write(lambda s: factories.booked(s, who(s), factories.nadia(s), starts, now=clock.now()).id)


def days_of(page: Page) -> list[Element]:
    return [one for one in page.root.all("ol") if one.get("class") == "day-hours"]


def open_week(school: School) -> None:
    school.write(lambda s: factories.all_week(s, factories.nadia(s), "09:00", "12:00"))


def test_the_week_shows_appointments_in_front_and_free_hours_behind(school: School) -> None:
    open_week(school)
    booked(school, at("10:00"))
    page = visitor(school, factories.nadia).get(f"/agenda?week={WEEK}")
    monday = days_of(page)[0].text
    assert monday.index("9 h 00 – 10 h 00") < monday.index("Samira") < monday.index("11 h 00 – 12 h 00")
    assert "10 h 00 Samira" in monday


def test_a_free_slot_leads_over_the_question_for_whom_to_the_booking(school: School) -> None:
    open_week(school)
    samira = school.write(lambda s: factories.samira(s).id)
    nadia = visitor(school, factories.nadia)
    week = nadia.get(f"/agenda?week={WEEK}")
    slots = [one.get("href") for one in days_of(week)[0].all("a")]
    assert len(slots) == 3
    asked = nadia.get(slots[1])
    assert "10 h 00" in asked.text
    assert nadia.get(f"{slots[1]}&q=zzz").text.count("Aucun résultat") == 1
    confirm = nadia.get(next(url for url in asked.links().values() if f"learner={samira}" in url))
    done = nadia.submit(confirm, action="/bookings")
    assert "Samira" in done.root.all("h1")[0].text
    made = school.read(lambda s: s.scalars(select(Booking)).one())
    assert (made.starts, made.learner_id) == (at("10:00"), samira)


@pytest.mark.parametrize("hour", ["", "x", "22222222222222.20261201T0900"])
def test_a_slot_that_is_none_leads_back_to_the_week(school: School, hour: str) -> None:
    assert visitor(school, factories.nadia).get(f"/agenda/slot?hour={hour}").url == "/agenda"


def test_a_day_of_the_week_is_chosen_for_the_phone_and_its_neighbours_are_linked(school: School) -> None:
    open_week(school)
    page = visitor(school, factories.nadia).get(f"/agenda?day={MONDAY}")
    chosen = [one for one in page.root.all("section") if "chosen" in one.get("class").split()]
    assert len(chosen) == 1
    assert "9 h 00 – 10 h 00" in chosen[0].text
    for neighbour in (MONDAY - timedelta(days=1), MONDAY + timedelta(days=1)):
        assert f'href="/agenda?day={neighbour}"' in page.html


def test_the_coordinator_sees_the_week_of_everybody_or_of_one(school: School) -> None:
    open_week(school)
    school.write(lambda s: factories.rule(s, factories.luc(s), 0, "09:00", "11:00"))
    booked(school, at("10:00"))
    nadia, luc = school.read(lambda s: (factories.nadia(s).id, factories.luc(s).id))
    claire = visitor(school, factories.claire)
    everybody = claire.get(f"/agenda?week={WEEK}")
    monday = days_of(everybody)[0].text
    assert "Samira" in monday
    assert "2 places libres" in monday, "at nine, of both"
    assert "Samira" in days_of(claire.get(f"/agenda?week={WEEK}&teacher={nadia}"))[0].text
    assert "Samira" not in claire.get(f"/agenda?week={WEEK}&teacher={luc}").root.all("main")[0].text
    assert claire.get("/agenda?teacher=nobody").status == 404
    assert visitor(school, factories.luc).get(f"/agenda?teacher={nadia}").status == 404
    assert visitor(school, factories.luc).get("/agenda?teacher=all").status == 404


def test_the_coordinator_moves_and_cancels_an_appointment_of_a_teacher(school: School) -> None:
    open_week(school)
    made = booked(school, at("10:00"))
    claire = visitor(school, factories.claire)
    week = claire.get(f"/agenda?week={WEEK}")
    assert f"/bookings/{made}/move" in week.links().values()
    picker = claire.get(f"/bookings/{made}/move?from={MONDAY}")
    hour = next(one.get("value") for one in picker.root.all("button") if one.get("name") == "hour")
    claire.submit(claire.get(f"/bookings/{made}/move/confirm?hour={hour}"), action="/move")
    shown = claire.get(f"/bookings/{made}")
    assert school.read(lambda s: s.scalars(select(Booking.starts)).one()) != at("10:00")
    claire.submit(shown, {"reason": "Salle fermée"}, action="/cancellation")
    assert school.read(lambda s: s.scalars(select(Booking.state)).one()) == BookingState.CANCELLED


def test_days_off_of_a_teacher_stand_in_the_week(school: School) -> None:
    open_week(school)

    def close(session: Session) -> None:
        nadia, hours = factories.nadia(session), availability.WeeklyHours(None, None)
        availability.close_days(
            session, nadia, nadia, (MONDAY, MONDAY), hours, "Formation", now=clock.now(), zone=BRUSSELS
        )

    school.write(close)
    assert "Formation" in visitor(school, factories.nadia).get(f"/agenda?week={WEEK}").text
    assert "Nadia Dubois : Formation" in visitor(school, factories.claire).get(f"/agenda?week={WEEK}").text
    assert "Formation" not in visitor(school, factories.luc).get(f"/agenda?week={WEEK}").text


def test_an_empty_week_says_what_to_do(school: School) -> None:
    page = visitor(school, factories.nadia).get("/agenda")
    assert "/agenda/availability" in page.links().values()


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
    assert "10 h 00 Samira proposé" in days_of(page)[0].text
    assert "9 h 00 – 12 h 00" not in days_of(page)[0].text
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
    monday, tuesday = days_of(page)[0].text, days_of(page)[1].text
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
    browser, claire = visitor(school, factories.nadia), visitor(school, factories.claire)
    counts, of_everybody = [], []

    def one_more(session: Session, number: int) -> None:
        learner, starts = factories.learner(session, f"Learner {number}"), at("10:00", days=number)
        factories.booked(session, learner, factories.nadia(session), starts, now=clock.now())

    for number in range(1, 5):
        school.write(partial(one_more, number=number))
        browser.get(f"/agenda?week={WEEK}")
        with school.counting_statements() as sent:
            browser.get(f"/agenda?week={WEEK}")
        counts.append(len(sent))
        claire.get(f"/agenda?week={WEEK}")
        with school.counting_statements() as sent:
            claire.get(f"/agenda?week={WEEK}")
        of_everybody.append(len(sent))
    assert len(set(of_everybody)) == 1
    assert len(set(counts)) == 1
    assert counts[0] <= 13  # five of them look for what is to be decided
