"""Around a session, as its people see it: who came, notes, an exchange, a day called off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from lms import clock
from lms.domain import booking as bookings
from lms.domain.booking import attendance, feeds
from lms.jobs import WRITERS
from lms.letters import compose
from lms.models import Booking, OutboxItem, Person, SessionNote, SpecialDay
from tests import make
from tests.house import House
from tests.pages import Page, Visitor

Who = Callable[[Session], Person]

MONDAY = make.coming_monday()
SECRET = "Elle semblait fatiguée."


def at(hour: str, days: int = 0) -> datetime:
    return make.wall((MONDAY + timedelta(days=days)).isoformat(), hour)


def visitor(house: House, who: Who) -> Visitor:
    return house.visitor(house.write(lambda s: who(s).id))


@pytest.fixture(autouse=True)
def hours(house: House) -> None:
    """Nadia receives by video on weekdays, Luc too; Farid looks after Samira."""

    def offer(session: Session) -> None:
        make.all_week(session, make.nadia(session))
        make.all_week(session, make.luc(session))
        make.samira(session).social_worker_id = make.farid(session).id

    house.write(offer)


def ahead(house: House, starts: datetime, who: Who = make.samira, teacher: Who = make.nadia) -> str:
    return house.write(lambda s: make.booked(s, who(s), teacher(s), starts, now=clock.now()).id)


def held(house: House, who: Who = make.samira, days_ago: int = 1, hour: str = "10:00") -> str:
    """A session with Nadia that is over."""
    day = (clock.now() - timedelta(days=days_ago)).date().isoformat()
    starts = make.wall(day, hour)

    def deed(session: Session) -> str:
        make.opened(session, make.nadia(session), day, "09:00", "17:00")
        return make.booked(
            session, who(session), make.nadia(session), starts, now=starts - timedelta(days=3)
        ).id

    return house.write(deed)


def week_of(house: House, booking: str) -> str:
    return house.read(lambda s: bookings.week_of(s.get_one(Booking, booking).starts, make.BRUSSELS))


def marked(house: House, booking: str) -> str | None:
    return house.read(lambda s: s.get_one(Booking, booking).attendance)


def press(browser: Visitor, page: Page, booking: str, word: str, follow: bool = True) -> Page:
    return browser.submit(page, {"attendance": word}, action=f"/bookings/{booking}/attendance", follow=follow)


# -- who came ------------------------------------------------------------------------------------


def test_one_tap_in_the_agenda_says_who_came_and_leads_back_to_that_session(house: House) -> None:
    done = held(house)
    nadia = visitor(house, make.nadia)
    week = f"/agenda?week={week_of(house, done)}"
    page = nadia.get(week)
    form = page.form("/attendance")
    assert [button.text for button in form.all("button")] == ["Venu", "Absent", "Annulé tard", "Excusé"]
    answer = press(nadia, page, done, "no_show", follow=False)
    assert answer.status == 303
    assert answer.response.headers["Location"].endswith(f"{week}#b-{done}")
    assert marked(house, done) == "no_show"
    page = nadia.get(week)
    assert f'id="b-{done}"' in page.html
    assert "Absent Annuler ce choix" in page.form("/attendance").text
    press(nadia, page, done, "")
    assert marked(house, done) is None
    assert nadia.get(week).form("/attendance").all("button")[0].text == "Venu"


def test_a_session_ahead_has_no_buttons_and_takes_no_mark(house: House) -> None:
    before, done = ahead(house, at("10:00")), held(house)
    nadia = visitor(house, make.nadia)
    assert "attendance" not in nadia.get(f"/agenda?week={week_of(house, before)}").html
    page = nadia.get(f"/bookings/{done}")
    data = {"csrf_token": token(page), "attendance": "done"}
    answer = nadia.client.post(f"/bookings/{before}/attendance", data=data, follow_redirects=True)
    assert "pas encore commencé" in answer.get_data(as_text=True)
    assert marked(house, before) is None


def token(page: Page) -> str:
    return next(field.get("value") for field in page.root.all("input") if field.get("name") == "csrf_token")


@pytest.mark.parametrize("sent", [{}, {"attendance": "x"}, {"attendance": "done", "week": "x"}])
def test_a_strange_mark_does_no_harm(house: House, sent: dict[str, str]) -> None:
    done = held(house)
    nadia = visitor(house, make.nadia)
    data = {"csrf_token": token(nadia.get(f"/bookings/{done}")), **sent}
    answer = nadia.client.post(f"/bookings/{done}/attendance", data=data)
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith(f"/bookings/{done}#session")
    assert marked(house, done) == ("done" if "week" in sent else None)


def test_who_cancelled_late_is_excused_on_its_page(house: House) -> None:
    def late(session: Session) -> str:
        moment = clock.now() + timedelta(hours=2)
        starts = moment - timedelta(seconds=moment.timestamp() % 900)
        day = starts.astimezone(make.BRUSSELS).date()
        for one in (day, day + timedelta(days=1)):
            make.opened(session, make.nadia(session), one.isoformat(), "00:00", "23:45")
        samira, nadia = make.samira(session), make.nadia(session)
        free = bookings.timetable(session, day, day + timedelta(days=1), make.BRUSSELS, teacher_id=nadia.id)
        slot = next(
            s
            for s in free.offered(day, day + timedelta(days=1))
            if s.starts > clock.now() and s.mode == "video"
        )
        made = make.booked(session, samira, nadia, slot.starts, by=nadia, now=clock.now())
        bookings.cancel(session, made, samira, "", clock.now())
        return made.id

    made = house.write(late)
    nadia = visitor(house, make.nadia)
    page = nadia.get(f"/bookings/{made}")
    assert [button.text for button in page.form("/attendance").all("button")] == ["Excusé"]
    page = press(nadia, page, made, "excused")
    assert "Excusé Annuler ce choix" in page.form("/attendance").text
    assert marked(house, made) == "excused"


def test_the_coordinator_marks_on_the_page_and_nobody_else(house: House) -> None:
    done = held(house)
    claire = visitor(house, make.claire)
    press(claire, claire.get(f"/bookings/{done}"), done, "done")
    assert marked(house, done) == "done"
    for who in (make.samira, make.farid):
        browser = visitor(house, who)
        page = browser.get(f"/bookings/{done}")
        assert "/attendance" not in page.html
        data = {"csrf_token": token(browser.get("/me")), "attendance": "no_show"}
        assert browser.client.post(f"/bookings/{done}/attendance", data=data).status_code == 404
    assert "Présence : Venu" in visitor(house, make.farid).get(f"/bookings/{done}").text
    assert marked(house, done) == "done"


def test_her_first_page_counts_the_sessions_that_were_not_marked(house: House) -> None:
    nadia = visitor(house, make.nadia)
    assert "Présences à noter" not in nadia.get("/").text
    one = held(house, days_ago=2)
    held(house, make.oksana)
    page = nadia.get("/")
    assert "Présences à noter : 2" in page.text
    assert page.links()["Présences à noter : 2"] == f"/agenda?week={week_of(house, one)}#b-{one}"
    press(nadia, nadia.get(f"/bookings/{one}"), one, "done")
    assert "Présences à noter : 1" in nadia.get("/").text
    assert "Présences à noter" not in visitor(house, make.luc).get("/").text


# -- what the team sees, and notes ---------------------------------------------------------------


def write_note(house: House, booking: str, private: str = SECRET, step: str = "Relire la leçon 2") -> Page:
    nadia = visitor(house, make.nadia)
    values = {"private": private, "next_step": step}
    return nadia.submit(nadia.get(f"/bookings/{booking}"), values, action="/note")


def test_the_page_of_a_session_shows_her_copies_questions_and_what_was_said(house: House) -> None:
    first = held(house, days_ago=3)
    write_note(house, first, "", "Apprendre les mois")
    coming = ahead(house, at("10:00"))

    def prepared(session: Session) -> None:
        make.sent(session, make.samira(session), make.assignment(session), now=clock.now())
        missed, booking = session.get_one(Booking, first), session.get_one(Booking, coming)
        missed.question = "Comment dire l’heure ?"
        attendance.mark(session, missed, make.nadia(session), "no_show", clock.now())
        attendance.ask(session, booking, make.samira(session), "Le passé composé ?", clock.now())

    house.write(prepared)
    page = visitor(house, make.nadia).get(f"/bookings/{coming}")
    assert "Niveau 1" in page.text
    assert any(link.startswith("/corrections/") for link in page.links().values())
    for words in ("Le passé composé ?", "Comment dire l’heure ?", "Apprendre les mois"):
        assert words in page.text
    for who in (make.farid, make.claire):
        seen = visitor(house, who).get(f"/bookings/{coming}")
        assert "Apprendre les mois" in seen.text
        assert "Ses questions" not in seen.text
        assert "passé composé" not in seen.text
        assert "/corrections/" not in seen.html


def test_notes_are_kept_and_shown_to_the_teacher_of_the_session(house: House) -> None:
    done = held(house)
    page = write_note(house, done)
    assert "C’est gardé." in page.text
    assert SECRET in page.text
    assert page.form("/note").all("textarea")[1].text == "Relire la leçon 2"


def test_a_private_note_reaches_nobody_else(house: House) -> None:
    coming = ahead(house, at("10:00"))
    write_note(house, coming)
    secret, shared = SECRET, "Relire la leçon 2"
    for who in (make.samira, make.farid, make.claire, make.luc):
        browser = visitor(house, who)
        page = browser.get(f"/bookings/{coming}")
        assert page.status == 200
        assert secret not in page.html, who.__name__
        assert (shared in page.html) or who is make.samira
        assert secret not in browser.get("/").html
    assert secret not in visitor(house, make.samira).get("/bookings").html
    for who in (make.claire, make.luc, make.farid):
        assert secret not in visitor(house, who).get(f"/people/{house.write(make.samira).id}").html


def test_a_private_note_is_in_no_mail_and_in_no_calendar(house: House) -> None:
    coming = ahead(house, at("10:00"))
    write_note(house, coming)
    house.write(
        lambda s: bookings.move(
            s, s.get_one(Booking, coming), make.nadia(s), at("14:00"), "video", clock.now()
        )
    )

    def mails(session: Session) -> list[str]:
        items = session.scalars(
            select(OutboxItem).options(joinedload(OutboxItem.person).selectinload(Person.role_rows))
        ).all()
        letters = [compose(session, one, WRITERS[one.kind], house.settings, clock.now()) for one in items]
        return [f"{one.subject} {one.text} {one.html} {one.calendar!r}" for one in letters if one]

    letters = house.read(mails)
    assert any("14 h 00" in letter for letter in letters)
    for who in (make.samira, make.nadia):
        made = feeds.new_token()
        house.write(lambda s, who=who, made=made: feeds.make(s, who(s), made, clock.now()))  # type: ignore[misc]
        calendar = house.app.test_client().get(f"/cal/{made}.ics").get_data(as_text=True)
        assert "BEGIN:VEVENT" in calendar
        letters.append(calendar)
    assert not any("fatigu" in letter for letter in letters)


def test_what_must_not_be_written_stays_typed_and_is_not_kept(house: House) -> None:
    done = held(house)
    page = write_note(house, done, private="NISS 85.07.30-033.28", step="Relire")
    assert page.status == 422
    assert "Pas de numéro national ici." in page.text
    assert page.form("/note").all("textarea")[1].text == "Relire"
    page = write_note(house, done, private="Bien", step="x" * 301)
    assert page.status == 422
    assert house.read(lambda s: s.scalar(select(func.count()).select_from(SessionNote))) == 0


def test_a_colleague_has_no_form_for_notes(house: House) -> None:
    done = held(house)
    luc = visitor(house, make.luc)
    page = luc.get(f"/bookings/{done}")
    assert "/note" not in page.html
    data = {"csrf_token": token(page), "private": "x", "next_step": "y"}
    assert luc.client.post(f"/bookings/{done}/note", data=data).status_code == 404


# -- two learners exchange -----------------------------------------------------------------------


def starts_of(house: House, *made: str) -> list[datetime]:
    return [house.read(lambda s, one=one: s.get_one(Booking, one).starts) for one in made]  # type: ignore[misc]


def mails_of(house: House, kind: str) -> list[str]:
    return house.read(
        lambda s: sorted(
            s.scalars(
                select(Person.name)
                .join(OutboxItem, OutboxItem.person_id == Person.id)
                .where(OutboxItem.kind == kind, OutboxItem.closed_at.is_(None))
            )
        )
    )


def test_two_learners_exchange_their_hours_and_both_are_told(house: House) -> None:
    one, other = ahead(house, at("10:00")), ahead(house, at("14:00", 1), make.oksana)
    nadia = visitor(house, make.nadia)
    page = nadia.get(f"/bookings/{one}")
    page = nadia.get(page.links()["Échanger avec…"])
    assert "Oksana Bondar" in page.form("/swap").text
    done = nadia.submit(page, {"other": other}, action="/swap")
    assert starts_of(house, one, other) == [at("14:00", 1), at("10:00")]
    said = done.text
    assert said.index("Samira :") < said.index("14 h 00.") < said.index("Oksana Bondar :")
    assert {"Samira", "Oksana Bondar"} <= set(mails_of(house, "booking_moved"))
    again = nadia.submit(page, {"other": other}, action="/swap")
    assert again.status == 200
    assert starts_of(house, one, other) == [at("14:00", 1), at("10:00")], "pressed twice is once"


def test_who_is_elsewhere_then_is_said_beside_the_list(house: House) -> None:
    one, other = ahead(house, at("10:00")), ahead(house, at("14:00", 1), make.oksana)
    ahead(house, at("14:00", 1), make.samira, make.luc)
    nadia = visitor(house, make.nadia)
    page = nadia.submit(nadia.get(f"/bookings/{one}/swap"), {"other": other}, action="/swap")
    assert page.status == 409
    assert "Une des deux personnes n’est pas libre" in page.text
    assert "Oksana Bondar" in page.form("/swap").text
    assert starts_of(house, one, other) == [at("10:00"), at("14:00", 1)]
    nobody = nadia.submit(page, {"other": None}, action="/swap")
    assert nobody.status == 422
    assert "Choisissez une personne." in nobody.text


def test_later_weeks_stand_under_later(house: House) -> None:
    one, other = ahead(house, at("10:00")), ahead(house, at("10:00", 21), make.oksana)
    page = visitor(house, make.nadia).get(f"/bookings/{one}/swap")
    assert "Oksana Bondar" in page.root.all("details")[0].text
    assert other in page.html


def test_what_is_over_is_not_exchanged(house: House) -> None:
    one, other, done = ahead(house, at("10:00")), ahead(house, at("11:00"), make.oksana), held(house)
    nadia = visitor(house, make.nadia)
    page = nadia.get(f"/bookings/{one}/swap")
    house.write(lambda s: bookings.cancel(s, s.get_one(Booking, other), make.oksana(s), "", clock.now()))
    late = nadia.submit(page, {"other": other}, action="/swap")
    assert late.status == 409
    assert "déjà annulé" in late.text
    assert "Pas d’autre rendez-vous" in late.text
    house.write(lambda s: bookings.cancel(s, s.get_one(Booking, one), make.samira(s), "", clock.now()))
    assert "Rendez-vous annulé" in nadia.get(f"/bookings/{one}/swap").text
    assert "a déjà commencé" in nadia.get(f"/bookings/{done}/swap").text


def test_only_her_teacher_and_the_coordinator_exchange(house: House) -> None:
    one, other = ahead(house, at("10:00")), ahead(house, at("14:00", 1), make.oksana)
    for who in (make.luc, make.farid, make.samira):
        browser = visitor(house, who)
        assert browser.get(f"/bookings/{one}/swap").status == 404
        assert "Échanger avec…" not in browser.get(f"/bookings/{one}").links()
        data = {"csrf_token": token(browser.get("/me")), "other": other}
        assert browser.client.post(f"/bookings/{one}/swap", data=data).status_code == 404
    claire = visitor(house, make.claire)
    claire.submit(claire.get(f"/bookings/{one}/swap"), {"other": other}, action="/swap")
    assert starts_of(house, one, other) == [at("14:00", 1), at("10:00")]


# -- a day on which the teacher cannot come ------------------------------------------------------

DAY = f"/agenda/absence?day={MONDAY}"


def without_mail(session: Session) -> Person:
    """Grace reads texts by hand: a phone that takes them, no e-mail."""
    found = session.scalars(select(Person).where(Person.name == "Grace")).first()
    if found is None:
        found = make.learner(session, "Grace")
        found.phone, found.reach = "0470 12 34 56", "hand"
    return found


def states(house: House, *made: str) -> list[tuple[str, bool]]:
    def asked(session: Session) -> list[tuple[str, bool]]:
        found = [session.get_one(Booking, one) for one in made]
        return [(one.state, one.called_off) for one in found]

    return house.read(asked)


def test_the_page_says_exactly_who_will_be_told_and_how_before_anything_happens(house: House) -> None:
    made = [ahead(house, at("10:00")), ahead(house, at("11:00"), make.oksana)]
    made += [ahead(house, at("14:00"), without_mail), ahead(house, at("10:00", 1))]
    nadia = visitor(house, make.nadia)
    assert "/agenda/absence" in nadia.get("/agenda").links().values()
    page = nadia.get(DAY)
    form = next(one for one in page.root.all("form") if one.get("method") == "post" and one.all("ul"))
    rows = [item.text for item in form.all("li")]
    assert rows == [
        "10 h 00 Samira par e-mail",
        "11 h 00 Oksana Bondar sans e-mail ni téléphone",
        "14 h 00 Grace à la main",
    ]
    assert states(house, *made) == [("booked", False)] * 4


def post_form(browser: Visitor, page: Page, path: str = DAY) -> Page:
    """Press the one button that calls the day off; the form above it only looks."""
    form = next(one for one in page.root.all("form") if one.get("class") == "card")
    data: dict[str, Any] = {
        field.get("name"): field.get("value") for field in form.all("input") if field.get("name")
    }
    response = browser.client.post(
        "/agenda/absence", data=data, follow_redirects=True, headers={"Sec-Fetch-Site": "same-origin"}
    )
    return browser._page(path, response)


def test_one_press_tells_everybody_and_the_second_press_nobody(house: House) -> None:
    made = [ahead(house, at("10:00")), ahead(house, at("14:00"), without_mail)]
    other_day = ahead(house, at("10:00", 1))
    nadia = visitor(house, make.nadia)
    page = nadia.get(DAY)
    done = post_form(nadia, page)
    assert done.status == 200
    assert "Ce jour est fermé." in done.text
    assert "Personnes prévenues : 1. À prévenir vous-même : 1." in done.text
    assert done.links()["Messages à envoyer"] == "/messages"
    assert states(house, *made, other_day) == [("cancelled", True), ("cancelled", True), ("booked", False)]
    told = mails_of(house, "booking_cancelled")
    assert told == ["Grace", "Nadia Dubois", "Nadia Dubois", "Samira"]
    post_form(nadia, page)
    assert mails_of(house, "booking_cancelled") == told
    assert house.read(lambda s: s.scalar(select(func.count()).select_from(SpecialDay))) == 1


def test_nothing_that_a_learner_sees_says_why(house: House) -> None:
    made = ahead(house, at("10:00"))
    nadia = visitor(house, make.nadia)
    post_form(nadia, nadia.get(DAY))
    for path in (f"/bookings/{made}", "/bookings", "/"):
        seen = visitor(house, make.samira).get(path).text.lower()
        assert not any(word in seen for word in ("malad", "malade", "santé", "congé"))
    assert "ne peut pas venir" in visitor(house, make.samira).get(f"/bookings/{made}").text


def test_a_day_that_was_called_off_is_opened_again(house: House) -> None:
    made = ahead(house, at("10:00"))
    nadia = visitor(house, make.nadia)
    done = post_form(nadia, nadia.get(DAY))
    page = nadia.get(done.links()["Rouvrir ce jour"])
    nadia.submit(page, action="/deletion")
    assert "Ce jour est fermé." not in nadia.get(DAY).text
    assert states(house, made) == [("cancelled", True)]
    assert "10 h 00" in visitor(house, make.oksana).get(f"/bookings/new?from={MONDAY}").text


def test_a_day_without_appointments_is_closed_all_the_same(house: House) -> None:
    nadia = visitor(house, make.nadia)
    page = nadia.get(DAY)
    assert "Pas de rendez-vous à annuler" in page.text
    assert "Ce jour est fermé." in post_form(nadia, page).text


def test_the_coordinator_chooses_the_teacher(house: House) -> None:
    made, other = ahead(house, at("10:00")), ahead(house, at("10:00"), make.oksana, make.luc)
    claire = visitor(house, make.claire)
    page = claire.get(DAY)
    assert [option.text for option in page.root.all("option")] == ["Luc Lambert", "Nadia Dubois"]
    assert "Samira" not in page.text
    nadia_id = house.write(make.nadia).id
    assert f"/agenda/absence?teacher={nadia_id}" in claire.get(f"/people/{nadia_id}").links().values()
    page = claire.get(f"{DAY}&teacher={nadia_id}")
    assert "Nadia Dubois ne peut pas venir" in page.text
    post_form(claire, page)
    assert states(house, made, other) == [("cancelled", True), ("booked", False)]
    learner = house.write(make.samira).id
    assert claire.get(f"/agenda/absence?teacher={learner}").status == 404


def test_nobody_calls_off_the_day_of_a_colleague(house: House) -> None:
    made = ahead(house, at("10:00"))
    nadia_id = house.write(make.nadia).id
    luc = visitor(house, make.luc)
    assert luc.get(f"{DAY}&teacher={nadia_id}").status == 404
    data = {"csrf_token": token(luc.get(DAY)), "teacher": nadia_id, "day": MONDAY.isoformat()}
    assert luc.client.post("/agenda/absence", data=data).status_code == 404
    for who in (make.samira, make.farid):
        assert visitor(house, who).get(DAY).status == 404
    assert states(house, made) == [("booked", False)]


@pytest.mark.parametrize("day", ["", "x", "9999-12-31", "0001-01-01", "2026-02-30"])
def test_a_day_that_is_none_is_today(house: House, day: str) -> None:
    nadia = visitor(house, make.nadia)
    page = nadia.get(f"/agenda/absence?day={day}")
    assert page.status == 200
    data = {"csrf_token": token(page), "day": day}
    assert nadia.client.post("/agenda/absence", data=data).status_code == 422


def test_a_day_that_is_over_is_refused(house: House) -> None:
    nadia = visitor(house, make.nadia)
    over = (clock.now() - timedelta(days=2)).date()
    page = post_form(nadia, nadia.get(f"/agenda/absence?day={over}"))
    assert page.status == 422
    assert "Ce jour est passé." in page.text
