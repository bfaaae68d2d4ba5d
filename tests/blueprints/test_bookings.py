"""Appointments as people see them: the picker, the confirmation, the ticket, the door."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms import clock
from lms.domain import booking as bookings
from lms.domain.booking import attendance, waitlist
from lms.forms.booking import hour_value
from lms.models import Booking, OutboxItem, Person, Service
from tests import make
from tests.house import House
from tests.make import wall
from tests.pages import Page, Visitor

HOUR = timedelta(hours=1)


MONDAY = make.coming_monday()


def at(hour: str, days: int = 0) -> datetime:
    return wall((MONDAY + timedelta(days=days)).isoformat(), hour)


@pytest.fixture(autouse=True)
def teachers(house: House) -> None:
    def offer(session: Session) -> None:
        service = make.school(session)
        service.directions = "Bus 70, arrêt Pont"
        make.all_week(session, make.nadia(session), "09:00", "12:00")
        make.all_week(session, make.luc(session), "09:00", "12:00", mode="both")

    house.write(offer)


def person_id(house: House, who: Callable[[Session], Person]) -> str:
    return house.write(lambda s: who(s).id)


def visitor(house: House, who: Callable[[Session], Person]) -> Visitor:
    return house.visitor(person_id(house, who))


def booked(
    house: House, starts: datetime, who: Any = make.samira, teacher: Any = make.nadia, **more: Any
) -> str:
    return house.write(lambda s: make.booked(s, who(s), teacher(s), starts, now=clock.now(), **more).id)


def value(house: House, starts: datetime, teacher: Any = make.nadia) -> str:
    return hour_value(person_id(house, teacher), starts)


def confirmed(house: House, browser: Visitor, starts: datetime, teacher: Any = make.nadia) -> Page:
    return browser.get(f"/bookings/new/confirm?hour={value(house, starts, teacher)}")


def test_a_learner_chooses_an_hour_sees_it_again_and_books_it(house: House) -> None:
    browser = visitor(house, make.samira)
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
    made = house.read(lambda s: s.scalars(select(Booking)).one())
    assert made.learner_id == person_id(house, make.samira)
    assert made.starts == at("09:00")


def test_days_without_a_free_hour_are_left_out(house: House) -> None:
    picker = visitor(house, make.samira).get(f"/bookings/new?from={MONDAY}")
    legends = [legend.text for legend in picker.root.all("legend")]
    assert legends
    assert not any("samedi" in text or "dimanche" in text for text in legends)


def test_where_two_weeks_are_empty_the_next_free_days_are_shown(house: House) -> None:
    def nobody_until_later(session: Session) -> None:
        claire = make.claire(session)
        last = clock.now().date() + timedelta(days=30)
        make.closed(session, None, clock.now().date().isoformat(), last.isoformat(), claire)

    house.write(nobody_until_later)
    picker = visitor(house, make.samira).get("/bookings/new")
    assert picker.root.all("legend")


def test_without_any_free_hour_the_page_says_what_to_do(house: House) -> None:
    def closed(session: Session) -> None:
        last = clock.now().date() + timedelta(days=90)
        make.closed(session, None, clock.now().date().isoformat(), last.isoformat(), make.claire(session))

    house.write(closed)
    page = visitor(house, make.samira).get("/bookings/new")
    assert "Vous pouvez attendre" in page.text
    assert page.links()["Attendre une heure"] == "/waitlist"


def test_an_hour_either_way_is_chosen_on_the_confirmation(house: House) -> None:
    browser = visitor(house, make.samira)
    page = confirmed(house, browser, at("10:00"), make.luc)
    assert len([radio for radio in page.root.all("input") if radio.get("type") == "radio"]) == 2
    done = browser.submit(page, {"mode": "onsite"})
    assert "Bus 70" in done.text
    assert house.read(lambda s: s.scalars(select(Booking.mode)).one()) == "onsite"


def test_the_same_form_twice_is_one_booking_and_leads_to_the_same_page(house: House) -> None:
    browser = visitor(house, make.samira)
    page = confirmed(house, browser, at("09:00"))
    first, second = browser.submit(page), browser.submit(page)
    assert (first.status, second.status) == (200, 200)
    assert first.url == second.url
    assert house.read(lambda s: s.scalar(select(func.count()).select_from(Booking))) == 1
    assert house.read(lambda s: s.scalar(select(func.count()).select_from(OutboxItem))) == 4


def test_who_comes_second_gets_409_and_the_nearest_hours_first(house: House) -> None:
    late, quick = visitor(house, make.samira), visitor(house, make.oksana)
    page = confirmed(house, late, at("10:00"))
    quick.submit(confirmed(house, quick, at("10:00")))
    lost = late.submit(page)
    assert lost.status == 409
    hours = [button.get("value").split(".")[1] for button in lost.root.all("button") if button.get("name")]
    distances = [abs(datetime.strptime(h + "+0000", "%Y%m%dT%H%M%z") - at("10:00")) for h in hours]
    assert distances
    assert distances == sorted(distances)
    assert house.read(lambda s: s.scalar(select(func.count()).select_from(Booking))) == 1


def test_a_confirmation_of_an_hour_that_is_gone_offers_others(house: House) -> None:
    booked(house, at("10:00"), make.oksana)
    assert confirmed(house, visitor(house, make.samira), at("10:00")).status == 409


@pytest.mark.parametrize("hour", ["", "x", "a.b", "22222222222222.99999999T9999", "../etc", "%00"])
def test_an_hour_that_is_none_is_answered_with_the_picker(house: House, hour: str) -> None:
    browser = visitor(house, make.samira)
    assert browser.get(f"/bookings/new/confirm?hour={hour}").status == 422
    page = confirmed(house, browser, at("09:00"))
    assert browser.submit(page, {"hour": hour}).status in (409, 422)
    assert browser.submit(page, {"mode": "by train"}).status == 422


def test_one_tap_cancels_and_the_page_offers_another_hour(house: House) -> None:
    made = booked(house, at("09:00"))
    browser = visitor(house, make.samira)
    page = browser.submit(browser.get("/bookings"), action="/cancellation")
    assert "done=cancelled" in page.url
    assert any(link.startswith("/bookings/new") for link in page.links().values())
    assert house.read(lambda s: s.get_one(Booking, made).state) == "cancelled"
    again = browser.submit(browser.get(f"/bookings/new/confirm?hour={value(house, at('09:00'))}"))
    assert again.status == 200


def test_cancelling_twice_says_that_it_is_cancelled(house: House) -> None:
    made = booked(house, at("09:00"))
    browser = visitor(house, make.samira)
    one, other = browser.get(f"/bookings/{made}"), browser.get("/bookings")
    browser.submit(one, action="/cancellation")
    page = browser.submit(other, action="/cancellation")
    assert page.status == 200
    assert house.read(lambda s: s.get_one(Booking, made).sequence) == 1


def test_a_learner_moves_her_hour(house: House) -> None:
    made = booked(house, at("09:00"))
    browser = visitor(house, make.samira)
    assert "Luc" not in browser.get(f"/bookings/{made}/move?from={MONDAY}").text
    page = browser.get(f"/bookings/{made}/move/confirm?hour={value(house, at('11:00'))}")
    moved = browser.submit(page)
    assert "done=moved" in moved.url
    assert house.read(lambda s: s.get_one(Booking, made).starts) == at("11:00")


def test_a_move_into_a_taken_hour_answers_409_with_others(house: House) -> None:
    made = booked(house, at("09:00"))
    browser = visitor(house, make.samira)
    page = browser.get(f"/bookings/{made}/move/confirm?hour={value(house, at('11:00'))}")
    booked(house, at("11:00"), make.oksana)
    assert browser.submit(page).status == 409


def test_a_move_to_another_teacher_is_refused(house: House) -> None:
    made = booked(house, at("09:00"))
    browser = visitor(house, make.samira)
    page = browser.get(f"/bookings/{made}/move/confirm?hour={value(house, at('11:00'))}")
    assert browser.submit(page, {"hour": value(house, at("11:00"), make.luc)}).status == 409


# -- on behalf -----------------------------------------------------------------------------------


def test_the_team_books_moves_and_cancels_for_a_learner(house: House) -> None:
    samira = person_id(house, make.samira)
    house.write(lambda s: setattr(make.samira(s), "social_worker_id", make.farid(s).id))
    for days, who in enumerate((make.nadia, make.claire, make.farid)):
        browser = visitor(house, who)
        assert "Samira" in browser.get(f"/bookings/new?learner={samira}&from={MONDAY}").text
        hour = value(house, at("09:00", days=days))
        page = browser.submit(browser.get(f"/bookings/new/confirm?hour={hour}&learner={samira}"))
        assert page.status == 200
        page = browser.submit(page, {"reason": "Malade"}, action="/cancellation")
        assert page.status == 200
        assert "Malade" in page.text
    states = house.read(lambda s: s.execute(select(Booking.learner_id, Booking.state)).all())
    assert [tuple(row) for row in states] == [(samira, "cancelled")] * 3


def test_the_page_of_a_learner_shows_what_lies_ahead_and_leads_to_an_hour(house: House) -> None:
    samira, made = person_id(house, make.samira), booked(house, at("09:00"))
    page = visitor(house, make.nadia).get(f"/people/{samira}")
    assert f"/bookings/{made}" in page.links().values()
    assert f"/bookings/new?learner={samira}" in page.links().values()


def test_a_social_worker_books_only_for_her_own_people(house: House) -> None:
    samira = person_id(house, make.samira)
    made = booked(house, at("09:00"))
    browser = visitor(house, make.farid)
    assert browser.get(f"/bookings/new?learner={samira}").status == 404
    assert browser.get(f"/bookings/{made}").status == 404


def test_a_learner_sees_and_books_for_nobody_else(house: House) -> None:
    samira = person_id(house, make.samira)
    made = booked(house, at("09:00"))
    browser = visitor(house, make.oksana)
    for path in (
        f"/bookings/{made}",
        f"/bookings/{made}/move",
        f"/s/{made}",
        f"/bookings/new?learner={samira}",
    ):
        assert browser.get(path).status == 404, path
    page = confirmed(house, browser, at("10:00"))
    assert browser.submit(page, {"learner": samira}).status == 404


def test_nobody_enters_without_signing_in(house: House) -> None:
    answer = house.visitor().client.get("/bookings")
    assert answer.status_code == 303


# -- the door ------------------------------------------------------------------------------------


def shift(house: House, made: str, starts: datetime) -> None:
    """As if the hour were another one, without asking the rules."""

    def change(session: Session) -> None:
        booking = session.get_one(Booking, made)
        quarter = datetime.fromtimestamp(int(starts.timestamp()) // 900 * 900, tz=starts.tzinfo)
        booking.starts, booking.ends, booking.free_at = quarter, quarter + HOUR, quarter + HOUR

    house.write(change)


def door(house: House, made: str, who: Callable[[Session], Person]) -> Any:
    return visitor(house, who).client.get(f"/s/{made}")


def test_the_door_opens_the_room_for_learner_and_teacher_when_it_is_time(house: House) -> None:
    made = booked(house, at("09:00"))
    assert door(house, made, make.samira).status_code == 200
    shift(house, made, clock.now())
    key = house.read(lambda s: s.get_one(Booking, made).video_key)
    for who in (make.samira, make.nadia):
        answer = door(house, made, who)
        assert (answer.status_code, answer.location) == (303, f"https://meet.jit.si/{key}")
    for who in (make.luc, make.oksana):
        assert door(house, made, who).status_code == 404
    shift(house, made, clock.now() - 2 * HOUR)
    answer = door(house, made, make.samira)
    assert answer.status_code == 200
    assert key not in answer.text


def test_the_door_of_a_session_on_site_shows_the_place(house: House) -> None:
    made = booked(house, at("09:00"), teacher=make.luc, mode="onsite")
    answer = door(house, made, make.samira)
    assert "Bus 70" in answer.text


# -- budgets -------------------------------------------------------------------------------------


def fill(house: House, learners: int) -> None:
    def many(session: Session) -> None:
        session.get_one(Service, 1).horizon_days = 60
        for number in range(learners):
            someone = make.learner(session, f"Person {number}")
            day, hour = divmod(number, 3)
            starts = at("09:00", days=day // 5 * 7 + day % 5) + hour * HOUR
            free = bookings.free_hour(
                session, session.get_one(Service, 1), bookings.Wish(someone.id, make.BRUSSELS),
                make.nadia(session).id, starts, clock.now(),
            )  # fmt: skip
            if free is not None:
                make.booked(session, someone, make.nadia(session), starts, now=clock.now())

    house.write(many)


def test_the_picker_asks_few_questions_and_no_more_with_ten_times_the_bookings(house: House) -> None:
    browser = visitor(house, make.samira)
    browser.get("/bookings/new")
    counts = []
    for learners in (2, 20):
        fill(house, learners)
        with house.counting_statements() as sent:
            assert browser.get(f"/bookings/new?from={MONDAY}").status == 200
        counts.append(len(sent))
    assert counts[0] == counts[1]
    assert counts[0] <= 8


def test_the_picker_is_light(house: House) -> None:
    def busy_school(session: Session) -> None:
        for teacher in (make.nadia(session), make.luc(session)):
            make.all_week(session, teacher, "08:00", "18:00", mode="both")

    house.write(busy_school)
    page = visitor(house, make.samira).get(f"/bookings/new?from={MONDAY}")
    hours = [button for button in page.root.all("button") if button.get("name") == "hour"]
    assert len(hours) > 100
    assert len(gzip.compress(page.html.encode())) <= 10_000


def test_the_list_asks_as_much_for_one_appointment_as_for_many(house: House) -> None:
    browser = visitor(house, make.samira)
    counts = []
    for days in (0, 1, 7):  # a week holds two
        booked(house, at("09:00", days=days))
        browser.get("/bookings")
        with house.counting_statements() as sent:
            browser.get("/bookings")
        counts.append(len(sent))
    assert len(set(counts)) == 1
    assert counts[0] <= 6


# -- her question and what comes of a session ----------------------------------------------------


def test_a_learner_writes_her_question_changes_it_and_takes_it_back(house: House) -> None:
    made = booked(house, at("09:00"))
    browser = visitor(house, make.samira)
    for asked in ("Comment dire « facture » ?", "كيف أكتب رسالة؟", ""):
        page = browser.submit(browser.get(f"/bookings/{made}"), {"question": asked}, action="/question")
        assert page.status == 200
        assert house.read(lambda s: s.get_one(Booking, made).question) == asked
    again = browser.submit(page, {"question": "Comment dire « facture » ?"}, action="/question")
    assert "« facture »" in again.text


@pytest.mark.parametrize("words", ["85.07.30-033.28, c’est moi", "a" * 301], ids=["national number", "long"])
def test_a_question_that_must_not_be_kept_stays_in_the_field(house: House, words: str) -> None:
    made = booked(house, at("09:00"))
    browser = visitor(house, make.samira)
    page = browser.submit(browser.get(f"/bookings/{made}"), {"question": words}, action="/question")
    assert page.status == 422
    assert words in page.text
    assert house.read(lambda s: s.get_one(Booking, made).question) == ""


def test_once_the_session_has_begun_her_question_stays_as_it_is(house: House) -> None:
    made = booked(house, at("09:00"))
    browser = visitor(house, make.samira)
    form = browser.get(f"/bookings/{made}")
    shift(house, made, clock.now() - HOUR / 2)
    late = browser.submit(form, {"question": "Trop tard ?"}, action="/question")
    assert late.status == 409
    assert house.read(lambda s: s.get_one(Booking, made).question) == ""


def test_nobody_else_writes_her_question(house: House) -> None:
    made = booked(house, at("09:00"))
    page = visitor(house, make.samira).get(f"/bookings/{made}")
    for who in (make.oksana, make.nadia):
        browser = visitor(house, who)
        form = browser.get("/me").root.all("input")
        token = next(control.get("value") for control in form if control.get("name") == "csrf_token")
        answer = browser.submit(page, {"question": "x", "csrf_token": token}, action="/question")
        assert answer.status == 404


def test_after_a_session_the_learner_reads_what_to_do_next_and_nothing_private(house: House) -> None:
    made = booked(house, at("09:00"))
    shift(house, made, clock.now() - 3 * HOUR)

    def note(session: Session) -> None:
        nadia = make.nadia(session)
        booking = session.get_one(Booking, made)
        attendance.mark(session, booking, nadia, "no_show", clock.now())
        attendance.write_note(session, booking, nadia, "Semble fatiguée", "Écrire les mois", clock.now())

    house.write(note)
    browser = visitor(house, make.samira)
    for path in ("/bookings", f"/bookings/{made}"):
        page = browser.get(path)
        assert "Écrire les mois" in page.text, path
        assert "fatiguée" not in page.text, path
        assert "bsent" not in page.text, path
    assert f"/bookings/{made}" in browser.get("/bookings").links().values()


# -- her own move --------------------------------------------------------------------------------


def messages(house: House) -> int:
    return house.read(lambda s: s.scalar(select(func.count()).select_from(OutboxItem))) or 0


def test_a_move_onto_the_same_hour_changes_nothing_and_writes_to_nobody(house: House) -> None:
    made = booked(house, at("09:00"))
    before = messages(house)
    browser = visitor(house, make.samira)
    page = browser.submit(browser.get(f"/bookings/{made}/move/confirm?hour={value(house, at('09:00'))}"))
    assert page.status == 200
    assert house.read(lambda s: s.get_one(Booking, made).sequence) == 0
    assert messages(house) == before


def test_a_move_by_half_an_hour_overlaps_only_itself(house: House) -> None:
    house.write(lambda s: make.rule(s, make.nadia(s), 0, "09:30", "10:30") and None)
    made = booked(house, at("09:00"))
    browser = visitor(house, make.samira)
    page = browser.submit(browser.get(f"/bookings/{made}/move/confirm?hour={value(house, at('09:30'))}"))
    assert "done=moved" in page.url
    found = house.read(lambda s: s.get_one(Booking, made))
    assert (found.starts, found.sequence) == (at("09:30"), 1)


def test_who_books_too_late_may_wait_from_the_page_that_says_so(house: House) -> None:
    booked(house, at("10:00"), make.oksana)
    page = confirmed(house, visitor(house, make.samira), at("10:00"))
    assert page.status == 409
    assert page.links()["Attendre une heure"] == "/waitlist"


def test_the_picker_asks_as_much_with_thirty_rules_as_with_one_and_stays_light(house: House) -> None:
    browser = visitor(house, make.samira)
    browser.get("/bookings/new")
    with house.counting_statements() as few:
        browser.get(f"/bookings/new?from={MONDAY}")

    def more(session: Session) -> None:
        for teacher in (make.nadia(session), make.luc(session)):
            for weekday in range(5):
                for start, end in (("13:00", "15:00"), ("15:30", "17:30"), ("18:00", "20:00")):
                    make.rule(session, teacher, weekday, start, end, "both")

    house.write(more)
    fill(house, 60)
    house.write(
        lambda s: waitlist.join(s, make.samira(s), make.samira(s), None, 7, None, clock.now()) and None
    )
    with house.counting_statements() as many:
        page = browser.get(f"/bookings/new?from={MONDAY}")
    assert len(many) == len(few) <= 8
    assert len(gzip.compress(page.html.encode())) <= 10_000
    days = [legend.text for legend in page.root.all("legend")]
    assert 8 <= len(days) <= 14, "two weeks a page"
