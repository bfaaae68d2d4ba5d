from __future__ import annotations

from datetime import date, time, timedelta

from sqlalchemy.orm import Session

from lms.domain.booking import availability_search
from lms.domain.booking.availability_search import FreeSlot, SearchTerms
from lms.models import Booking, Mode, Organisation
from tests import factories
from tests.factories import BRUSSELS, NOW, Who, wall
from tests.support.school import School

TUESDAY = date(2026, 11, 24)


def hours(
    school: School,
    first: date = TUESDAY,
    days: int = 0,
    *,
    by: Who = factories.samira,
    moving: Booking | None = None,
) -> list[FreeSlot]:
    def ask(session: Session) -> list[FreeSlot]:
        terms = SearchTerms(factories.samira(session).id, BRUSSELS, by(session).id, moving)
        service = session.get_one(Organisation, 1)
        return availability_search.find_free_slots(
            session, service, terms, first, first + timedelta(days=days), now=NOW
        )

    return school.write(ask)


def told(found: list[FreeSlot]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(f"{hour.starts.astimezone(BRUSSELS):%H:%M}", hour.teacher, hour.modes) for hour in found]


def test_an_hour_either_way_is_one_choice(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.luc(s), 1, "09:00", "10:00", "both"))
    assert told(hours(school)) == [("09:00", "Luc", (Mode.VIDEO, Mode.ONSITE))]


def test_hours_of_the_same_moment_stand_in_the_order_of_the_names(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "09:00", "11:00"))
    school.write(lambda s: factories.rule(s, factories.luc(s), 1, "09:00", "11:00"))
    assert [line[:2] for line in told(hours(school))] == [
        ("09:00", "Luc"), ("09:00", "Nadia"), ("10:00", "Luc"), ("10:00", "Nadia")
    ]  # fmt: skip


def test_who_left_and_what_is_closed_offers_nothing(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.luc(s), 1, "09:00", "10:00", "both"))
    school.write(lambda s: setattr(factories.room(s), "closed_at", NOW))
    assert told(hours(school)) == [("09:00", "Luc", (Mode.VIDEO,))]
    school.write(lambda s: setattr(factories.luc(s), "deactivated_at", NOW))
    assert hours(school) == []


def test_only_the_teacher_of_the_slot_may_book_within_the_lead_time(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:00"))
    monday = date(2026, 11, 23)
    for by in (factories.samira, factories.claire, factories.luc, factories.farid):
        assert hours(school, monday, by=by) == []
    assert [line[0] for line in told(hours(school, monday, by=factories.nadia))] == ["10:00", "11:00"]


def test_for_a_move_the_hours_of_its_teacher_are_asked_and_its_own_hour_is_free(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "09:00", "11:00"))
    school.write(lambda s: factories.rule(s, factories.luc(s), 1, "09:00", "11:00"))
    made: Booking = school.write(
        lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), wall("2026-11-24", "09:00"))
    )
    assert [line[:2] for line in told(hours(school))] == [("10:00", "Luc"), ("10:00", "Nadia")]
    assert [line[:2] for line in told(hours(school, moving=made))] == [("09:00", "Nadia"), ("10:00", "Nadia")]


def test_for_a_move_its_own_hour_is_there_also_where_no_slot_begins_any_more(school: School) -> None:
    """The rule begins an hour earlier since: 10:15 is a slot now and 10:00 is none."""

    def put(s: Session) -> Booking:
        nadia = factories.nadia(s)
        rule = factories.rule(s, nadia, 1, "10:00", "11:00", "both")
        made = factories.booked(s, factories.samira(s), nadia, wall("2026-11-24", "10:00"), "onsite")
        rule.start_wall, rule.end_wall = time(9), time(12)
        return made

    made = school.write(put)
    both = (Mode.VIDEO, Mode.ONSITE)
    assert told(hours(school)) == [("09:00", "Nadia", (Mode.VIDEO,))]
    assert told(hours(school, moving=made)) == [
        ("09:00", "Nadia", both), ("10:00", "Nadia", both), ("10:15", "Nadia", both)
    ]  # fmt: skip
    tomorrow = date(2026, 11, 25)
    assert hours(school, tomorrow, days=0, moving=made) == []
