"""A person's calendar outside: the page with the private address, and what is read there."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy import event as engine_event
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from config import BRUSSELS
from lms import clock
from lms.domain.booking import appointments
from lms.domain.calendars import feeds
from lms.models import Booking, BookingState, CalendarFeed, Mode, Organisation, WaitlistEntry
from tests import factories
from tests.factories import wall
from tests.support.pages import Page, Visitor
from tests.support.school import School
from tests.test_web import held_lock

MONDAY = factories.coming_monday()


def at(hour: str, days: int = 0) -> datetime:
    return wall((MONDAY + timedelta(days=days)).isoformat(), hour)


@pytest.fixture(autouse=True)
def teachers(school: School) -> None:
    def offer(session: Session) -> None:
        service = factories.organisation(session)
        service.directions = "Bus 70, arrêt Pont"
        factories.samira(session)
        factories.all_week(session, factories.nadia(session))
        factories.all_week(session, factories.luc(session), mode="both")

    school.write(offer)


def visitor(school: School, who: Any = factories.samira) -> Visitor:
    return school.visitor(school.write(who))


def book(
    school: School, starts: datetime, who: Any = factories.samira, teacher: Any = factories.nadia, **more: Any
) -> str:
    return school.write(lambda s: factories.booked(s, who(s), teacher(s), starts, now=clock.now(), **more).id)


def token_of(school: School, who: Any = factories.samira) -> str:
    token = feeds.new_token()
    school.write(lambda s: feeds.create_feed(s, who(s), token, now=clock.now()))
    return token


def read(school: School, token: str, **headers: str) -> TestResponse:
    """What a calendar does: no cookie, no language, no referrer."""
    return school.app.test_client().get(f"/cal/{token}.ics", headers=headers)


def events(response: TestResponse) -> list[Any]:
    assert response.status_code == 200
    return Calendar.from_ical(response.data).events


def address_on(page: Page) -> str:
    found = re.search(r'class="link-once"><bdi dir="ltr">([^<]+)<', page.html)
    assert found, page.text
    return found.group(1)


# -- the page ------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [factories.samira, factories.nadia])
def test_a_person_makes_her_address_and_a_calendar_reads_it(school: School, who: Any) -> None:
    book(school, at("10:00"))
    browser = visitor(school, who)
    page = browser.submit(browser.get("/calendar"), action="/calendar/feed")
    assert page.status == 200
    assert page.response.headers["Cache-Control"] == "private, no-store"
    address = address_on(page)
    assert page.links()["Ouvrir mon calendrier"] == address.replace("http://", "webcal://")
    path = address.removeprefix("http://localhost")
    assert len(events(school.app.test_client().get(path))) == 1


def test_the_address_is_shown_once(school: School) -> None:
    browser = visitor(school)
    first = browser.get("/calendar")
    secret = address_on(browser.submit(first, action="/calendar/feed"))
    again = browser.submit(first, action="/calendar/feed")
    assert "n’est plus montrée" in again.text
    token = secret.rsplit("/", 1)[1]
    assert token not in again.html
    assert token not in browser.get("/calendar").html
    assert read(school, token.removesuffix(".ics")).status_code == 200  # pressed twice, the first stands


def test_the_page_says_when_a_calendar_last_came(school: School) -> None:
    browser, token = visitor(school), token_of(school)
    assert "pas encore lu" in browser.get("/calendar").text
    read(school, token)
    assert "lu il y a" in browser.get("/calendar").text


def test_a_new_address_kills_the_old_and_stopping_kills_all(school: School) -> None:
    browser, old = visitor(school), token_of(school)
    page = browser.submit(browser.get("/calendar"), action="/calendar/feed")
    new = address_on(page).rsplit("/", 1)[1].removesuffix(".ics")
    assert (read(school, old).status_code, read(school, new).status_code) == (404, 200)
    stopped = browser.submit(browser.get("/calendar"), action="/calendar/feed/end")
    assert "arrêté" in stopped.text
    assert read(school, new).status_code == 404


@pytest.mark.parametrize("who", [factories.claire, factories.farid])
def test_who_has_no_appointments_has_no_calendar_page(school: School, who: Any) -> None:
    assert visitor(school, who).get("/calendar").status == 404


# -- what is read --------------------------------------------------------------------------------


def test_a_learner_reads_hour_teacher_and_place(school: School) -> None:
    booking = book(school, at("10:00"), teacher=factories.luc, mode="onsite")
    response = read(school, token_of(school))
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "Set-Cookie" not in response.headers
    (event,) = events(response)
    uid = school.read(lambda s: s.get_one(Booking, booking).uid)
    assert (str(event["uid"]), int(event["sequence"]), str(event["status"])) == (uid, 0, "CONFIRMED")
    assert str(event["summary"]) == "Rendez-vous de français avec Luc"
    assert str(event["location"]) == "Passerelle Charleroi, Salle 2, Rue du Pont 1, 6000 Charleroi"
    assert "Bus 70, arrêt Pont" in str(event["description"])
    assert str(event["url"]) == f"http://localhost/s/{booking}"
    assert (event["dtstart"].dt, event["dtend"].dt) == (at("10:00"), at("11:00"))


def test_a_teacher_reads_first_names_and_nobody_elses_hours(school: School) -> None:
    book(school, at("10:00"), factories.oksana)
    book(school, at("11:00"), factories.samira)
    book(school, at("13:00"), factories.oksana, factories.luc)
    response = read(school, token_of(school, factories.nadia))
    names = [str(event["summary"]).rsplit(" ", 1)[1] for event in events(response)]
    assert names == ["Oksana", "Samira"]
    text = response.data.decode()
    for secret in ("Bondar", "Luc", "Dubois", "@", "ATTENDEE", "ORGANIZER"):
        assert secret not in text


def test_a_moved_hour_is_the_same_event_and_a_cancelled_one_stays_as_cancelled(school: School) -> None:
    booking, token = book(school, at("10:00")), token_of(school)
    before = events(read(school, token))[0]

    def change(session: Session) -> None:
        found, samira = session.get_one(Booking, booking), factories.samira(session)
        appointments.move(session, samira, found, at("11:00"), Mode.VIDEO, now=clock.now(), zone=BRUSSELS)

    school.write(change)
    (moved,) = events(read(school, token))
    assert (str(moved["uid"]), int(moved["sequence"])) == (str(before["uid"]), 1)
    assert moved["dtstart"].dt == at("11:00")
    school.write(
        lambda s: appointments.cancel(
            s, factories.samira(s), s.get_one(Booking, booking), "", now=clock.now(), zone=BRUSSELS
        )
    )
    (gone,) = events(read(school, token))
    assert (int(gone["sequence"]), str(gone["status"])) == (2, "CANCELLED")
    assert str(gone["summary"]).startswith("Annulé")
    changed = school.read(lambda s: s.get_one(Booking, booking).changed_at)
    assert gone["last-modified"].dt == gone["dtstamp"].dt == changed


def test_what_did_not_change_is_not_sent_again(school: School) -> None:
    booking, token = book(school, at("10:00")), token_of(school)
    first = read(school, token)
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.last_modified is not None
    for encoding in ("identity", "gzip, br"):
        etag = read(school, token, **{"Accept-Encoding": encoding}).headers["ETag"]
        again = read(school, token, **{"If-None-Match": etag, "Accept-Encoding": encoding})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    school.write(
        lambda s: appointments.cancel(
            s, factories.samira(s), s.get_one(Booking, booking), "", now=clock.now(), zone=BRUSSELS
        )
    )
    assert read(school, token, **{"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_an_arabic_name_comes_through_whole(school: School) -> None:
    book(school, at("10:00"), lambda s: factories.learner(s, "أمل الحسيني"))
    (event,) = events(read(school, token_of(school, factories.nadia)))
    assert str(event["summary"]) == "Rendez-vous de français avec أمل"


def test_no_address_that_was_not_made_is_answered(school: School) -> None:
    token = token_of(school)
    for other in (token[:-1], token.upper(), "x", "x" * 3000, "%00", "%ff", f"{token}.ics"):
        assert read(school, other).status_code == 404, other


def test_guessing_is_stopped_and_a_good_calendar_of_the_same_address_is_not(school: School) -> None:
    book(school, at("10:00"))
    token = token_of(school)
    codes = [read(school, f"guess-{number}").status_code for number in range(70)]
    assert (codes[0], codes[-1]) == (404, 429)
    assert [read(school, token).status_code for _ in range(5)] == [200] * 5


def test_who_left_is_not_answered_and_who_comes_back_makes_a_new_address(school: School) -> None:
    token = token_of(school)
    claire = school.visitor(school.write(lambda s: factories.claire(s).id))
    samira = school.read(lambda s: factories.samira(s).id)
    page = claire.submit(claire.get(f"/people/{samira}"), action=f"/people/{samira}/deactivation")
    assert read(school, token).status_code == 404
    claire.submit(page, action=f"/people/{samira}/reactivation")
    assert school.read(lambda s: factories.samira(s).is_active)
    assert read(school, token).status_code == 404


@pytest.mark.own_school
def test_a_held_lock_does_not_keep_the_calendar_from_its_answer(school: School) -> None:
    token = token_of(school)
    # Whoever waits here waits a moment and not half a minute.
    engine_event.listen(school.engine, "connect", lambda c, _: c.execute("PRAGMA busy_timeout=50"))
    school.engine.dispose()

    def seen() -> datetime | None:
        return school.read(lambda s: s.scalars(select(CalendarFeed.seen_at)).one())

    with held_lock(school):
        assert events(read(school, token)) == []
    assert seen() is None
    read(school, token)
    assert seen() is not None


@pytest.mark.parametrize("who", [factories.samira, factories.nadia])
def test_twenty_appointments_cost_as_many_statements_as_one(school: School, who: Any) -> None:
    def fill(session: Session, hours: range) -> None:
        service = session.get_one(Organisation, 1)
        service.weekly_cap, service.open_cap = 20, 50
        for number in hours:
            day, hour = divmod(number, 6)
            starts = at(f"{9 + hour:02d}:00", day)
            factories.booked(
                session, factories.samira(session), factories.nadia(session), starts, now=clock.now()
            )

    token, counts = token_of(school, who), []
    read(school, token)  # that it was read is written once in ten minutes
    for hours in (range(1), range(1, 20)):
        school.write(partial(fill, hours=hours))
        with school.counting_statements() as sent:
            assert len(events(read(school, token))) == hours.stop
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 3


# -- one appointment -----------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "other"), [(factories.samira, "Nadia"), (factories.nadia, "Samira")])
def test_one_appointment_is_a_file_for_both_who_meet(school: School, who: Any, other: str) -> None:
    booking = book(school, at("10:00"))
    page = visitor(school, who).get(f"/bookings/{booking}/calendar.ics")
    assert page.response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert page.response.headers["Content-Disposition"] == "attachment; filename=rendez-vous.ics"
    (event,) = events(page.response)
    found = school.read(lambda s: s.get_one(Booking, booking))
    assert (str(event["uid"]), int(event["sequence"])) == (found.uid, found.sequence)
    assert str(event["summary"]).endswith(other)
    assert event["dtstart"].dt == at("10:00")


@pytest.mark.parametrize("who", [factories.oksana, factories.luc, factories.claire, factories.farid])
def test_nobody_else_takes_it_along(school: School, who: Any) -> None:
    booking = book(school, at("10:00"))
    assert visitor(school, who).get(f"/bookings/{booking}/calendar.ics").status == 404


def test_an_hour_that_is_only_offered_is_not_to_be_kept(school: School) -> None:
    booking = book(school, at("10:00"))

    def offer(session: Session) -> None:
        samira = factories.samira(session)
        entry = WaitlistEntry(learner_id=samira.id, created_by_id=samira.id, created_at=clock.now())
        session.add(entry)
        session.flush()
        found = session.get_one(Booking, booking)
        found.state, found.waitlist_entry_id, found.expires_at = BookingState.OFFERED, entry.id, at("09:00")

    school.write(offer)
    assert visitor(school).get(f"/bookings/{booking}/calendar.ics").status == 404
