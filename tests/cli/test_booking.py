"""`flask booking`: what a person at the console reads, and what a script learns from the exit code."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from struct import pack
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.booking import appointments
from lms.models import Booking, Claim, Mode, Organisation, OutboxItem
from tests import factories
from tests.support.engines import postgres_template, school, shared_postgres_school
from tests.support.school import School

__all__ = ["postgres_template", "school", "shared_postgres_school"]


def brussels_east() -> ZoneInfo:
    """Time zone data of another day: Belgium three hours east of Greenwich, summer and winter."""
    block = pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4) + pack(">lbb", 10800, 0, 0) + b"EAS\0"
    return ZoneInfo.from_file(BytesIO(block + block + b"\n<+03>-3\n"), key="Europe/Brussels")


EAST = brussels_east()


def run(school: School, *words: str) -> Result:
    return school.app.test_cli_runner().invoke(args=["booking", *words])


def book(school: School, zone: ZoneInfo = factories.BRUSSELS, hour: int = 10) -> Booking:
    """On a Monday to come, at an hour of the wall as the zone had it when it was agreed."""
    monday = factories.coming_monday()
    starts = datetime(monday.year, monday.month, monday.day, hour, tzinfo=zone)

    def operation(session: Session) -> Booking:
        samira, nadia = factories.samira(session), factories.nadia(session)
        session.get_one(Organisation, 1).weekly_cap = 5
        factories.all_week(session, nadia)
        return appointments.book(
            session, samira, samira, nadia.id, starts.astimezone(), Mode.VIDEO, now=now(), zone=zone
        )

    return school.write(operation)


def again(school: School, booking: Booking) -> Booking:
    return school.read(lambda s: s.get_one(Booking, booking.id))


def test_where_the_clock_stayed_there_is_nothing_to_do(school: School) -> None:
    book(school)
    for words in (("retime", "--dry-run"), ("retime",)):
        result = run(school, *words)
        assert (result.exit_code, result.output) == (0, "nothing to do\n")


def test_a_dry_run_says_what_would_change_and_the_real_one_does_it(school: School) -> None:
    booking = book(school, EAST)
    day = f"{booking.starts:%Y-%m-%d}"
    ten = factories.wall(day, "10:00")
    line = f"{booking.id}  {day}T10:00 Europe/Brussels  {day} 07:00Z -> {ten:%Y-%m-%d %H:%MZ}"

    dry = run(school, "retime", "--dry-run")
    assert (dry.exit_code, dry.output.splitlines()) == (0, [line, "bookings that would change: 1"])
    assert again(school, booking).starts == booking.starts
    assert run(school, "check").exit_code == 1

    real = run(school, "retime")
    assert (real.exit_code, real.output.splitlines()) == (0, [line, "bookings changed: 1"])
    assert again(school, booking).starts == ten
    told = select(OutboxItem).where(OutboxItem.kind == "booking_retimed")
    assert len(school.read(lambda s: s.scalars(told).all())) == 2
    assert run(school, "retime").output == "nothing to do\n"
    assert run(school, "check").exit_code == 0


@pytest.mark.parametrize("words", [["retime", "--dry-run"], ["retime"]])
def test_an_hour_that_cannot_be_read_is_named_and_ends_with_one(school: School, words: list[str]) -> None:
    booking = book(school)
    school.write(lambda s: s.execute(update(Booking).values(local_start="demain")))
    result = run(school, *words)
    assert result.exit_code == 1
    assert result.output.startswith(f"{booking.id}  demain Europe/Brussels  left alone: ")


def test_two_hours_that_would_collide_stop_the_run(school: School) -> None:
    """Both were agreed for ten, one by the old clock and one by the new."""
    old, new = book(school, EAST), book(school)
    for words in (("retime", "--dry-run"), ("retime",)):
        result = run(school, *words)
        assert result.exit_code == 1
        assert (
            f"{new.id}  {new.local_start} Europe/Brussels  left alone: it collides with booking {old.id}"
            in (result.output.splitlines())
        )
        assert "nothing changes while bookings collide" in result.output
    assert again(school, old).starts == old.starts


def test_a_sound_school_is_told_in_one_line(school: School) -> None:
    book(school)
    result = run(school, "check")
    assert (result.exit_code, result.output) == (0, "1 bookings, 8 claims: consistent\n")


def test_each_fault_is_a_line_with_ids_and_no_names(school: School) -> None:
    booking = book(school)
    school.write(lambda s: s.execute(delete(Claim)))
    school.write(lambda s: s.execute(delete(OutboxItem).where(OutboxItem.kind == "booking_soon")))
    result = run(school, "check")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"booking {booking.id} (booked): 8 claims are missing",
        f"booking {booking.id}: booking_soon was never written",
    ]
    assert "Samira" not in result.output


def test_the_old_name_of_the_check_answers_with_the_new_one(school: School) -> None:
    book(school)
    result = run(school, "audit")
    assert result.exit_code == 0
    assert "flask booking check" in result.output
    assert "consistent" in result.output
    assert "audit" not in run(school, "--help").output
