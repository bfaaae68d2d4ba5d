"""What a calendar without a zone database of its own makes of our explanation of the zone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from icalendar import Timezone

from lms.adapters.ical.vtimezone import to_vtimezone

BRUSSELS = ZoneInfo("Europe/Brussels")


def as_read(zone: ZoneInfo, first: int, last: int) -> tzinfo:
    """Read by another library, which knows nothing but these lines."""
    content = to_vtimezone(zone, first, last).to_ical().decode()
    read = tzical(io.StringIO(content.replace("\r\n", "\n"))).get()
    assert isinstance(read, tzinfo)
    return read


def hours(first: int, last: int) -> Iterator[datetime]:
    """Every full hour that a clock shows in these years."""
    moment = datetime(first, 1, 1)  # noqa: DTZ001
    while moment.year <= last:
        yield moment
        moment += timedelta(hours=1)


def offset(moment: datetime, zone: tzinfo, fold: int = 0) -> timedelta | None:
    return moment.replace(tzinfo=zone, fold=fold).utcoffset()


@pytest.mark.parametrize(("first", "last"), [(2026, 2026), (2026, 2027), (2029, 2032)])
def test_every_hour_of_these_years_in_belgium_is_the_right_instant(first: int, last: int) -> None:
    read = as_read(BRUSSELS, first, last)
    # But the hour that there is not and the one that there is twice: nothing is ever booked in them.
    plain = [
        moment for moment in hours(first, last) if offset(moment, BRUSSELS) == offset(moment, BRUSSELS, 1)
    ]
    assert len(plain) > 8_700
    assert [moment for moment in plain if offset(moment, read) != offset(moment, BRUSSELS)] == []


@pytest.mark.parametrize(
    ("day", "ahead"),
    [
        ("2026-07-14", 2),
        ("2026-12-15", 1),
        ("2027-01-01", 1),
        ("2027-03-27", 1),
        ("2027-03-28", 2),
        ("2027-10-30", 2),
        ("2027-10-31", 1),
    ],
)
def test_ten_oclock_is_ten_oclock_in_summer_in_winter_and_on_the_days_of_change(day: str, ahead: int) -> None:
    ten = datetime.fromisoformat(f"{day}T10:00:00").replace(tzinfo=as_read(BRUSSELS, 2026, 2027))
    assert ten.astimezone(UTC).hour == 10 - ahead


def test_the_clock_changes_at_the_right_minute() -> None:
    read = as_read(BRUSSELS, 2027, 2027)
    for wall, ahead in (("03-28T01:59", 1), ("03-28T03:00", 2), ("10-31T01:59", 2), ("10-31T03:00", 1)):
        moment = datetime.fromisoformat(f"2027-{wall}:00").replace(tzinfo=read)
        assert moment.utcoffset() == timedelta(hours=ahead), wall


def test_belgium_is_two_rules_that_every_calendar_knows() -> None:
    lines = to_vtimezone(BRUSSELS, 2026, 2027).to_ical().decode().split("\r\n")
    assert "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3" in lines
    assert "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10" in lines
    assert lines.count("BEGIN:STANDARD") == lines.count("BEGIN:DAYLIGHT") == 1
    assert not any(line.startswith("RDATE") for line in lines)


@pytest.mark.parametrize(
    "name", ["Asia/Dubai", "UTC", "Africa/Casablanca", "America/New_York", "Asia/Kathmandu"]
)
def test_a_zone_with_other_rules_or_none_is_explained_as_well(name: str) -> None:
    zone = ZoneInfo(name)
    made = to_vtimezone(zone, 2026, 2027)
    assert isinstance(made, Timezone)
    assert made["tzid"] == name
    read = as_read(zone, 2026, 2027)
    for month in range(1, 13):
        for year in (2026, 2027):
            noon = datetime(year, month, 10, 12)  # noqa: DTZ001
            assert noon.replace(tzinfo=read).utcoffset() == noon.replace(tzinfo=zone).utcoffset(), noon


def test_a_country_that_gives_up_summer_time_is_explained_year_by_year() -> None:
    paraguay = ZoneInfo("America/Asuncion")  # summer time for good since October 2024
    read = as_read(paraguay, 2023, 2026)
    for day in ("2023-07-01", "2024-01-15", "2024-07-01", "2025-01-15", "2025-07-01", "2026-07-01"):
        noon = datetime.fromisoformat(f"{day}T12:00")
        assert noon.replace(tzinfo=read).utcoffset() == noon.replace(tzinfo=paraguay).utcoffset(), day
