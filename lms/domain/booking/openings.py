"""Which slots a weekly rule or an extra opening makes, for the pages where they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from lms.domain.booking.availability_search import Timetable, load_timetable
from lms.domain.booking.slots import Slot, Span, Special, hour_spans
from lms.domain.booking.special_days import SpecialRow
from lms.models import Availability, Mode, RuleMode, SpecialDay

# How many days of a long opening are looked at: as many as most learners can book ahead.
LOOKED_AT = timedelta(days=60)


@dataclass(frozen=True)
class Made:
    """The starts of the slots that hours make, in local time, and those that stand in the way of others."""

    starts: list[time]
    crowded: list[time] = field(default_factory=list)  # of a rule: another slot excludes them
    lost: list[time] = field(default_factory=list)  # of an opening: too near an ordinary hour, not offered
    video_only: list[time] = field(default_factory=list)  # of an opening: the same, for lack of the pause


def starts_between(start: time | None, end: time | None, mode: RuleMode, buffer: timedelta) -> list[time]:
    """Return the local times at which the slots of these hours begin."""
    return [_clock(span) for span in hour_spans(start, end, mode, buffer)]


def slots_of_rules(rules: Sequence[Availability], buffer: timedelta) -> dict[str, Made]:
    """Return what each rule of one teacher makes, by id.

    A start is crowded when another rule has a slot that is possible only without it: booked, they or their
    pauses would overlap.
    """
    blocked = {rule.id: list(_blocked_spans(rule, buffer)) for rule in rules}
    found = {}
    for rule in rules:
        others = [span for other in rules if _same_days(rule, other) for span in blocked[other.id]]
        crowded = [
            _clock(span)
            for span in blocked[rule.id]
            if any(span.overlaps(other) and span.start != other.start for other in others)
        ]
        found[rule.id] = Made([_clock(span) for span in blocked[rule.id]], crowded)
    return found


def slots_of_openings(
    session: Session, specials: Sequence[SpecialDay | SpecialRow], today: date, *, zone: ZoneInfo
) -> dict[str, Made]:
    """Return what each extra opening makes, by id: in two statements, in none when there is no opening."""
    asked = {special.id: special for special in specials if special.mode is not None}
    if not asked:
        return {}
    last = max(special.date_until for special in asked.values())
    teacher_ids = {special.teacher_id for special in asked.values() if special.teacher_id}
    table = load_timetable(session, today, last, teacher_ids=teacher_ids, zone=zone)
    openings = [special for special in table.specials if special.adds_hours and special.id in asked]
    return {opening.id: _made_by(opening, table, today) for opening in openings}


def _made_by(opening: Special, table: Timetable, today: date) -> Made:
    """Compare the slots of the opening alone with those that it has beside the weekly rules."""
    first = max(opening.date_from, today)
    last = min(opening.date_until, first + LOOKED_AT)
    around = [
        special
        for special in table.specials
        if special.teacher_id in (None, opening.teacher_id) and not special.adds_hours
    ]
    # Other teachers change nothing, but their slots would be computed too.
    rules = [rule for rule in table.rules if rule.teacher_id == opening.teacher_id]
    # What stands in the way of what does not depend on the address for hours by video.
    alone = replace(table, rules=[], specials=[*around, opening], without_video=set())
    beside = replace(alone, rules=rules)
    left_out = set(alone.offered(first, last)) - set(beside.offered(first, last))

    def starts_of(slots: set[Slot]) -> set[time]:
        return {slot.starts.astimezone(table.zone).time() for slot in slots}

    mode = opening.mode or RuleMode.VIDEO
    lost = starts_of({slot for slot in left_out if mode != RuleMode.BOTH or slot.mode == Mode.VIDEO})
    starts = starts_between(opening.start_wall, opening.end_wall, mode, table.buffer)
    on_one_day = opening.date_from == opening.date_until
    return Made(
        [start for start in starts if not (on_one_day and start in lost)],
        lost=sorted(lost),
        video_only=sorted(starts_of(left_out) - lost),
    )


def _blocked_spans(rule: Availability, buffer: timedelta) -> list[Span]:
    """Return the hours of a rule, each with its pause."""
    pause = 0 if rule.mode == RuleMode.VIDEO else buffer // timedelta(minutes=1)
    spans = hour_spans(rule.start_wall, rule.end_wall, rule.mode, buffer)
    return [Span(span.start, span.end + pause) for span in spans]


def _same_days(rule: Availability, other: Availability) -> bool:
    """Return whether two different rules apply on some day together."""
    return (
        rule is not other
        and rule.weekday == other.weekday
        and rule.valid_from <= (other.valid_until or date.max)
        and other.valid_from <= (rule.valid_until or date.max)
    )


def _clock(span: Span) -> time:
    return time(span.start // 60, span.start % 60)
