"""Public holidays, which are closed by default, and bridge days, which many organisations close."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lms.domain.booking.availability import holidays_between
from lms.domain.booking.special_days import SpecialRow
from lms.models import DayKind, Person

# People plan their leave up to a year ahead.
SIGHT = timedelta(days=365)


@dataclass(frozen=True)
class DayOff:
    """A public holiday with its name, or a bridge day without one, and the special days that change it.

    A special day opens a holiday or closes a bridge day: for a person (`mine`) or the organisation (`whole`).
    """

    date: date
    name: str
    mine: SpecialRow | None
    whole: SpecialRow | None


def days_off(person: Person, specials: Sequence[SpecialRow], today: date, language: str) -> list[DayOff]:
    """Return the holidays and bridge days of the coming year, each with the special days that change it."""
    # A bridge day of today may belong to a holiday of yesterday.
    named = dict(holidays_between(today - timedelta(days=1), today + SIGHT, language))
    bridges = dict.fromkeys(bridge_days(named), "")
    found = []
    for day, name in sorted({**named, **bridges}.items()):
        if day >= today:
            decided = [
                special
                for special in specials
                if _decides(special, day, DayKind.OPEN if name else DayKind.CLOSED)
            ]
            found.append(DayOff(day, name, _special_of(decided, person.id), _special_of(decided, None)))
    return found


def bridge_days(holidays: Iterable[date]) -> list[date]:
    """Return the single working days between a public holiday and a weekend."""
    days = set(holidays)
    bridges = {day + timedelta(days=1) for day in days if day.weekday() == 3} | {
        day - timedelta(days=1) for day in days if day.weekday() == 1
    }
    return sorted(bridges - days)


def _decides(special: SpecialRow, day: date, kind: DayKind) -> bool:
    whole_days = special.kind == kind and special.start_wall is None
    return whole_days and special.date_from <= day <= special.date_until


def _special_of(specials: Iterable[SpecialRow], teacher_id: str | None) -> SpecialRow | None:
    return next((special for special in specials if special.teacher_id == teacher_id), None)
