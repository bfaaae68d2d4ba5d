"""Whoever writes hours sees which slots they make, and which of them stand in the way of others."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain.booking import availability, openings
from lms.domain.booking.openings import Made
from lms.models import RuleMode, SpecialDay
from tests import factories
from tests.factories import BRUSSELS, NOW
from tests.support.school import School

QUARTER = timedelta(minutes=15)
MONDAY = date(2026, 11, 30)
CHRISTMAS = date(2026, 12, 25)  # a Friday


def clocks(starts: list[time]) -> list[str]:
    return [f"{start:%H:%M}" for start in starts]


def weekly(school: School) -> list[Made]:
    def ask(s: Session) -> list[Made]:
        rules = availability.rules_of(s, factories.nadia(s), NOW.date())
        made = openings.slots_of_rules(rules, QUARTER)
        return [made[rule.id] for rule in rules]

    return school.read(ask)


def opening(
    school: School, start: str, end: str, mode: str = "onsite", day: date = MONDAY, last: date | None = None
) -> Made:
    """Add extra hours of Nadia and return what they make."""

    def put(s: Session) -> SpecialDay:
        hours = availability.WeeklyHours(
            time.fromisoformat(start), time.fromisoformat(end), RuleMode(mode), "Salle 2"
        )
        nadia = factories.nadia(s)
        return availability.add_extra_hours(
            s, nadia, nadia, (day, last or day), hours, "", now=NOW, zone=BRUSSELS
        )

    added = school.write(put)
    return school.read(lambda s: openings.slots_of_openings(s, [added], NOW.date(), zone=BRUSSELS)[added.id])


@pytest.mark.parametrize(
    ("mode", "end", "starts"),
    [
        (RuleMode.VIDEO, "12:30", ["09:00", "10:00", "11:00"]),
        (RuleMode.ONSITE, "12:30", ["09:00", "10:15", "11:30"]),
        (RuleMode.BOTH, "12:15", ["09:00", "10:15"]),
        (RuleMode.ONSITE, "00:00", ["09:00", "10:15", "11:30", "12:45", "14:00"]),
    ],
)
def test_the_starts_of_hours_have_the_pause_between_them_on_site(
    mode: RuleMode, end: str, starts: list[str]
) -> None:
    found = openings.starts_between(time(9), time.fromisoformat(end), mode, QUARTER)
    assert clocks(found)[:5] == starts


def test_a_rule_says_which_of_its_hours_another_rule_excludes(school: School) -> None:
    def put(s: Session) -> None:
        nadia = factories.nadia(s)
        factories.rule(s, nadia, 0, "09:00", "11:15", "onsite")
        factories.rule(s, nadia, 0, "11:15", "13:15")
        factories.rule(s, nadia, 1, "11:15", "12:15")
        factories.rule(s, nadia, 2, "09:00", "11:00", valid_until=MONDAY)
        factories.rule(s, nadia, 2, "09:30", "10:30", valid_from=MONDAY + timedelta(days=1))
        factories.rule(s, nadia, 3, "09:00", "10:00")
        factories.rule(s, nadia, 3, "09:00", "10:00", "onsite")

    school.write(put)
    first, second, *others = weekly(school)
    assert clocks(first.starts) == ["09:00", "10:15"]
    assert clocks(first.crowded) == ["10:15"], "its pause reaches into 11:15"
    assert clocks(second.crowded) == ["11:15"]
    assert [one.crowded for one in others] == [[]] * 5, "other days, other dates, or the very same hour"


@pytest.mark.parametrize(
    ("start", "end", "mode", "starts", "lost", "video_only"),
    [
        ("12:00", "14:15", "onsite", ["12:00", "13:15"], [], []),
        ("11:15", "13:30", "onsite", ["12:30"], ["11:15"], []),
        ("07:45", "10:00", "onsite", ["07:45"], ["09:00"], []),
        ("07:45", "10:00", "both", ["07:45", "09:00"], [], ["09:00"]),
        ("08:00", "09:00", "both", ["08:00"], [], ["08:00"]),
        ("08:00", "09:00", "onsite", [], ["08:00"], []),
    ],
)
def test_an_opening_says_which_hours_are_too_near_the_ordinary_ones(
    school: School, start: str, end: str, mode: str, starts: list[str], lost: list[str], video_only: list[str]
) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:30", "11:30"))
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "10:00"))
    school.write(lambda s: factories.rule(s, factories.luc(s), 0, "12:00", "18:00"))
    made = opening(school, start, end, mode)
    assert (clocks(made.starts), clocks(made.lost), clocks(made.video_only)) == (starts, lost, video_only)


def test_what_is_too_near_on_some_days_is_said_of_an_opening_of_many(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 2, "09:00", "10:00"))
    week = MONDAY + timedelta(days=6)
    made = opening(school, "08:00", "11:30", last=week)
    assert clocks(made.starts) == ["08:00", "09:15", "10:30"]
    assert clocks(made.lost) == ["08:00", "09:15"]


def test_on_a_holiday_nothing_is_too_near(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), CHRISTMAS.weekday(), "09:00", "10:00"))
    made = opening(school, "08:00", "09:00", day=CHRISTMAS)
    assert (clocks(made.starts), made.lost) == (["08:00"], [])


def test_an_ordinary_hour_that_is_closed_that_day_is_not_too_near(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "10:00"))
    hours = availability.WeeklyHours(time(9), time(9, 30))

    def close(s: Session) -> None:
        nadia = factories.nadia(s)
        availability.close_days(s, nadia, nadia, (MONDAY, MONDAY), hours, "", now=NOW, zone=BRUSSELS)

    school.write(close)
    made = opening(school, "08:00", "09:00")
    assert (clocks(made.starts), made.lost) == (["08:00"], [])


def test_what_stands_in_the_way_does_not_depend_on_a_video_address(school: School) -> None:
    school.write(lambda s: setattr(factories.organisation(s), "video_base", ""))
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:00", mode="onsite"))
    made = opening(school, "09:30", "10:30", mode="both")
    assert (clocks(made.lost), made.video_only) == (["09:30"], [])


def test_days_without_extra_hours_ask_nothing(school: School) -> None:
    closed = school.write(
        lambda s: factories.closed(s, factories.nadia(s), "2026-11-30", "2026-11-30", factories.nadia(s))
    )
    with school.counting_statements() as sent:
        assert school.read(lambda s: openings.slots_of_openings(s, [closed], MONDAY, zone=BRUSSELS)) == {}
    assert sent == []
