"""What a teacher's other calendars hold, as the picker and the agenda ask for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import availability_search, external_clashes, occupancy
from lms.domain.booking.slots import cells
from lms.domain.calendars import external
from lms.domain.calendars.external import Event
from lms.domain.errors import Refused
from lms.models import BookingState, ExternalCalendar, Person
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School


def spoken_for(
    session: Session, teacher: Person, *hours: tuple[datetime, datetime], host: str = "cloud.example.be"
) -> ExternalCalendar:
    """A calendar of hers that was read and held these hours."""
    calendar = external.add_calendar(session, teacher, f"https://{host}/secret", now=NOW)
    events = [Event(f"{number}@{host}", starts, ends) for number, (starts, ends) in enumerate(hours)]
    external.store_events(session, calendar.id, events, "", now=NOW, zone=BRUSSELS)
    return calendar


def test_each_quarter_that_is_touched_is_held_for_its_teacher_alone(school: School) -> None:
    begin, end = wall("2026-11-25", "00:00"), wall("2026-11-27", "00:00")

    def ask(session: Session) -> None:
        nadia, luc = factories.nadia(session), factories.luc(session)
        spoken_for(session, nadia, (wall("2026-11-25", "10:05"), wall("2026-11-25", "10:31")))
        spoken_for(session, luc, (wall("2026-11-24", "22:00"), wall("2026-11-25", "00:15")))
        hers = {(nadia.id, cell) for cell in cells(wall("2026-11-25", "10:00"), wall("2026-11-25", "10:45"))}
        his = {(luc.id, cell) for cell in cells(begin, begin + timedelta(minutes=15))}
        assert occupancy.externally_occupied(session, begin, end) == hers | his
        assert occupancy.externally_occupied(session, begin, end, [nadia.id]) == hers
        assert occupancy.externally_occupied(session, end, end + timedelta(days=1)) == set()
        # What only touches the edge from outside is not inside.
        assert occupancy.externally_occupied(session, wall("2026-11-25", "10:31"), end) == set()

    school.write(ask)


def test_it_is_one_question_however_many_calendars(school: School) -> None:
    school.write(
        lambda s: [
            spoken_for(s, who, (NOW, NOW + timedelta(hours=1)), host=f"{n}.example.be")
            for who in (factories.nadia(s), factories.luc(s))
            for n in range(3)
        ]
    )
    with school.counting_statements() as sent:
        school.read(lambda s: occupancy.externally_occupied(s, NOW, NOW + timedelta(days=14)))
    assert len(sent) == 1


def test_an_hour_that_is_busy_elsewhere_cannot_be_chosen_nor_booked(school: School) -> None:
    def ask(session: Session) -> None:
        nadia, samira = factories.nadia(session), factories.samira(session)
        factories.all_week(session, nadia, "09:00", "12:00")
        spoken_for(session, nadia, (wall("2026-11-25", "10:30"), wall("2026-11-25", "10:45")))
        day = wall("2026-11-25", "09:00").date()
        terms = availability_search.SearchTerms(samira.id, factories.BRUSSELS)
        free = availability_search.find_free_slots(
            session, factories.organisation(session), terms, day, day, now=NOW
        )
        assert [hour.starts for hour in free] == [wall("2026-11-25", "09:00"), wall("2026-11-25", "11:00")]
        with pytest.raises(Refused, match="slot_gone"):
            factories.booked(session, samira, nadia, wall("2026-11-25", "10:00"))

    school.write(ask)


def test_a_conflict_is_shown_and_nothing_is_cancelled(school: School) -> None:
    def ask(session: Session) -> None:
        nadia, luc = factories.nadia(session), factories.luc(session)
        for teacher in (nadia, luc):
            factories.all_week(session, teacher, "09:00", "12:00")
        clash = factories.booked(session, factories.samira(session), nadia, wall("2026-11-25", "10:00"))
        factories.booked(session, factories.oksana(session), nadia, wall("2026-11-25", "11:00"))
        kept = factories.booked(
            session, factories.learner(session, "Yonas"), nadia, wall("2026-11-26", "10:00")
        )
        his = factories.booked(session, factories.learner(session, "Ali"), luc, wall("2026-11-25", "10:00"))
        gone = factories.booked(
            session, factories.learner(session, "Lea"), nadia, wall("2026-11-27", "10:00")
        )
        kept.conflict_accepted_at, gone.state, gone.cancelled_at = NOW, BookingState.CANCELLED, NOW
        week = (wall("2026-11-25", "10:30"), wall("2026-11-25", "11:00"))
        spoken_for(session, nadia, week, (wall("2026-11-26", "00:00"), wall("2026-11-28", "00:00")))
        assert external_clashes.upcoming_clashes(session, nadia, now=NOW) == [clash]
        assert external_clashes.upcoming_clashes(session, luc, now=NOW) == []
        assert external_clashes.upcoming_clashes(session, nadia, now=clash.ends) == []
        assert {clash.state, kept.state, his.state} == {BookingState.BOOKED}

    school.write(ask)


def test_of_an_address_only_the_host_is_shown(school: School) -> None:
    def ask(session: Session) -> None:
        nadia = factories.nadia(session)
        calendar = spoken_for(session, nadia)
        assert external.calendar_host(calendar) == "cloud.example.be"
        assert external.calendars_of(session, nadia) == [calendar]
        assert external.calendars_of(session, factories.luc(session)) == []

    school.write(ask)
