"""The appointments that no longer fit the hours of their teacher, and what is decided about each."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from config import BRUSSELS
from lms import clock
from lms.domain.booking import stored_conflicts
from lms.models import Booking, BookingState, OutboxItem, WaitlistEntry
from tests import factories
from tests.support.appointments import MONDAY, at, booked, visitor
from tests.support.exceptions import exceptions, open_week
from tests.support.pages import filled
from tests.support.school import School

WEEK = f"{MONDAY.isocalendar().year}-W{MONDAY.isocalendar().week:02}"


def said(school: School, state: str = "booked") -> int:
    return school.read(
        lambda s: s.scalar(select(func.count()).select_from(Booking).where(Booking.state == state)) or 0
    )


def kept(school: School) -> list[bool]:
    return school.read(lambda s: [at is not None for at in s.scalars(select(Booking.conflict_accepted_at))])


def test_who_deletes_hours_stays_there_and_reads_how_many_appointments_no_longer_fit(
    school: School,
) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:00"))
    booked(school, at("10:00"))
    browser = visitor(school, factories.nadia)
    page = browser.submit(browser.get("/agenda/availability"), action="/deletion")
    assert page.url == "/agenda/availability"
    assert "1 rendez-vous à revoir." in page.text
    assert "/agenda/conflicts" in page.links().values()
    assert "Samira hors des heures" in browser.get("/agenda/conflicts").text
    assert said(school) == 1


def test_a_leave_closes_days_and_says_what_is_to_be_decided(school: School) -> None:
    open_week(school)
    for days in (0, 2):
        booked(school, at("10:00", days), factories.samira if days else factories.oksana)
    browser = visitor(school, factories.nadia)
    page = exceptions(browser, first=f"{MONDAY}", last=f"{MONDAY + timedelta(days=4)}", reason="Congé")
    assert page.url == "/agenda/exceptions"
    assert "2 rendez-vous à revoir." in page.text
    page = browser.get("/agenda/conflicts")
    assert page.text.index("Oksana Bondar fermé") < page.text.index("Samira fermé")
    assert said(school) == 2
    week = browser.get(f"/agenda?week={WEEK}")
    assert "Congé" in week.text
    assert "2 rendez-vous à revoir." in week.text
    assert 'href="/agenda/conflicts"' in week.html
    picker = visitor(school, factories.oksana).get(f"/bookings/new?from={MONDAY}")
    assert not any(f"{MONDAY.day} " in legend.text for legend in picker.root.all("legend")[:1])
    page = browser.submit(browser.get("/agenda/exceptions"), action="/deletion")
    assert page.url == "/agenda/exceptions"
    assert "Rien de prévu." in page.text


def test_each_appointment_is_kept_or_moved_or_cancelled(school: School) -> None:
    open_week(school)
    first, second = booked(school, at("10:00")), booked(school, at("11:00"), factories.oksana)
    browser = visitor(school, factories.nadia)
    exceptions(browser, first=f"{MONDAY}")
    page = browser.get("/agenda/conflicts")
    assert f"/bookings/{first}/move" in page.html
    page = browser.submit(page, action=f"/bookings/{first}/conflict-acceptance")
    assert page.url == "/agenda/conflicts"
    main = page.root.all("main")[0].text
    assert "Samira" not in main
    assert "Oksana Bondar" in main
    again = browser.submit(page, action=f"/conflicts/{second}/cancellation")
    assert "Rien à revoir" in again.text
    assert "Rendez-vous annulés : 1. À prévenir vous-même : 1." in again.text
    off = school.read(lambda s: s.get_one(Booking, second))
    assert (off.state, off.cancelled_by_teacher) == (BookingState.CANCELLED, True)
    assert school.read(lambda s: s.scalars(select(WaitlistEntry.first_choice)).all()) == [True]
    assert "est déjà annulé" in browser.submit(page, action=f"/conflicts/{second}/cancellation").text
    assert said(school) == 1


def test_nobody_decides_for_the_learners_of_another_teacher(school: School) -> None:
    open_week(school)
    booking = booked(school, at("10:00"))
    exceptions(visitor(school, factories.nadia), first=f"{MONDAY}")
    luc = visitor(school, factories.luc)
    assert "Samira" not in luc.get("/agenda/conflicts").text
    token = filled(luc.get("/agenda/exceptions").form("/agenda/exceptions"))["csrf_token"]
    for path in (f"/bookings/{booking}/conflict-acceptance", f"/agenda/conflicts/{booking}/cancellation"):
        assert luc.client.post(path, data={"csrf_token": token}).status_code == 404
    answer = luc.client.post("/agenda/conflicts/cancellation", data={"csrf_token": token, "booking": booking})
    assert answer.status_code == 303
    assert (said(school), kept(school)) == (1, [False])


def test_several_are_cancelled_on_one_page_and_a_second_sending_changes_nothing(school: School) -> None:
    open_week(school)
    for hour, who in (("09:00", factories.samira), ("10:00", factories.oksana), ("11:00", None)):
        booked(school, at(hour), who or (lambda s: factories.learner(s, "Grace")))
    browser = visitor(school, factories.nadia)
    exceptions(browser, first=f"{MONDAY}")
    page = browser.get("/agenda/conflicts/cancellation")
    ids = filled(page.form("/cancellation"))["booking"]
    assert len(ids) == 3
    assert said(school) == 3
    nobody = browser.submit(page, {"booking": None}, action="/cancellation")
    assert "Choisissez au moins un rendez-vous." in nobody.text
    done = browser.submit(page, {"booking": ids[:2]}, action="/cancellation")
    # Nothing of the school's reaches Oksana: that she knows would not be true.
    assert "Rendez-vous annulés : 2. Personnes prévenues : 1. À prévenir vous-même : 1." in done.text
    assert "Grace" in done.text
    assert "C’est déjà fait." in browser.submit(page, {"booking": ids[:2]}, action="/cancellation").text
    assert (said(school), said(school, "cancelled")) == (1, 2)
    told = select(func.count()).select_from(OutboxItem).where(OutboxItem.kind == "booking_cancelled")
    assert school.read(lambda s: s.scalar(told)) == 4  # two learners, and twice their teacher


def test_the_coordinator_decides_for_all_teachers_and_for_one_who_left(school: School) -> None:
    school.write(lambda s: factories.all_week(s, factories.luc(s), "09:00", "12:00"))
    open_week(school)
    booked(school, at("10:00"))
    other = school.write(
        lambda s: factories.booked(s, factories.oksana(s), factories.luc(s), at("11:00"), now=clock.now()).id
    )
    claire = visitor(school, factories.claire)
    exceptions(claire, first=f"{MONDAY}")
    page = claire.get("/agenda/conflicts")
    assert "Samira · avec Nadia Dubois fermé" in page.text
    assert "Oksana Bondar · avec Luc Lambert fermé" in page.text
    school.write(lambda s: setattr(factories.luc(s), "deactivated_at", clock.now()))
    school.write(lambda s: stored_conflicts.store_all(s, now=clock.now(), zone=BRUSSELS))
    page = claire.get("/agenda/conflicts")
    assert "avec Luc Lambert professeur parti" in page.text
    assert f"/bookings/{other}/move" not in page.html
    claire.submit(page, action=f"/conflicts/{other}/cancellation")
    assert said(school) == 1
