"""The page of a teacher's other calendars."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms import clock
from lms.domain.calendars import external
from lms.domain.calendars.external import Event
from lms.models import Booking, BookingState, ExternalCalendar
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.support.pages import Page, Visitor, filled
from tests.support.school import School

PAGE = "/agenda/calendars"
ADDRESS = "https://calendar.google.com/calendar/ical/nadia/private-0123456789abcdef/basic.ics"


@pytest.fixture
def nadia(school: School) -> Visitor:
    return school.visitor(school.write(lambda s: factories.nadia(s).id))


def add(nadia: Visitor, address: str) -> Page:
    return nadia.submit(nadia.get(PAGE), {"address": address}, action=PAGE)


def known(school: School) -> int:
    return school.read(lambda s: s.scalar(select(func.count()).select_from(ExternalCalendar))) or 0


def test_a_calendar_is_added_and_only_its_host_is_shown(school: School, nadia: Visitor) -> None:
    assert "Pas encore d’agenda" in nadia.get(PAGE).text
    page = add(nadia, ADDRESS.replace("https", "webcal"))
    assert page.status == 200
    assert "calendar.google.com" in page.text
    assert "pas encore lu" in page.text
    assert "private-" not in nadia.get(PAGE).html
    assert school.read(lambda s: s.scalars(select(ExternalCalendar.address)).one()) == ADDRESS


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("http://example.org/a.ics", "doit commencer par https"),
        ("mon agenda", "Copiez-la encore une fois"),
        ("", "Écrivez quelque chose"),
        ("https://example.org/" + "x" * 1000, "trop long"),
        # What lies in a private network is refused at once, not by the first reading.
        ("https://127.0.0.1/a.ics", "n’est pas publique"),
        ("https://127.1/a.ics", "n’est pas publique"),
        ("webcal://192.168.1.10/a.ics", "n’est pas publique"),
        ("https://[::ffff:10.0.0.1]/a.ics", "n’est pas publique"),
        ("https://[fe80::1]/a.ics", "n’est pas publique"),
        ("https://localhost/a.ics", "n’est pas publique"),
        ("https://nas/a.ics", "n’est pas publique"),
        ("https://cloud.ecole.local./a.ics", "n’est pas publique"),
        ("https://example.org:8443/a.ics", "numéro de port"),
    ],
)
def test_an_address_that_will_not_do_stays_and_is_explained(
    school: School, nadia: Visitor, typed: str, said: str
) -> None:
    page = add(nadia, typed)
    assert page.status == 422
    assert said in page.text
    assert typed in page.html
    assert 'id="address-error"' in page.html
    assert known(school) == 0


def test_the_same_form_sent_twice_adds_one_and_the_fourth_has_no_form(school: School, nadia: Visitor) -> None:
    empty = nadia.get(PAGE)
    for _ in range(2):
        assert nadia.submit(empty, {"address": ADDRESS}, action=PAGE).status == 200
    assert known(school) == 1
    assert "déjà dans la liste" in add(nadia, ADDRESS).text
    before = nadia.get(PAGE)
    for number in range(2):
        add(nadia, f"{ADDRESS}?{number}")
    assert "Supprimez un agenda" in nadia.get(PAGE).text
    assert "C’est le maximum" in nadia.submit(before, {"address": f"{ADDRESS}?9"}, action=PAGE).text


def test_how_each_calendar_fares_is_said_in_words(school: School, nadia: Visitor) -> None:
    add(nadia, ADDRESS)
    ago = clock.now() - timedelta(minutes=12)
    (calendar,) = school.read(lambda s: s.scalars(select(ExternalCalendar.id)).all())
    school.write(lambda s: external.store_events(s, calendar, [], "", now=ago, zone=BRUSSELS))
    assert "lu il y a 12 min" in nadia.get(PAGE).text
    school.write(lambda s: external.record_failure(s, calendar, RefusalCode.CALENDAR_DENIED, now=clock.now()))
    page = nadia.get(PAGE)
    assert "Ne marche pas" in page.text
    assert "n’existe plus" in page.text
    assert "restent cachées" in page.text


def test_events_that_were_misread_are_counted_with_their_days(school: School, nadia: Visitor) -> None:
    add(nadia, ADDRESS)
    (calendar,) = school.read(lambda s: s.scalars(select(ExternalCalendar.id)).all())

    def read(*days: date | None) -> str:
        school.write(
            lambda s: external.store_events(s, calendar, [], "", days, now=clock.now(), zone=BRUSSELS)
        )
        return nadia.get(PAGE).text

    assert "mal lu" not in read()
    assert "1 événement mal lu" in read(None)
    text = read(date(2030, 12, 1), None, date(2030, 12, 3))
    assert "3 événements mal lus" in text
    assert "mardi 3 décembre 2030" in text
    assert "nous cachons l’heure" in text


def test_a_server_of_one_s_own_may_be_in_a_private_network(school: School, nadia: Visitor) -> None:
    school.settings = replace(school.settings, calendar_hosts=("192.168.1.10:8443",))
    school.app.extensions["lms_settings"] = school.settings
    assert add(nadia, "https://192.168.1.10:8443/a.ics").status == 200
    assert known(school) == 1


def test_read_now_puts_it_first_in_line(school: School, nadia: Visitor) -> None:
    add(nadia, ADDRESS)
    (calendar,) = school.read(lambda s: s.scalars(select(ExternalCalendar.id)).all())
    school.write(lambda s: external.start_fetch(s, calendar, now=clock.now()))
    assert school.read(lambda s: external.due_calendars(s, now=clock.now())) == []
    page = nadia.submit(nadia.get(PAGE), action="/reading")
    assert "dans une minute" in page.text
    assert school.read(lambda s: external.due_calendars(s, now=clock.now())) == [calendar]


def test_removing_it_takes_its_hours_along(school: School, nadia: Visitor) -> None:
    add(nadia, ADDRESS)
    assert "Pas encore d’agenda" in nadia.submit(nadia.get(PAGE), action="/deletion").text
    assert known(school) == 0


def test_a_conflict_leads_to_the_appointment_and_nothing_is_cancelled(school: School, nadia: Visitor) -> None:
    starts = factories.wall(factories.coming_monday().isoformat(), "10:00")
    add(nadia, ADDRESS)

    def clash(session: Session) -> str:
        teacher = factories.nadia(session)
        factories.all_week(session, teacher, "09:00", "12:00")
        booking = factories.booked(session, factories.samira(session), teacher, starts, now=clock.now())
        calendar = session.scalars(select(ExternalCalendar)).one()
        event = Event("x", starts + timedelta(minutes=30), starts + timedelta(hours=2))
        external.store_events(session, calendar.id, [event], "", now=clock.now(), zone=BRUSSELS)
        return booking.id

    booking_id = school.write(clash)
    page = nadia.get(PAGE)
    assert "occupé ailleurs" in page.text
    assert "Samira" in page.text
    assert f"/bookings/{booking_id}" in page.links().values()
    assert school.read(lambda s: s.scalars(select(Booking.state)).all()) == [BookingState.BOOKED]


def test_a_calendar_is_nobody_else_s_affair(school: School, nadia: Visitor) -> None:
    add(nadia, ADDRESS)
    (calendar,) = school.read(lambda s: s.scalars(select(ExternalCalendar.id)).all())
    luc = school.visitor(school.write(lambda s: factories.luc(s).id))
    page = luc.get(PAGE)
    assert "google" not in page.html.split("<details")[0]
    token = filled(page.form(PAGE))["csrf_token"]
    for operation in ("reading", "deletion"):
        answer = luc.client.post(
            f"{PAGE}/{calendar}/{operation}",
            data={"csrf_token": token},
            headers={"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        )
        assert answer.status_code == 404
    assert known(school) == 1
    assert school.visitor(school.write(lambda s: factories.samira(s).id)).get(PAGE).status in (403, 404)
