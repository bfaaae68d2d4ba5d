"""From 20 h to 8 h on the clock of the service no time to answer runs, also when the clock changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config import BRUSSELS
from lms.domain.booking.offers import offer_deadline
from lms.domain.booking.quiet_hours import is_quiet
from lms.models import Organisation
from tests.factories import wall

HOUR = timedelta(hours=1)
SERVICE = Organisation(quiet_from=20, quiet_until=8)


@pytest.mark.parametrize(
    ("now", "starts", "until"),
    [
        # Twelve hours of the day.
        (("2026-11-23", "09:00"), ("2026-11-30", "09:00"), ("2026-11-24", "09:00")),
        (("2026-11-23", "22:00"), ("2026-11-30", "09:00"), ("2026-11-24", "20:00")),
        # Half of what is left of the day before the start.
        (("2026-11-23", "19:00"), ("2026-11-24", "11:00"), ("2026-11-24", "09:00")),
        (("2026-11-23", "22:00"), ("2026-11-24", "09:00"), ("2026-11-24", "08:30")),
        # Nights of thirteen and of eleven hours.
        (("2026-10-24", "19:00"), ("2026-10-25", "11:00"), ("2026-10-25", "09:00")),
        (("2027-03-27", "19:00"), ("2027-03-28", "11:00"), ("2027-03-28", "09:00")),
    ],
)
def test_the_time_to_answer_stands_still_at_night(
    now: tuple[str, str], starts: tuple[str, str], until: tuple[str, str]
) -> None:
    assert offer_deadline(SERVICE, wall(*starts), now=wall(*now), zone=BRUSSELS) == wall(*until)


def test_an_hour_in_the_night_is_not_offered_in_the_night() -> None:
    now, starts = wall("2026-11-23", "21:00"), wall("2026-11-24", "07:00")
    assert offer_deadline(SERVICE, starts, now=now, zone=BRUSSELS) is None


def test_the_same_hour_twice_means_no_quiet_hours() -> None:
    service = Organisation(quiet_from=0, quiet_until=0)
    now = wall("2026-11-23", "21:00")
    assert offer_deadline(service, now + 72 * HOUR, now=now, zone=BRUSSELS) == now + 12 * HOUR


@pytest.mark.parametrize(
    ("clock", "quiet"), [("07:59", True), ("08:00", False), ("19:59", False), ("20:00", True)]
)
def test_the_quiet_hours_begin_and_end_on_the_clock(clock: str, quiet: bool) -> None:
    assert is_quiet(SERVICE, wall("2026-11-23", clock), zone=BRUSSELS) == quiet


def test_quiet_hours_may_lie_within_one_day() -> None:
    service = Organisation(quiet_from=12, quiet_until=14)
    now = wall("2026-11-23", "11:00")
    assert offer_deadline(service, wall("2026-11-23", "18:00"), now=now, zone=BRUSSELS) == wall(
        "2026-11-23", "15:30"
    )
