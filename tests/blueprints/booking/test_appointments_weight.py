"""What the pages of appointments cost: statements, and bytes on the way to a phone."""

from __future__ import annotations

import gzip

import pytest
from sqlalchemy.orm import Session

from lms import clock
from lms.domain.booking import availability_search, waitlist
from lms.models import Service
from tests import factories
from tests.support.appointments import HOUR, MONDAY, at, booked, mornings, visitor
from tests.support.school import House


@pytest.fixture(autouse=True)
def hours(house: House) -> None:
    house.write(mornings)


def fill(house: House, learners: int) -> None:
    def many(session: Session) -> None:
        session.get_one(Service, 1).horizon_days = 60
        for number in range(learners):
            someone = factories.learner(session, f"Person {number}")
            day, hour = divmod(number, 3)
            starts = at("09:00", days=day // 5 * 7 + day % 5) + hour * HOUR
            free = availability_search.free_hour(
                session,
                session.get_one(Service, 1),
                availability_search.Wish(someone.id, factories.BRUSSELS),
                factories.nadia(session).id,
                starts,
                clock.now(),
            )
            if free is not None:
                factories.booked(session, someone, factories.nadia(session), starts, now=clock.now())

    house.write(many)


def test_the_picker_asks_few_questions_and_no_more_with_ten_times_the_bookings(house: House) -> None:
    browser = visitor(house, factories.samira)
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
        for teacher in (factories.nadia(session), factories.luc(session)):
            factories.all_week(session, teacher, "08:00", "18:00", mode="both")

    house.write(busy_school)
    page = visitor(house, factories.samira).get(f"/bookings/new?from={MONDAY}")
    hours = [button for button in page.root.all("button") if button.get("name") == "hour"]
    assert len(hours) > 100
    assert len(gzip.compress(page.html.encode())) <= 10_000


def test_the_list_asks_as_much_for_one_appointment_as_for_many(house: House) -> None:
    browser = visitor(house, factories.samira)
    counts = []
    for days in (0, 1, 7):  # a week holds two
        booked(house, at("09:00", days=days))
        browser.get("/bookings")
        with house.counting_statements() as sent:
            browser.get("/bookings")
        counts.append(len(sent))
    assert len(set(counts)) == 1
    assert counts[0] <= 6


def test_the_picker_asks_as_much_with_thirty_rules_as_with_one_and_stays_light(house: House) -> None:
    browser = visitor(house, factories.samira)
    browser.get("/bookings/new")
    with house.counting_statements() as few:
        browser.get(f"/bookings/new?from={MONDAY}")

    def more(session: Session) -> None:
        for teacher in (factories.nadia(session), factories.luc(session)):
            for weekday in range(5):
                for start, end in (("13:00", "15:00"), ("15:30", "17:30"), ("18:00", "20:00")):
                    factories.rule(session, teacher, weekday, start, end, "both")

    house.write(more)
    fill(house, 60)
    house.write(
        lambda s: (
            waitlist.join(s, factories.samira(s), factories.samira(s), None, 7, None, clock.now()) and None
        )
    )
    with house.counting_statements() as many:
        page = browser.get(f"/bookings/new?from={MONDAY}")
    assert len(many) == len(few) <= 8
    assert len(gzip.compress(page.html.encode())) <= 10_000
    days = [legend.text for legend in page.root.all("legend")]
    assert 8 <= len(days) <= 14, "two weeks a page"
