"""The teacher's hours and the days that differ."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms import clock
from lms.domain.booking import stored_conflicts, waitlist
from lms.models import Availability, Booking, BookingState, DayKind, OutboxItem, SpecialDay
from tests import factories
from tests.support.appointments import MONDAY, at, booked, visitor
from tests.support.exceptions import exceptions, open_week, tap
from tests.support.pages import filled
from tests.support.school import School

WEEK = f"{MONDAY.isocalendar().year}-W{MONDAY.isocalendar().week:02}"


def test_a_teacher_adds_hours_on_site_and_learners_can_book_them(school: School) -> None:
    browser = visitor(school, factories.nadia)
    page = browser.get("/agenda/availability")
    values = {"weekday": "0", "start": "14:00", "end": "16:00", "mode": "both", "room": "Salle 2"}
    done = browser.submit(page, values, action="/agenda/availability")
    assert done.status == 200
    assert "Salle 2" in done.text
    picker = visitor(school, factories.samira).get(f"/bookings/new?from={MONDAY}")
    assert "14 h 00" in picker.text


def test_who_writes_hours_sees_the_slots_that_they_make(school: School) -> None:
    browser = visitor(school, factories.nadia)
    page = browser.get("/agenda/availability")
    assert "15 min de pause" in page.text
    values = {"weekday": "0", "start": "09:00", "end": "12:30", "mode": "onsite", "room": "Salle 2"}
    done = browser.submit(page, values, action="/agenda/availability")
    made = "Rendez-vous à 9 h 00, 10 h 15, 11 h 30"
    assert done.text.count(made) == 2, "in the sentence that confirms, and with the rule"
    values = {"weekday": "0", "start": "11:15", "end": "13:15", "mode": "video"}
    done = browser.submit(done, values, action="/agenda/availability")
    assert "Trop près d’autres heures : 10 h 15, 11 h 30" in done.text
    values = {"kind": "open", "first": MONDAY.isoformat(), "start": "14:00", "end": "16:15", "mode": "onsite"}
    again = exceptions(browser, **values, room="Salle 2")
    assert "Rendez-vous à 14 h 00, 15 h 15" in again.text
    again = exceptions(browser, **{**values, "start": "12:15", "end": "14:30"}, room="Salle 2")
    assert "Pas proposé, trop près des heures habituelles : 12 h 15" in again.text
    assert "Rendez-vous à 13 h 30" in again.text


def test_what_was_typed_stays_when_the_hours_make_no_sense(school: School) -> None:
    browser = visitor(school, factories.nadia)
    page = browser.get("/agenda/availability")
    values = {"start": "14:00", "end": "10:00", "mode": "onsite", "room": "Salle 9"}
    again = browser.submit(page, values, action="/agenda/availability")
    assert again.status == 422
    assert "La fin vient avant le début." in again.text
    assert 'value="Salle 9"' in again.html
    for bad in ({"valid_from": "31/31/2026"}, {"weekday": "9"}, {"start": "x"}, {"mode": ""}):
        assert browser.submit(page, bad, action="/agenda/availability").status == 422


def test_the_same_hours_sent_twice_are_added_once(school: School) -> None:
    browser = visitor(school, factories.nadia)
    page = browser.get("/agenda/availability")
    browser.submit(page, {"weekday": "0"}, action="/agenda/availability")
    browser.submit(page, {"weekday": "0"}, action="/agenda/availability")
    assert school.read(lambda s: s.scalar(select(func.count()).select_from(Availability))) == 1


def test_a_new_teacher_gets_monday_to_friday_with_one_press(school: School) -> None:
    nadia = visitor(school, factories.nadia)
    nadia.submit(nadia.get("/agenda/availability"), action="/agenda/availability")
    rules = school.read(lambda s: s.scalars(select(Availability)).all())
    hours = {(one.start_wall.hour, one.end_wall.hour) for one in rules}
    assert (sorted(one.weekday for one in rules), hours) == ([0, 1, 2, 3, 4], {(9, 12)})
    again = nadia.get("/agenda/availability")
    assert "weekday" not in filled(again.form("/agenda/availability")), "no day is chosen twice"
    refused = nadia.submit(again, action="/agenda/availability")
    assert refused.status == 422
    assert "Choisissez un jour au moins." in refused.text


def test_hours_that_exist_already_are_named_and_not_doubled(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "09:00", "12:00"))
    nadia = visitor(school, factories.nadia)
    page = nadia.get("/agenda/availability")
    done = nadia.submit(page, {"weekday": ["0", "1"]}, action="/agenda/availability")
    assert "Ces heures existent déjà : mardi." in done.text
    assert school.read(lambda s: sorted(s.scalars(select(Availability.weekday)))) == [0, 1]


def test_a_day_is_copied_to_others(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:00"))
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "13:00", "15:00"))
    school.write(lambda s: factories.rule(s, factories.nadia(s), 2, "13:00", "15:00"))
    nadia = visitor(school, factories.nadia)
    page = nadia.get("/agenda/availability")
    done = nadia.submit(page, {"source": "0", "weekday": ["2", "4"]}, action="/availability/copies")
    assert "Les heures sont copiées : mercredi, vendredi." in done.text
    found = school.read(
        lambda s: sorted((one.weekday, one.start_wall.hour) for one in s.scalars(select(Availability)))
    )
    assert found == [(0, 9), (0, 13), (2, 9), (2, 13), (4, 9), (4, 13)]
    done = nadia.submit(done, {"source": "0", "weekday": ["2"]}, action="/availability/copies")
    assert "Ces heures existent déjà : mercredi." in done.text
    assert nadia.submit(done, {"source": "0"}, action="/availability/copies").status == 422
    forged = {"source": "9", "weekday": ["2"]}
    assert nadia.submit(done, forged, action="/availability/copies").status == 422


def test_new_hours_stay_on_the_page_while_other_appointments_wait_for_a_decision(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "18:00", "19:00"))
    booked(school, at("18:00"))
    school.write(lambda s: s.execute(delete(Availability)))
    school.write(lambda s: stored_conflicts.store_conflicts(s, now=clock.now(), zone=BRUSSELS))
    nadia = visitor(school, factories.nadia)
    done = nadia.submit(nadia.get("/agenda/availability"), action="/agenda/availability")
    assert done.url == "/agenda/availability"
    assert "/agenda/conflicts" in done.links().values()


def test_hours_end_at_a_date(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:00"))
    browser = visitor(school, factories.nadia)
    last = clock.now().date() + timedelta(days=1)
    page = browser.submit(browser.get("/agenda/availability"), {"last": last.isoformat()}, action="/end")
    assert page.status == 200
    assert school.read(lambda s: s.scalars(select(Availability.valid_until)).one()) == last
    page = browser.submit(browser.get("/agenda/availability"), {"last": "x"}, action="/end")
    assert page.status == 422
    assert school.read(lambda s: s.scalars(select(Availability.valid_until)).one()) == last


def test_a_teacher_opens_hours_on_a_day_without_rule(school: School) -> None:
    browser = visitor(school, factories.nadia)
    saturday = (MONDAY + timedelta(days=5)).isoformat()
    values = {"kind": "open", "first": saturday, "start": "10:00", "end": "12:00", "mode": "video"}
    assert exceptions(browser, **values).status == 200
    assert "10 h 00" in visitor(school, factories.samira).get(f"/bookings/new?from={MONDAY}").text
    values["start"] = ""
    page = exceptions(browser, **values)
    assert page.status == 422
    assert "Choisissez les heures de cette ouverture." in page.text


def test_the_coordinator_closes_the_whole_service_and_a_teacher_cannot(school: School) -> None:
    open_week(school)
    booked(school, at("10:00"))
    claire = visitor(school, factories.claire)
    assert "/agenda/exceptions" in claire.get("/organisation").links().values()
    values = {"first": MONDAY.isoformat(), "last": (MONDAY + timedelta(days=4)).isoformat()}
    page = exceptions(claire, **values)
    assert "1 rendez-vous à revoir." in page.text
    assert school.read(lambda s: s.scalars(select(SpecialDay.teacher_id)).all()) == [None]
    special = school.read(lambda s: s.scalars(select(SpecialDay.id)).one())
    nadia = visitor(school, factories.nadia)
    shown = nadia.get("/agenda/exceptions")
    assert f"/agenda/exceptions/{special}/deletion" not in shown.html
    forged = {**values, "whose": "service"}
    exceptions(nadia, **forged)
    owners = school.read(lambda s: s.scalars(select(SpecialDay.teacher_id)).all())
    assert owners.count(None) == 1


def test_extra_hours_are_offered_to_who_waits(school: School) -> None:
    school.write(
        lambda s: waitlist.join_waitlist(
            s, factories.samira(s), factories.samira(s), None, 7, None, now=clock.now()
        )
    )
    day = MONDAY + timedelta(days=1)
    browser = visitor(school, factories.nadia)
    page = exceptions(browser, kind="open", first=f"{day}", start="10:00", end="12:00")
    assert page.url == "/agenda/exceptions"
    offers = select(OutboxItem.person_id).where(OutboxItem.kind == "booking_offer")
    assert school.read(lambda s: s.scalars(offers).all()) == [school.read(factories.samira).id]
    states = school.read(lambda s: s.scalars(select(Booking.state)).all())
    assert states == [BookingState.OFFERED]


def test_the_coordinator_opens_hours_for_one_teacher_but_not_for_all(school: School) -> None:
    nadia = school.write(lambda s: factories.nadia(s).id)
    claire = visitor(school, factories.claire)
    saturday = MONDAY + timedelta(days=5)
    values = {"kind": "open", "first": f"{saturday}", "start": "10:00", "end": "12:00"}
    page = exceptions(claire, **values)
    assert page.status == 422
    assert "Choisissez un professeur" in page.text
    page = exceptions(claire, **values, whose=nadia)
    assert page.status == 200
    assert "10 h 00 – 12 h 00 · par vidéo · Nadia Dubois" in page.text
    assert "10 h 00" in visitor(school, factories.samira).get(f"/bookings/new?from={MONDAY}").text
    assert exceptions(claire, **values, whose="nobody").status == 422


def test_the_holidays_of_a_year_are_shown_and_opened_with_one_tap(school: School) -> None:
    nadia, claire = visitor(school, factories.nadia), visitor(school, factories.claire)
    page = nadia.get("/agenda/exceptions")
    for name in ("Noël", "Fête nationale"):
        assert name in page.text
    page = tap(nadia, "holiday")
    assert "ouvert pour moi" in page.text
    tap(claire, "holiday")
    assert "ouvert pour tous" in nadia.get("/agenda/exceptions").text
    openings = select(SpecialDay).where(SpecialDay.kind == DayKind.OPEN, SpecialDay.start_wall.is_(None))
    assert len({one.date_from for one in school.read(lambda s: s.scalars(openings).all())}) == 1
    page = claire.submit(claire.get("/agenda/exceptions"), action="/deletion")
    claire.submit(page, action="/deletion")
    assert "ouvert pour" not in nadia.get("/agenda/exceptions").text


def test_a_bridge_day_is_closed_with_one_tap(school: School) -> None:
    claire = visitor(school, factories.claire)
    page = tap(claire, "closed")
    assert "fermé pour tous" in page.text
    assert "Pont" in page.text
    bridge = school.read(lambda s: s.scalars(select(SpecialDay)).one())
    assert (bridge.kind, bridge.teacher_id, bridge.start_wall) == (DayKind.CLOSED, None, None)


def test_a_holiday_is_opened_only_where_there_is_one(school: School) -> None:
    browser = visitor(school, factories.nadia)
    page = exceptions(browser, kind="holiday", first=f"{MONDAY}", reason="Rattrapage")
    assert page.status == 422
    assert "Il n’y a pas de jour férié à cette date." in page.text
    assert 'value="Rattrapage"' in page.html
    for bad in ("0001-01-01", "9999-12-31", "2026-02-30", ""):
        assert exceptions(browser, kind="holiday", first=bad).status == 422
    assert exceptions(browser, kind="holiday", first="2026-12-25", last="2199-12-25").status == 422


def test_a_day_that_is_over_is_not_closed(school: School) -> None:
    page = exceptions(visitor(school, factories.nadia), first=f"{clock.now().date() - timedelta(days=2)}")
    assert page.status == 422
    assert "Ce jour est passé." in page.text


def test_thirty_exceptions_and_conflicts_ask_as_much_as_one(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), MONDAY.weekday(), "07:00", "22:00"))
    browser = visitor(school, factories.claire)

    def more(session: Session, numbers: range) -> None:
        for n in numbers:
            starts = at(f"{7 + n % 15:02}:00", days=7 * (n // 15))
            factories.booked(
                session,
                factories.learner(session, f"Learner {n}"),
                factories.nadia(session),
                starts,
                now=clock.now(),
            )

    def differ(session: Session, numbers: range) -> None:
        for n in numbers:
            day = (MONDAY + timedelta(days=7 * (n // 15))).isoformat()
            special = factories.closed(session, factories.nadia(session), day, day, factories.claire(session))
            special.reason = f"Raison {n}"
            saturday = (MONDAY + timedelta(days=5 + 7 * n)).isoformat()
            factories.opened(session, factories.nadia(session), saturday, "10:00", "12:00")
        stored_conflicts.store_all(session, now=clock.now(), zone=BRUSSELS)

    counts = []
    for numbers in (range(1), range(1, 30)):
        school.write(lambda s: s.execute(delete(SpecialDay)))
        school.write(partial(more, numbers=numbers))
        school.write(partial(differ, numbers=range(numbers.stop)))
        for path in ("/agenda/exceptions", "/agenda/conflicts"):
            browser.get(path)
            with school.counting_statements() as sent:
                browser.get(path)
            counts.append(len(sent))
        assert browser.get("/agenda/conflicts").text.count("Learner") >= min(numbers.stop, 20)
        assert "Rendez-vous à 10 h 00" in browser.get("/agenda/exceptions").text
    assert counts[:2] == counts[2:]


def test_the_agenda_is_the_teachers_own(school: School) -> None:
    rule = school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:00").id)
    for who in (factories.samira, factories.farid):
        assert visitor(school, who).get("/agenda").status == 404
    for who in (factories.samira, factories.farid, factories.claire):
        assert visitor(school, who).get("/agenda/availability").status == 404
    luc = visitor(school, factories.luc)
    page = luc.get("/agenda/availability")
    token = {"csrf_token": filled(page.form("/agenda/availability"))["csrf_token"]}
    for path in ("end", "deletion"):
        answer = luc.client.post(f"/agenda/availability/{rule}/{path}", data={**token, "last": "2030-01-01"})
        assert answer.status_code == 404
    assert school.read(lambda s: s.scalar(select(func.count()).select_from(Availability))) == 1
