"""What the pages of appointments cost: statements, and bytes on the way to a phone."""

from __future__ import annotations

import gzip

import pytest
from sqlalchemy.orm import Session

from lms import clock
from lms.domain.booking import availability_search, waitlist
from lms.models import Organisation
from tests import factories
from tests.support.appointments import HOUR, MONDAY, at, booked, mornings, visitor
from tests.support.school import School


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    school.write(mornings)


def fill(school: School, learners: int) -> None:
    def many(session: Session) -> None:
        session.get_one(Organisation, 1).horizon_days = 60
        for number in range(learners):
            someone = factories.learner(session, f"Person {number}")
            day, hour = divmod(number, 3)
            starts = at("09:00", days=day // 5 * 7 + day % 5) + hour * HOUR
            free = availability_search.find_free_slot(
                session,
                session.get_one(Organisation, 1),
                availability_search.SearchTerms(someone.id, factories.BRUSSELS),
                factories.nadia(session).id,
                starts,
                now=clock.now(),
            )
            if free is not None:
                factories.booked(session, someone, factories.nadia(session), starts, now=clock.now())

    school.write(many)


def test_the_picker_asks_few_questions_and_no_more_with_ten_times_the_bookings(school: School) -> None:
    browser = visitor(school, factories.samira)
    browser.get("/bookings/new")
    counts = []
    for learners in (2, 20):
        fill(school, learners)
        with school.counting_statements() as sent:
            assert browser.get(f"/bookings/new?from={MONDAY}").status == 200
        counts.append(len(sent))
    assert counts[0] == counts[1]
    assert counts[0] <= 8


def test_the_picker_is_light(school: School) -> None:
    def busy_school(session: Session) -> None:
        for teacher in (factories.nadia(session), factories.luc(session)):
            factories.all_week(session, teacher, "08:00", "18:00", mode="both")

    school.write(busy_school)
    page = visitor(school, factories.samira).get(f"/bookings/new?from={MONDAY}")
    hours = [button for button in page.root.all("button") if button.get("name") == "hour"]
    assert len(hours) > 100
    assert len(gzip.compress(page.html.encode())) <= 10_000


def test_the_list_asks_as_much_for_one_appointment_as_for_many(school: School) -> None:
    browser = visitor(school, factories.samira)
    counts = []
    for days in (0, 1, 7):  # a week holds two
        booked(school, at("09:00", days=days))
        browser.get("/bookings")
        with school.counting_statements() as sent:
            browser.get("/bookings")
        counts.append(len(sent))
    assert len(set(counts)) == 1
    assert counts[0] <= 6


def test_the_picker_asks_as_much_with_thirty_rules_as_with_one_and_stays_light(school: School) -> None:
    browser = visitor(school, factories.samira)
    browser.get("/bookings/new")
    with school.counting_statements() as few:
        browser.get(f"/bookings/new?from={MONDAY}")

    def more(session: Session) -> None:
        for teacher in (factories.nadia(session), factories.luc(session)):
            for weekday in range(5):
                for start, end in (("13:00", "15:00"), ("15:30", "17:30"), ("18:00", "20:00")):
                    factories.rule(session, teacher, weekday, start, end, "both")

    school.write(more)
    fill(school, 60)
    school.write(
        lambda s: waitlist.join_waitlist(
            s, factories.samira(s), factories.samira(s), None, 7, None, now=clock.now()
        )
    )
    with school.counting_statements() as many:
        page = browser.get(f"/bookings/new?from={MONDAY}")
    assert len(many) == len(few) <= 8
    assert len(gzip.compress(page.html.encode())) <= 10_000
    days = [legend.text for legend in page.root.all("legend")]
    assert 8 <= len(days) <= 14, "two weeks a page"
