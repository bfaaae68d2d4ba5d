"""Appointments as people see them: the picker, the confirmation, the ticket, moves, on behalf."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from lms import clock
from lms.domain.booking import availability_search, waitlist
from lms.forms.booking import slot_value
from lms.models import Availability, Booking, BookingState, Channel, Mode, OutboxItem
from tests import factories
from tests.support.appointments import MONDAY, at, booked, mornings, person_id, visitor
from tests.support.pages import Page, Visitor
from tests.support.school import School
from tests.support.waitlist import end_kept_time


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    school.write(mornings)


def value(school: School, starts: datetime, teacher: Any = factories.nadia) -> str:
    return slot_value(person_id(school, teacher), starts)


def confirmed(school: School, browser: Visitor, starts: datetime, teacher: Any = factories.nadia) -> Page:
    return browser.get(f"/bookings/new/confirm?hour={value(school, starts, teacher)}")


def test_a_learner_chooses_an_hour_sees_it_again_and_books_it(school: School) -> None:
    browser = visitor(school, factories.samira)
    picker = browser.get(f"/bookings/new?from={MONDAY}")
    hours = [button for button in picker.root.all("button") if button.get("name") == "hour"]
    assert "Luc" in hours[0].text
    assert "9 h 00" in hours[0].text
    page = browser.get(f"/bookings/new/confirm?hour={hours[0].get('value')}")
    assert "Luc" in page.text
    assert "heure de Belgique" in page.text
    done = browser.submit(page)
    assert done.status == 200
    assert "done=made" in done.url
    made = school.read(lambda s: s.scalars(select(Booking)).one())
    assert made.learner_id == person_id(school, factories.samira)
    assert made.starts == at("09:00")


def test_days_without_a_free_hour_are_left_out(school: School) -> None:
    picker = visitor(school, factories.samira).get(f"/bookings/new?from={MONDAY}")
    legends = [legend.text for legend in picker.root.all("legend")]
    assert legends
    assert not any("samedi" in text or "dimanche" in text for text in legends)


def test_where_two_weeks_are_empty_the_next_free_days_are_shown(school: School) -> None:
    def nobody_until_later(session: Session) -> None:
        claire = factories.claire(session)
        last = clock.now().date() + timedelta(days=30)
        factories.closed(session, None, clock.now().date().isoformat(), last.isoformat(), claire)

    school.write(nobody_until_later)
    picker = visitor(school, factories.samira).get("/bookings/new")
    assert picker.root.all("legend")


def test_without_any_free_hour_the_page_says_what_to_do(school: School) -> None:
    def closed(session: Session) -> None:
        last = clock.now().date() + timedelta(days=90)
        factories.closed(
            session, None, clock.now().date().isoformat(), last.isoformat(), factories.claire(session)
        )

    school.write(closed)
    page = visitor(school, factories.samira).get("/bookings/new")
    assert "Vous pouvez être sur la liste" in page.text
    assert page.links()["Me prévenir quand une place se libère"] == "/waitlist"


def test_where_no_teacher_has_hours_yet_the_page_does_not_say_that_all_are_taken(school: School) -> None:
    school.write(lambda s: s.execute(delete(Availability)))
    page = visitor(school, factories.samira).get("/bookings/new")
    assert "Les professeurs n’ont pas encore ouvert de rendez-vous." in page.text
    assert "prises" not in page.text


def test_an_hour_either_way_is_chosen_on_the_confirmation(school: School) -> None:
    browser = visitor(school, factories.samira)
    page = confirmed(school, browser, at("10:00"), factories.luc)
    assert len([radio for radio in page.root.all("input") if radio.get("type") == "radio"]) == 2
    assert "dock" not in page.html, "no button may lie over the choice"
    assert "dock" in confirmed(school, browser, at("10:00")).html
    done = browser.submit(page, {"mode": "onsite"})
    assert "Bus 70" in done.text
    assert school.read(lambda s: s.scalars(select(Booking.mode)).one()) == Mode.ONSITE


def test_the_same_form_twice_is_one_booking_and_leads_to_the_same_page(school: School) -> None:
    browser = visitor(school, factories.samira)
    page = confirmed(school, browser, at("09:00"))
    first, second = browser.submit(page), browser.submit(page)
    assert (first.status, second.status) == (200, 200)
    assert first.url == second.url
    assert school.read(lambda s: s.scalar(select(func.count()).select_from(Booking))) == 1
    assert school.read(lambda s: s.scalar(select(func.count()).select_from(OutboxItem))) == 4


def test_who_comes_back_to_the_hour_that_she_booked_finds_her_appointment(school: School) -> None:
    browser = visitor(school, factories.samira)
    page = confirmed(school, browser, at("10:00"))
    made = browser.submit(page).url.split("?")[0]
    assert confirmed(school, browser, at("10:00")).url == made
    assert browser.submit(page, {"request_id": "from-another-page"}).url == made
    assert confirmed(school, visitor(school, factories.oksana), at("10:00")).status == 409


@pytest.mark.parametrize("reach", ["mail", "sms"])
def test_a_mail_is_promised_only_to_whom_one_is_sent(school: School, reach: str) -> None:
    def terms(session: Session) -> None:
        samira = factories.samira(session, language="fr")
        samira.email, samira.phone, samira.reach = "samira@example.be", "0470 12 34 56", reach

    school.write(terms)
    browser = visitor(school, factories.samira)
    done = browser.submit(confirmed(school, browser, at("10:00")))
    assert ("Vous recevez un e-mail" in done.text) == (reach == Channel.MAIL)
    assert ("Vous retrouvez le rendez-vous ici" in done.text) == (reach == Channel.SMS)


def test_who_comes_second_gets_409_and_the_nearest_hours_first(school: School) -> None:
    late, quick = visitor(school, factories.samira), visitor(school, factories.oksana)
    page = confirmed(school, late, at("10:00"))
    quick.submit(confirmed(school, quick, at("10:00")))
    lost = late.submit(page)
    assert lost.status == 409
    hours = [button.get("value").split(".")[1] for button in lost.root.all("button") if button.get("name")]
    distances = [abs(datetime.strptime(h + "+0000", "%Y%m%dT%H%M%z") - at("10:00")) for h in hours]
    assert distances
    assert distances == sorted(distances)
    assert school.read(lambda s: s.scalar(select(func.count()).select_from(Booking))) == 1


def test_a_confirmation_of_an_hour_that_is_gone_offers_others(school: School) -> None:
    booked(school, at("10:00"), factories.oksana)
    assert confirmed(school, visitor(school, factories.samira), at("10:00")).status == 409


def test_the_page_says_why_an_hour_cannot_be_had(school: School) -> None:
    browser = visitor(school, factories.samira)

    def sentence(starts: datetime) -> str:
        page = confirmed(school, browser, starts)
        assert page.status == 409
        return page.text

    booked(school, at("10:00"), factories.oksana)
    booked(school, at("11:00"), factories.samira, factories.luc)
    day = at("09:00", days=1).date().isoformat()
    school.write(lambda s: factories.closed(s, factories.nadia(s), day, day, factories.nadia(s)))
    soon = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
    assert "Cette heure est trop proche." in sentence(soon)
    assert "Cette date est trop loin." in sentence(at("09:00", days=98))
    assert "Cette place n’est plus proposée." in sentence(at("09:00", days=1))
    assert "Cette place vient d’être prise." in sentence(at("10:00"))
    assert "Il y a déjà un rendez-vous à cette heure." in sentence(at("11:00"))


@pytest.mark.parametrize("hour", ["", "x", "a.b", "22222222222222.99999999T9999", "../etc", "%00"])
def test_an_hour_that_is_none_is_answered_with_the_picker(school: School, hour: str) -> None:
    browser = visitor(school, factories.samira)
    assert browser.get(f"/bookings/new/confirm?hour={hour}").status == 422
    page = confirmed(school, browser, at("09:00"))
    assert browser.submit(page, {"hour": hour}).status in (409, 422)
    assert browser.submit(page, {"mode": "by train"}).status == 422


def test_one_tap_cancels_and_the_page_offers_another_hour(school: School) -> None:
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.samira)
    page = browser.submit(browser.get("/bookings"), action="/cancellation")
    assert "done=cancelled" in page.url
    assert any(link.startswith("/bookings/new") for link in page.links().values())
    assert school.read(lambda s: s.get_one(Booking, made).state) == BookingState.CANCELLED
    again = browser.submit(browser.get(f"/bookings/new/confirm?hour={value(school, at('09:00'))}"))
    assert again.status == 200


def test_an_hour_that_went_to_somebody_else_is_not_offered_again(school: School) -> None:
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.samira)
    browser.submit(browser.get("/bookings"), action="/cancellation")
    end_kept_time(school)
    again = f"/bookings/new/confirm?hour={value(school, at('09:00'))}"
    assert again in browser.get(f"/bookings/{made}").links().values()
    booked(school, at("09:00"), factories.oksana)
    assert again not in browser.get(f"/bookings/{made}").links().values()


def test_cancelling_twice_says_that_it_is_cancelled(school: School) -> None:
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.samira)
    one, other = browser.get(f"/bookings/{made}"), browser.get("/bookings")
    browser.submit(one, action="/cancellation")
    page = browser.submit(other, action="/cancellation")
    assert page.status == 200
    assert school.read(lambda s: s.get_one(Booking, made).sequence) == 1


def test_a_learner_moves_her_hour(school: School) -> None:
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.samira)
    assert "Luc" not in browser.get(f"/bookings/{made}/move?from={MONDAY}").text
    page = browser.get(f"/bookings/{made}/move/confirm?hour={value(school, at('11:00'))}")
    moved = browser.submit(page)
    assert "done=moved" in moved.url
    assert school.read(lambda s: s.get_one(Booking, made).starts) == at("11:00")


def test_the_same_hour_again_changes_nothing_and_says_so(school: School) -> None:
    school.write(lambda s: factories.samira(s, language="fr"))
    made = booked(school, at("10:00"), teacher=factories.luc, mode="onsite")
    browser = visitor(school, factories.samira)
    page = browser.get(f"/bookings/{made}/move/confirm?hour={value(school, at('10:00'), factories.luc)}")
    chosen = [radio.get("value") for radio in page.root.all("input") if "checked" in radio.attrs]
    assert chosen == [Mode.ONSITE], "the way she comes now"
    same = browser.submit(page, {"mode": "onsite"})
    assert "ne change pas" in same.text
    assert "Le rendez-vous est déplacé" not in same.text
    assert school.read(lambda s: s.get_one(Booking, made).sequence) == 0


def test_a_move_into_a_taken_hour_answers_409_with_others(school: School) -> None:
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.samira)
    page = browser.get(f"/bookings/{made}/move/confirm?hour={value(school, at('11:00'))}")
    booked(school, at("11:00"), factories.oksana)
    assert browser.submit(page).status == 409


def test_a_move_to_another_teacher_is_refused(school: School) -> None:
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.samira)
    page = browser.get(f"/bookings/{made}/move/confirm?hour={value(school, at('11:00'))}")
    assert browser.submit(page, {"hour": value(school, at("11:00"), factories.luc)}).status == 409


# -- on behalf -----------------------------------------------------------------------------------


def test_the_team_books_moves_and_cancels_for_a_learner(school: School) -> None:
    samira = person_id(school, factories.samira)
    school.write(lambda s: setattr(factories.samira(s), "social_worker_id", factories.farid(s).id))
    for days, who in enumerate((factories.nadia, factories.claire, factories.farid)):
        browser = visitor(school, who)
        assert "Samira" in browser.get(f"/bookings/new?learner={samira}&from={MONDAY}").text
        hour = value(school, at("09:00", days=days))
        page = browser.submit(browser.get(f"/bookings/new/confirm?hour={hour}&learner={samira}"))
        assert page.status == 200
        page = browser.submit(page, {"reason": "Malade"}, action="/cancellation")
        assert page.status == 200
        assert "Malade" in page.text
    states = school.read(lambda s: s.execute(select(Booking.learner_id, Booking.state)).all())
    assert [tuple(row) for row in states] == [(samira, BookingState.CANCELLED)] * 3


@pytest.mark.parametrize(
    ("phone", "said"),
    [
        (None, "Sans e-mail ni téléphone : prévenez la personne."),
        ("0470 12 34 56", "Le professeur est prévenu. Prévenez l’apprenant. Messages à envoyer"),
    ],
)
def test_the_team_hears_whom_no_word_reaches(school: School, phone: str | None, said: str) -> None:
    def known(session: Session) -> None:
        factories.oksana(session).phone, factories.oksana(session).reach = phone, "hand"

    school.write(known)
    browser, oksana = visitor(school, factories.claire), person_id(school, factories.oksana)
    hour = value(school, at("09:00"))
    page = browser.submit(browser.get(f"/bookings/new/confirm?hour={hour}&learner={oksana}"))
    assert said in page.text
    assert said in browser.submit(page, action="/cancellation").text
    samira = person_id(school, factories.samira)
    page = browser.submit(browser.get(f"/bookings/new/confirm?hour={hour}&learner={samira}"))
    assert "L’apprenant et le professeur sont prévenus." in page.text


def test_a_teacher_goes_back_from_an_appointment_to_its_week(school: School) -> None:
    made = booked(school, at("09:00"))
    week = availability_search.iso_week_of(at("09:00"), zone=factories.BRUSSELS)
    back = f"/agenda?week={week}#b-{made}"
    assert visitor(school, factories.nadia).get(f"/bookings/{made}").links()["Agenda"] == back
    nadia = person_id(school, factories.nadia)
    back = f"/agenda?week={week}&teacher={nadia}#b-{made}"
    assert visitor(school, factories.claire).get(f"/bookings/{made}").links()["Agenda"] == back
    assert back not in visitor(school, factories.luc).get(f"/bookings/{made}").links().values()


def test_the_page_of_a_learner_shows_what_lies_ahead_and_leads_to_an_hour(school: School) -> None:
    samira, made = person_id(school, factories.samira), booked(school, at("09:00"))
    page = visitor(school, factories.nadia).get(f"/people/{samira}")
    assert f"/bookings/{made}" in page.links().values()
    assert f"/bookings/new?learner={samira}" in page.links().values()
    assert page.links()["Me prévenir quand une place se libère"] == f"/waitlist?learner={samira}"
    school.write(
        lambda s: waitlist.join_waitlist(
            s, factories.samira(s), factories.samira(s), None, 7, None, now=clock.now()
        )
    )
    assert (
        "Cette personne est sur la liste d’attente."
        in visitor(school, factories.nadia).get(f"/people/{samira}").text
    )


def test_a_social_worker_books_only_for_her_own_people(school: School) -> None:
    samira = person_id(school, factories.samira)
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.farid)
    assert browser.get(f"/bookings/new?learner={samira}").status == 404
    assert browser.get(f"/bookings/{made}").status == 404


def test_a_learner_sees_and_books_for_nobody_else(school: School) -> None:
    samira = person_id(school, factories.samira)
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.oksana)
    for path in (
        f"/bookings/{made}",
        f"/bookings/{made}/move",
        f"/s/{made}",
        f"/bookings/new?learner={samira}",
    ):
        assert browser.get(path).status == 404, path
    page = confirmed(school, browser, at("10:00"))
    assert browser.submit(page, {"learner": samira}).status == 404


def test_nobody_enters_without_signing_in(school: School) -> None:
    answer = school.visitor().client.get("/bookings")
    assert answer.status_code == 303


def messages(school: School) -> int:
    return school.read(lambda s: s.scalar(select(func.count()).select_from(OutboxItem))) or 0


def test_a_move_onto_the_same_hour_changes_nothing_and_writes_to_nobody(school: School) -> None:
    made = booked(school, at("09:00"))
    before = messages(school)
    browser = visitor(school, factories.samira)
    page = browser.submit(browser.get(f"/bookings/{made}/move/confirm?hour={value(school, at('09:00'))}"))
    assert page.status == 200
    assert school.read(lambda s: s.get_one(Booking, made).sequence) == 0
    assert messages(school) == before


def test_a_move_by_half_an_hour_overlaps_only_itself(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:30", "10:30"))
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.samira)
    page = browser.submit(browser.get(f"/bookings/{made}/move/confirm?hour={value(school, at('09:30'))}"))
    assert "done=moved" in page.url
    found = school.read(lambda s: s.get_one(Booking, made))
    assert (found.starts, found.sequence) == (at("09:30"), 1)


def test_who_books_too_late_may_wait_from_the_page_that_says_so(school: School) -> None:
    booked(school, at("10:00"), factories.oksana)
    page = confirmed(school, visitor(school, factories.samira), at("10:00"))
    assert page.status == 409
    assert page.links()["Me prévenir quand une place se libère"] == "/waitlist"


def test_a_question_about_an_appointment_that_was_cancelled_meanwhile_is_still_there(school: School) -> None:
    booking = booked(school, at("09:00"))
    samira, nadia = visitor(school, factories.samira), visitor(school, factories.nadia)
    page, theirs = samira.get(f"/bookings/{booking}"), nadia.get(f"/bookings/{booking}")
    nadia.submit(nadia.get(f"/bookings/{booking}"), {"reason": "Malade"}, action="/cancellation")
    answer = samira.submit(page, {"question": "Où est la salle ?"}, action="/question")
    assert answer.status == 409
    assert "Où est la salle ?" in answer.text
    again = nadia.submit(theirs, {"reason": "Je suis en formation"}, action="/cancellation")
    assert again.status == 409
    assert "Je suis en formation" in again.text
