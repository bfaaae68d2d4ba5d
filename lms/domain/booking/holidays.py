"""Public holidays and the bridge days beside them: what is closed by itself, and what many close as well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lms.domain.booking.availability import holidays_between
from lms.models import DayKind, Person, SpecialDay

# Whoever plans her leave looks a year ahead.
SIGHT = timedelta(days=365)


@dataclass(frozen=True)
class DayOff:
    """A public holiday with its name, or a bridge day without; and what was decided otherwise for it.

    On a holiday the exception opens it, on a bridge day it closes it: for one person or the whole service.
    """

    date: date
    name: str
    mine: SpecialDay | None
    whole: SpecialDay | None


def days_off(person: Person, specials: Sequence[SpecialDay], today: date, language: str) -> list[DayOff]:
    """All of the year that begins today, in order, with what her exceptions make of each."""
    # A bridge lies beside its holiday, which may have been yesterday.
    named = dict(holidays_between(today - timedelta(days=1), today + SIGHT, language))
    bridges = dict.fromkeys(bridge_days(named), "")
    found = []
    for day, name in sorted({**named, **bridges}.items()):
        if day >= today:
            decided = [
                one for one in specials if _decides(one, day, DayKind.OPEN if name else DayKind.CLOSED)
            ]
            found.append(DayOff(day, name, _special_of(decided, person.id), _special_of(decided, None)))
    return found


def bridge_days(holidays: Iterable[date]) -> list[date]:
    """Working days alone between a public holiday and a weekend, which many services close."""
    days = set(holidays)
    bridges = {day + timedelta(days=1) for day in days if day.weekday() == 3} | {
        day - timedelta(days=1) for day in days if day.weekday() == 1
    }
    return sorted(bridges - days)


def _decides(special: SpecialDay, day: date, kind: DayKind) -> bool:
    whole_days = special.kind == kind and special.start_wall is None
    return whole_days and special.date_from <= day <= special.date_until


def _special_of(specials: Iterable[SpecialDay], teacher_id: str | None) -> SpecialDay | None:
    return next((one for one in specials if one.teacher_id == teacher_id), None)
