"""The content of the agenda: what stands at which hour."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.blueprints.booking.agenda_page import Day, Opening, Week, is_over, load_week
from lms.models import Mode, Person, RuleMode
from tests import factories
from tests.support.school import School

MONDAY = date(2026, 11, 30)


def week_of(school: School, now: datetime) -> Week:
    def load(session: Session) -> Week:
        nadia: Person = factories.nadia(session)
        organisation = factories.organisation(session)
        return load_week(session, organisation, MONDAY, nadia, language="fr", now=now, zone=BRUSSELS)

    return school.write(load)


def test_hours_on_site_and_by_video_are_slots_of_their_own_at_their_quarter_hour(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:30", "both"))
    week = week_of(school, factories.wall("2026-11-27", "09:00"))
    cells = week.days[0].cells
    assert [(cell.hour, cell.quarter) for cell in cells] == [(0, 0), (1, 1), (2, 2)]
    assert [slot.mode for cell in cells for slot in cell.free] == [RuleMode.BOTH] * 3
    assert week.line is None, "today is not in this week"


def test_an_early_and_a_late_hour_lengthen_the_axis(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "07:30", "08:30"))
    school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "19:15", "20:15"))
    week = week_of(school, factories.wall("2026-11-30", "06:00"))
    assert (week.hours.start, week.hours.stop) == (7, 21)
    assert [(cell.hour, cell.quarter) for cell in week.days[0].cells] == [(0, 2)]
    assert [(cell.hour, cell.quarter) for cell in week.days[1].cells] == [(12, 1)]
    assert week.line is None, "before the first hour of the axis"


def test_the_line_stands_at_the_current_quarter_hour(school: School) -> None:
    assert week_of(school, factories.wall("2026-11-30", "10:50")).line == (1, 3)


@pytest.mark.parametrize(
    ("today", "last_ends", "over"),
    [
        ("2026-11-20", "2026-11-18", False),  # a Friday
        ("2026-11-22", "2026-11-18", True),  # a Sunday, the last appointment was on Wednesday
        ("2026-11-21", "2026-11-22", False),  # a Saturday, somebody comes on Sunday
    ],
)
def test_on_a_free_weekend_the_agenda_opens_on_the_week_that_comes(
    today: str, last_ends: str, over: bool
) -> None:
    ends = factories.wall(last_ends, "11:00")
    free = Opening(ends - timedelta(hours=1), ends, frozenset({Mode.VIDEO}), "", "Nadia")
    days = [Day(ends.date(), free=[free])]
    assert is_over(days, date.fromisoformat(today), factories.wall(today, "09:00")) is over
