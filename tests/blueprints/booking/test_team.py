"""Around a session, as its people see it: who came, what the team sees, notes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from config import BRUSSELS
from lms import clock
from lms.domain.booking import appointments, attendance, availability_search
from lms.domain.calendars import feeds
from lms.jobs import MAIL_RENDERERS
from lms.models import Attendance, Booking, Mode, OutboxItem, Person
from lms.notifications import render_email
from tests import factories
from tests.factories import Who
from tests.support.appointments import at, booked, held, token, visitor, week_and_luc
from tests.support.pages import Page, Visitor
from tests.support.school import School


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    school.write(week_and_luc)


SECRET = "Elle semblait fatiguée."


def week_of(school: School, booking: str) -> str:
    return school.read(
        lambda s: availability_search.iso_week_of(s.get_one(Booking, booking).starts, zone=factories.BRUSSELS)
    )


def marked(school: School, booking: str) -> str | None:
    return school.read(lambda s: s.get_one(Booking, booking).attendance)


def press(browser: Visitor, page: Page, booking: str, word: str, follow: bool = True) -> Page:
    return browser.submit(page, {"attendance": word}, action=f"/bookings/{booking}/attendance", follow=follow)


# -- who came ------------------------------------------------------------------------------------


def test_one_tap_in_the_agenda_says_who_came_and_leads_back_to_that_session(school: School) -> None:
    done = held(school)
    nadia = visitor(school, factories.nadia)
    week = f"/agenda?week={week_of(school, done)}"
    page = nadia.get(week)
    form = page.form("/attendance")
    choices = ["Présence", "Absence", "Annulation tardive", "Absence excusée"]
    assert [button.text for button in form.all("button")] == choices
    answer = press(nadia, page, done, "no_show", follow=False)
    assert answer.status == 303
    assert answer.response.headers["Location"].endswith(f"{week}#b-{done}")
    assert marked(school, done) == Attendance.NO_SHOW
    page = nadia.get(week)
    assert f'id="b-{done}"' in page.html
    assert "Absence Annuler ce choix" in page.form("/attendance").text
    press(nadia, page, done, "")
    assert marked(school, done) is None
    assert nadia.get(week).form("/attendance").all("button")[0].text == "Présence"


def test_a_session_ahead_has_no_buttons_and_takes_no_mark(school: School) -> None:
    before, done = booked(school, at("10:00")), held(school)
    nadia = visitor(school, factories.nadia)
    assert "attendance" not in nadia.get(f"/agenda?week={week_of(school, before)}").html
    page = nadia.get(f"/bookings/{done}")
    data = {"csrf_token": token(page), "attendance": "done"}
    answer = nadia.client.post(f"/bookings/{before}/attendance", data=data, follow_redirects=True)
    assert "pas encore commencé" in answer.get_data(as_text=True)
    assert marked(school, before) is None


@pytest.mark.parametrize("sent", [{}, {"attendance": "x"}, {"attendance": "done", "week": "x"}])
def test_a_strange_mark_does_no_harm(school: School, sent: dict[str, str]) -> None:
    done = held(school)
    nadia = visitor(school, factories.nadia)
    data = {"csrf_token": token(nadia.get(f"/bookings/{done}")), **sent}
    answer = nadia.client.post(f"/bookings/{done}/attendance", data=data)
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith(f"/bookings/{done}#session")
    assert marked(school, done) == (Attendance.DONE if "week" in sent else None)


def test_who_cancelled_late_is_excused_on_its_page(school: School) -> None:
    def late(session: Session) -> str:
        moment = clock.now() + timedelta(hours=2)
        starts = moment - timedelta(seconds=moment.timestamp() % 900)
        day = starts.astimezone(factories.BRUSSELS).date()
        for one in (day, day + timedelta(days=1)):
            factories.opened(session, factories.nadia(session), one.isoformat(), "00:00", "23:45")
        samira, nadia = factories.samira(session), factories.nadia(session)
        free = availability_search.load_timetable(
            session, day, day + timedelta(days=1), teacher_ids=[nadia.id], zone=factories.BRUSSELS
        )
        slot = next(
            s
            for s in free.offered(day, day + timedelta(days=1))
            if s.starts > clock.now() and s.mode == Mode.VIDEO
        )
        made = factories.booked(session, samira, nadia, slot.starts, by=nadia, now=clock.now())
        appointments.cancel(session, samira, made, "", now=clock.now(), zone=BRUSSELS)
        return made.id

    made = school.write(late)
    nadia = visitor(school, factories.nadia)
    page = nadia.get(f"/bookings/{made}")
    assert [button.text for button in page.form("/attendance").all("button")] == ["Absence excusée"]
    page = press(nadia, page, made, "excused")
    assert "Absence excusée Annuler ce choix" in page.form("/attendance").text
    assert marked(school, made) == Attendance.EXCUSED


def test_the_coordinator_marks_on_the_page_and_nobody_else(school: School) -> None:
    done = held(school)
    claire = visitor(school, factories.claire)
    press(claire, claire.get(f"/bookings/{done}"), done, "done")
    assert marked(school, done) == Attendance.DONE
    for who in (factories.samira, factories.farid):
        browser = visitor(school, who)
        page = browser.get(f"/bookings/{done}")
        assert "/attendance" not in page.html
        data = {"csrf_token": token(browser.get("/me")), "attendance": "no_show"}
        assert browser.client.post(f"/bookings/{done}/attendance", data=data).status_code == 404
    assert "Noté : Présence" in visitor(school, factories.farid).get(f"/bookings/{done}").text
    assert marked(school, done) == Attendance.DONE


def test_her_first_page_counts_the_sessions_that_were_not_marked(school: School) -> None:
    nadia = visitor(school, factories.nadia)
    assert "Présences à noter" not in nadia.get("/").text
    one = held(school, days_ago=2)
    held(school, factories.oksana)
    page = nadia.get("/")
    assert "Présences à noter : 2" in page.text
    assert page.links()["Présences à noter : 2"] == f"/agenda?week={week_of(school, one)}#b-{one}"
    press(nadia, nadia.get(f"/bookings/{one}"), one, "done")
    assert "Présences à noter : 1" in nadia.get("/").text
    assert "Présences à noter" not in visitor(school, factories.luc).get("/").text


def write_note(school: School, booking: str, private: str = SECRET, step: str = "Relire la leçon 2") -> Page:
    nadia = visitor(school, factories.nadia)
    values = {"private_note": private, "next_step": step}
    return nadia.submit(nadia.get(f"/bookings/{booking}"), values, action="/note")


def test_the_page_of_a_session_shows_her_copies_questions_and_what_was_said(school: School) -> None:
    first = held(school, days_ago=3)
    write_note(school, first, "", "Apprendre les mois")
    coming = booked(school, at("10:00"))

    def prepared(session: Session) -> None:
        factories.sent(session, factories.samira(session), factories.assignment(session), now=clock.now())
        missed, booking = session.get_one(Booking, first), session.get_one(Booking, coming)
        missed.record.question = "Comment dire l’heure ?"
        attendance.mark_attendance(session, factories.nadia(session), missed, "no_show", now=clock.now())
        attendance.ask_question(
            session, factories.samira(session), booking, "Le passé composé ?", now=clock.now()
        )

    school.write(prepared)
    page = visitor(school, factories.nadia).get(f"/bookings/{coming}")
    assert "Niveau 1" in page.text
    assert any(link.startswith("/corrections/") for link in page.links().values())
    for words in ("Le passé composé ?", "Comment dire l’heure ?", "Apprendre les mois"):
        assert words in page.text
    for who in (factories.farid, factories.claire):
        seen = visitor(school, who).get(f"/bookings/{coming}")
        assert "Apprendre les mois" in seen.text
        assert "Ses questions" not in seen.text
        assert "passé composé" not in seen.text
        assert "/corrections/" not in seen.html


def test_notes_are_kept_and_shown_to_the_teacher_of_the_session(school: School) -> None:
    done = held(school)
    page = write_note(school, done)
    assert "C’est enregistré." in page.text
    assert SECRET in page.text
    assert page.form("/note").all("textarea")[1].text == "Relire la leçon 2"


def test_a_private_note_reaches_nobody_else(school: School) -> None:
    coming = booked(school, at("10:00"))
    write_note(school, coming)
    secret, shared = SECRET, "Relire la leçon 2"
    for who in (factories.samira, factories.farid, factories.claire, factories.luc):
        browser = visitor(school, who)
        page = browser.get(f"/bookings/{coming}")
        assert page.status == 200
        assert secret not in page.html, who.__name__
        assert (shared in page.html) or who is factories.samira
        assert secret not in browser.get("/").html
    assert secret not in visitor(school, factories.samira).get("/bookings").html
    for who in (factories.claire, factories.luc, factories.farid):
        assert secret not in visitor(school, who).get(f"/people/{school.write(factories.samira).id}").html


def test_a_private_note_is_in_no_mail_and_in_no_calendar(school: School) -> None:
    coming = booked(school, at("10:00"))
    write_note(school, coming)
    school.write(
        lambda s: appointments.move(
            s,
            factories.nadia(s),
            s.get_one(Booking, coming),
            at("14:00"),
            Mode.VIDEO,
            now=clock.now(),
            zone=BRUSSELS,
        )
    )

    def mails(session: Session) -> list[str]:
        items = session.scalars(
            select(OutboxItem).options(joinedload(OutboxItem.person).selectinload(Person.role_rows))
        ).all()
        letters = [
            render_email(session, one, MAIL_RENDERERS[one.kind], school.settings, clock.now())
            for one in items
        ]
        return [f"{one.subject} {one.text} {one.html} {one.calendar!r}" for one in letters if one]

    letters = school.read(mails)
    assert any("14 h 00" in letter for letter in letters)

    def calendar_of(who: Who) -> str:
        made = feeds.new_token()
        school.write(lambda s: feeds.create_feed(s, who(s), made, now=clock.now()))
        calendar = school.app.test_client().get(f"/cal/{made}.ics").get_data(as_text=True)
        assert "BEGIN:VEVENT" in calendar
        return calendar

    letters += [calendar_of(who) for who in (factories.nadia, factories.samira)]
    assert not any("fatigu" in letter for letter in letters)


def test_what_must_not_be_written_stays_typed_and_is_not_kept(school: School) -> None:
    done = held(school)
    page = write_note(school, done, private="NISS 85.07.30-033.28", step="Relire")
    assert page.status == 422
    assert "Pas de numéro national ici." in page.text
    assert page.form("/note").all("textarea")[1].text == "Relire"
    page = write_note(school, done, private="Bien", step="x" * 301)
    assert page.status == 422
    assert school.read(lambda s: s.get_one(Booking, done).record.noted_at) is None


def test_a_colleague_has_no_form_for_notes(school: School) -> None:
    done = held(school)
    luc = visitor(school, factories.luc)
    page = luc.get(f"/bookings/{done}")
    assert "/note" not in page.html
    data = {"csrf_token": token(page), "private_note": "x", "next_step": "y"}
    assert luc.client.post(f"/bookings/{done}/note", data=data).status_code == 404
