"""The teacher's hours, and the days that differ."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms import clock
from lms.models import Availability, Booking, Person, SpecialDay
from tests import make
from tests.house import House
from tests.pages import Visitor, filled

MONDAY = make.coming_monday()
WEEK = f"{MONDAY.isocalendar().year}-W{MONDAY.isocalendar().week:02}"


def at(hour: str, days: int = 0) -> datetime:
    return make.wall((MONDAY + timedelta(days=days)).isoformat(), hour)


def visitor(house: House, who: Callable[[Session], Person]) -> Visitor:
    return house.visitor(house.write(lambda s: who(s).id))


def booked(house: House, starts: datetime, who: Any = make.samira) -> str:
    return house.write(lambda s: make.booked(s, who(s), make.nadia(s), starts, now=clock.now()).id)


def open_week(house: House) -> None:
    house.write(lambda s: make.all_week(s, make.nadia(s), "09:00", "12:00"))


def test_a_teacher_adds_hours_on_site_and_learners_can_book_them(house: House) -> None:
    browser = visitor(house, make.nadia)
    page = browser.get("/agenda/availability")
    values = {"weekday": "0", "start": "14:00", "end": "16:00", "mode": "both", "room": "Salle 2"}
    done = browser.submit(page, values, action="/agenda/availability")
    assert done.status == 200
    assert "Salle 2" in done.text
    picker = visitor(house, make.samira).get(f"/bookings/new?from={MONDAY}")
    assert "14 h 00" in picker.text


def test_what_was_typed_stays_when_the_hours_make_no_sense(house: House) -> None:
    browser = visitor(house, make.nadia)
    page = browser.get("/agenda/availability")
    values = {"start": "14:00", "end": "10:00", "mode": "onsite", "room": "Salle 9"}
    again = browser.submit(page, values, action="/agenda/availability")
    assert again.status == 422
    assert "La fin vient avant le début." in again.text
    assert 'value="Salle 9"' in again.html
    for bad in ({"valid_from": "31/31/2026"}, {"weekday": "9"}, {"start": "x"}, {"mode": ""}):
        assert browser.submit(page, bad, action="/agenda/availability").status == 422


def test_the_same_hours_sent_twice_are_added_once(house: House) -> None:
    browser = visitor(house, make.nadia)
    page = browser.get("/agenda/availability")
    browser.submit(page, action="/agenda/availability")
    browser.submit(page, action="/agenda/availability")
    assert house.read(lambda s: s.scalar(select(func.count()).select_from(Availability))) == 1


def test_deleted_hours_leave_the_booking_and_show_it(house: House) -> None:
    house.write(lambda s: make.rule(s, make.nadia(s), 0, "09:00", "12:00"))
    booked(house, at("10:00"))
    browser = visitor(house, make.nadia)
    page = browser.submit(browser.get("/agenda/availability"), action="/deletion")
    assert "ne sont plus dans vos heures" in page.text
    assert "Samira" in page.text
    assert house.read(lambda s: s.scalars(select(Booking.state)).all()) == ["booked"]


def test_hours_end_at_a_date(house: House) -> None:
    house.write(lambda s: make.rule(s, make.nadia(s), 0, "09:00", "12:00"))
    browser = visitor(house, make.nadia)
    last = clock.now().date() + timedelta(days=1)
    page = browser.submit(browser.get("/agenda/availability"), {"last": last.isoformat()}, action="/end")
    assert page.status == 200
    assert house.read(lambda s: s.scalars(select(Availability.valid_until)).one()) == last
    assert browser.submit(browser.get("/agenda/availability"), {"last": "x"}, action="/end").status == 200
    assert house.read(lambda s: s.scalars(select(Availability.valid_until)).one()) == last


def test_a_leave_closes_days_and_warns_of_appointments(house: House) -> None:
    open_week(house)
    booked(house, at("10:00"))
    browser = visitor(house, make.nadia)
    values = {"first": MONDAY.isoformat(), "reason": "Congé"}
    page = browser.submit(browser.get("/agenda/exceptions"), values, action="/agenda/exceptions")
    assert "tombent dans un moment fermé" in page.text
    assert "Samira" in page.text
    assert "Congé" in browser.get(f"/agenda?week={WEEK}").text
    picker = visitor(house, make.oksana).get(f"/bookings/new?from={MONDAY}")
    assert not any(f"{MONDAY.day} " in legend.text for legend in picker.root.all("legend")[:1])
    assert "Congé" not in browser.submit(page, action="/deletion").root.all("main")[0].all("ul")[-1].text


def test_a_teacher_opens_hours_on_a_day_without_rule(house: House) -> None:
    browser = visitor(house, make.nadia)
    saturday = (MONDAY + timedelta(days=5)).isoformat()
    values = {"kind": "open", "first": saturday, "start": "10:00", "end": "12:00", "mode": "video"}
    assert (
        browser.submit(browser.get("/agenda/exceptions"), values, action="/agenda/exceptions").status == 200
    )
    assert "10 h 00" in visitor(house, make.samira).get(f"/bookings/new?from={MONDAY}").text
    values["start"] = ""
    page = browser.submit(browser.get("/agenda/exceptions"), values, action="/agenda/exceptions")
    assert page.status == 422


def test_the_coordinator_closes_the_whole_service_and_a_teacher_cannot(house: House) -> None:
    open_week(house)
    booked(house, at("10:00"))
    claire = visitor(house, make.claire)
    assert "/agenda/exceptions" in claire.get("/service").links().values()
    values = {"first": MONDAY.isoformat(), "last": (MONDAY + timedelta(days=4)).isoformat()}
    page = claire.submit(claire.get("/agenda/exceptions"), values, action="/agenda/exceptions")
    assert "Samira" in page.text
    assert house.read(lambda s: s.scalars(select(SpecialDay.teacher_id)).all()) == [None]
    special = house.read(lambda s: s.scalars(select(SpecialDay.id)).one())
    nadia = visitor(house, make.nadia)
    shown = nadia.get("/agenda/exceptions")
    assert f"/agenda/exceptions/{special}/deletion" not in shown.html
    forged = {**values, "whole": "service"}
    nadia.submit(shown, forged, action="/agenda/exceptions")
    owners = house.read(lambda s: s.scalars(select(SpecialDay.teacher_id)).all())
    assert owners.count(None) == 1


def test_the_holidays_ahead_are_shown_as_closed(house: House) -> None:
    house.write(lambda s: setattr(make.school(s), "horizon_days", 365))
    assert "Noël" in visitor(house, make.nadia).get("/agenda/exceptions").text


def test_the_agenda_is_the_teachers_own(house: House) -> None:
    rule = house.write(lambda s: make.rule(s, make.nadia(s), 0, "09:00", "12:00").id)
    for who in (make.samira, make.farid, make.claire):
        assert visitor(house, who).get("/agenda").status == 404
        assert visitor(house, who).get("/agenda/availability").status == 404
    luc = visitor(house, make.luc)
    page = luc.get("/agenda/availability")
    token = {"csrf_token": filled(page.form("/agenda/availability"))["csrf_token"]}
    for path in ("end", "deletion"):
        answer = luc.client.post(f"/agenda/availability/{rule}/{path}", data={**token, "last": "2030-01-01"})
        assert answer.status_code == 404
    assert house.read(lambda s: s.scalar(select(func.count()).select_from(Availability))) == 1
