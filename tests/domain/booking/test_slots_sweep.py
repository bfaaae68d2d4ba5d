"""Ten years of quarter-hours: every hour that is offered is one hour on the wall and in UTC.

Holidays are switched off: they would hide what the clock does (2027-03-28 is also Easter Sunday).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from lms.domain.booking.availability_search import iso_week_of
from lms.domain.booking.slots import HOUR, Rule, Slot, cells, offered_slots
from lms.models import RuleMode

BRUSSELS = ZoneInfo("Europe/Brussels")
DAY = timedelta(days=1)
NO_HOLIDAYS: frozenset[date] = frozenset()
YEARS = range(2026, 2036)
# The last Sunday of March and of October, by the calendar and not by the zone data that are tested.
SPRING = [date(year, 3, 31) - DAY * ((date(year, 3, 31).weekday() + 1) % 7) for year in YEARS]
AUTUMN = [date(year, 10, 31) - DAY * ((date(year, 10, 31).weekday() + 1) % 7) for year in YEARS]


def daily(
    start: str, end: str = "00:00", teacher: str = "nadia", mode: RuleMode = RuleMode.VIDEO
) -> list[Rule]:
    walls = time.fromisoformat(start), time.fromisoformat(end)
    room = None if mode == RuleMode.VIDEO else "salle"
    return [Rule(teacher, weekday, *walls, date(2026, 1, 1), None, mode, room) for weekday in range(7)]


# All day and all night, beginning at each quarter: 24 + 3 * 23 hours a day.
EACH_QUARTER = [rule for minute in ("00", "15", "30", "45") for rule in daily(f"00:{minute}")]
WHOLE_DAY = 24 + 3 * 23


def offered(rules: list[Rule], first: date, last: date | None = None) -> list[Slot]:
    return offered_slots(rules, [], NO_HOLIDAYS, first, last or first, BRUSSELS, timedelta(0))


def label(moment: datetime) -> str:
    """What a person reads: she is not told which of two equal hours is meant."""
    return moment.astimezone(BRUSSELS).isoformat(" ")[:16]


def hours(rules: list[Rule], day: date) -> list[str]:
    return [label(slot.starts)[-5:] for slot in offered(rules, day)]


def is_one_hour(slot: Slot) -> bool:
    """In UTC, on the wall and in cells; and neither end could be read as another instant."""
    starts, ends = slot.starts.astimezone(BRUSSELS), slot.ends.astimezone(BRUSSELS)
    offsets = {moment.replace(fold=fold).utcoffset() for moment in (starts, ends) for fold in (0, 1)}
    return (
        slot.ends - slot.starts == HOUR
        and ends.replace(tzinfo=None) - starts.replace(tzinfo=None) == HOUR
        and len(offsets) == 1
        and len(cells(slot.starts, slot.ends)) == 4
    )


@pytest.mark.parametrize("year", YEARS)
def test_every_quarter_of_the_year_is_an_hour_on_the_wall_and_in_utc(year: int) -> None:
    first, last = date(year, 1, 1), date(year, 12, 31)
    found = offered(EACH_QUARTER, first, last)
    assert [slot for slot in found if not is_one_hour(slot)] == []
    labels = [label(slot.starts) for slot in found]
    assert len(set(labels)) == len(found)
    assert labels == sorted(labels)
    assert (labels[0], labels[-1]) == (f"{first} 00:00", f"{last} 23:00")
    # Nothing is lost but what touches a changed hour: eight quarters' hours in each of the two nights.
    days = (last - first).days + 1
    assert len(found) == days * WHOLE_DAY - 2 * 8


@pytest.mark.parametrize("day", [*SPRING, *AUTUMN], ids=str)
def test_a_week_around_each_change_says_each_hour_once_for_each_teacher_and_mode(day: date) -> None:
    rules = [
        rule
        for minute in ("00", "15", "30", "45")
        for teacher in ("nadia", "luc")
        for rule in daily(f"00:{minute}", teacher=teacher, mode=RuleMode.BOTH)
    ]
    found = offered(rules, day - 3 * DAY, day + 3 * DAY)
    assert all(is_one_hour(slot) for slot in found)
    told = {(slot.teacher_id, slot.mode, label(slot.starts)) for slot in found}
    assert len(told) == len(found) == 4 * (7 * WHOLE_DAY - 8)


@pytest.mark.parametrize("day", SPRING, ids=str)
def test_in_the_night_the_clock_springs_forward_no_hour_touches_the_missing_one(day: date) -> None:
    assert hours(daily("00:00", "06:00"), day) == ["00:00", "03:00", "04:00", "05:00"]
    assert hours(daily("00:30", "06:00"), day) == ["00:30", "03:30", "04:30"]
    assert hours(daily("01:00", "04:00"), day) == ["03:00"]
    assert len(hours(EACH_QUARTER, day)) == WHOLE_DAY - 8


@pytest.mark.parametrize("day", AUTUMN, ids=str)
def test_in_the_night_the_clock_falls_back_no_hour_touches_the_doubled_one(day: date) -> None:
    assert hours(daily("00:00", "06:00"), day) == ["00:00", "03:00", "04:00", "05:00"]
    assert hours(daily("00:30", "05:30"), day) == ["00:30", "03:30", "04:30"]
    assert len(hours(EACH_QUARTER, day)) == WHOLE_DAY - 8


@pytest.mark.parametrize("day", [*SPRING, *AUTUMN], ids=str)
def test_the_day_of_a_change_and_its_neighbours_open_at_nine_on_the_wall(day: date) -> None:
    found = offered(daily("09:00", "12:00"), day - DAY, day + DAY)
    assert [label(slot.starts)[-5:] for slot in found] == ["09:00", "10:00", "11:00"] * 3
    before, after = found[0].starts.hour, found[-3].starts.hour
    assert (before, after) == ((8, 7) if day in SPRING else (7, 8))


@pytest.mark.parametrize("day", [date(2028, 2, 29), date(2032, 2, 29)], ids=str)
def test_the_leap_day_is_a_day_like_another(day: date) -> None:
    assert hours(daily("09:00", "12:00"), day) == ["09:00", "10:00", "11:00"]
    assert len(hours(EACH_QUARTER, day)) == WHOLE_DAY
    found = offered(daily("09:00", "10:00"), day - DAY, day + DAY)
    assert [f"{slot.starts:%m-%d}" for slot in found] == ["02-28", "02-29", "03-01"]


def test_a_year_without_a_leap_day_goes_from_february_to_march() -> None:
    found = offered(daily("09:00", "10:00"), date(2027, 2, 27), date(2027, 3, 1))
    assert [f"{slot.starts:%m-%d}" for slot in found] == ["02-27", "02-28", "03-01"]


def test_the_week_at_the_end_of_the_year_is_one_week_of_seven_days() -> None:
    """2026 has 53 weeks: the cap of a week must count the days on both sides of New Year together."""
    found = offered(EACH_QUARTER, date(2026, 12, 21), date(2027, 1, 10))
    weeks = [iso_week_of(slot.starts, zone=BRUSSELS) for slot in found]
    assert weeks == ["2026-W52"] * 7 * WHOLE_DAY + ["2026-W53"] * 7 * WHOLE_DAY + ["2027-W01"] * 7 * WHOLE_DAY


@pytest.mark.parametrize("year", YEARS)
def test_each_week_of_ten_years_runs_from_monday_to_sunday_on_the_wall(year: int) -> None:
    """Shortly after midnight it is still the day before in UTC, which must not be the week before."""
    found = offered(daily("00:00", "01:00") + daily("23:00"), date(year, 1, 1), date(year, 12, 31))
    for slot in found:
        day = slot.starts.astimezone(BRUSSELS).date()
        monday = day - DAY * day.weekday()
        thursday = monday + 3 * DAY  # it decides the year of its week
        number = ((thursday - date(thursday.year, 1, 1)).days // 7) + 1
        assert iso_week_of(slot.starts, zone=BRUSSELS) == f"{thursday.year}-W{number:02}"


@pytest.mark.parametrize("day", [date(2026, 11, 23), *SPRING, *AUTUMN, date(2026, 12, 31)], ids=str)
def test_an_hour_may_end_at_midnight_and_none_goes_beyond(day: date) -> None:
    found = offered(daily("21:30"), day)
    assert [label(slot.starts) for slot in found] == [f"{day} 21:30", f"{day} 22:30"]
    last = offered(daily("22:00"), day)[-1]
    assert label(last.ends) == f"{day + DAY} 00:00"
    assert is_one_hour(last)


def test_the_last_hour_of_a_day_only_touches_the_first_of_the_next() -> None:
    monday = date(2026, 11, 23)
    last, first = offered(daily("23:00"), monday)[-1], offered(daily("00:00", "01:00"), monday + DAY)[0]
    assert last.ends == first.starts
    assert not set(cells(last.starts, last.ends)) & set(cells(first.starts, first.ends))
