"""Appointments that their teacher's hours no longer cover. Told, never touched: somebody decides for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lms.domain.booking import external_clashes, occupancy
from lms.domain.booking.appointments import cancel
from lms.domain.booking.availability import active_teachers
from lms.domain.booking.permissions import check_may_manage
from lms.domain.booking.queries import booking_for, with_people
from lms.domain.booking.slots import belgian_holidays
from lms.models import Availability, Booking, Person, SpecialDay

Why = Literal["left", "closed", "outside", "busy"]


@dataclass(frozen=True)
class Conflict:
    """An appointment ahead and why it no longer fits.

    Its teacher left, it is closed then, it lies outside her weekly hours, or she is busy elsewhere.
    """

    booking: Booking
    why: Why


def upcoming_conflicts(
    session: Session, teacher: Person | None, *, now: datetime, zone: ZoneInfo
) -> list[Conflict]:
    """Return the conflicts of one teacher, or of all, the next one first, in a constant number of statements.

    What somebody decided to keep is not told again, unless its day was closed after that.
    """
    wanted = with_people().where(Booking.state == "booked", Booking.starts > now)
    if teacher is not None:
        wanted = wanted.where(Booking.teacher_id == teacher.id)
    found = session.scalars(wanted.order_by(Booking.starts, Booking.id)).all()
    if not found:
        return []
    hours = _Coverage(session, found, zone)
    busy = occupancy.externally_occupied(session, found[0].starts, found[-1].ends)
    elsewhere = {booking.id for booking in external_clashes.find_clashes(found, busy, now=now)}
    told = []
    for booking in found:
        why = hours.against(booking) or ("busy" if booking.id in elsewhere else None)
        if why is not None:
            told.append(Conflict(booking, why))
    return told


def cancel_conflicting(
    session: Session, actor: Person, booking_id: str, *, now: datetime, zone: ZoneInfo
) -> Booking:
    """It cannot be after all. It is not the learner's doing: she chooses first when there are new hours.

    Refusals: `already_begun`, `already_cancelled`.
    """
    booking = booking_for(session, actor, booking_id)
    check_may_manage(actor, booking.teacher_id)
    return cancel(session, actor, booking, "", cancelled_by_teacher=True, now=now, zone=zone)


class _Coverage:
    """The hours of all teachers on the days of these appointments."""

    def __init__(self, session: Session, found: Sequence[Booking], zone: ZoneInfo) -> None:
        first, last = (booking.starts.astimezone(zone).date() for booking in (found[0], found[-1]))
        self.zone = zone
        self.teaching = {teacher.id for teacher in active_teachers(session)}
        self.rules = session.scalars(
            select(Availability).where(
                Availability.valid_from <= last,
                or_(Availability.valid_until.is_(None), Availability.valid_until >= first),
            )
        ).all()
        self.specials = session.scalars(
            select(SpecialDay).where(SpecialDay.date_from <= last, SpecialDay.date_until >= first)
        ).all()
        self.holidays = belgian_holidays(range(first.year, last.year + 1))

    def against(self, booking: Booking) -> Why | None:
        day = booking.starts.astimezone(self.zone).date()
        today = [
            one
            for one in self.specials
            if one.date_from <= day <= one.date_until and one.teacher_id in (None, booking.teacher_id)
        ]
        closed = [one for one in today if one.kind == "closed" and self._touches(one, booking)]
        if booking.conflict_accepted_at is not None:
            # Who kept it knew of the closures of that time; one made since is news.
            return "closed" if any(one.created_at > booking.conflict_accepted_at for one in closed) else None
        if booking.teacher_id not in self.teaching:
            return "left"
        opened = any(one.kind == "open" and self._covers(one, booking) for one in today)
        lifted = opened or any(one.kind == "open" and one.start_wall is None for one in today)
        if closed or (day in self.holidays and not lifted):
            return "closed"
        return None if opened or any(self._weekly(rule, booking, day) for rule in self.rules) else "outside"

    def _weekly(self, rule: Availability, booking: Booking, day: date) -> bool:
        return (
            rule.teacher_id == booking.teacher_id
            and rule.weekday == day.weekday()
            and rule.valid_from <= day
            and (rule.valid_until is None or day <= rule.valid_until)
            and self._covers(rule, booking)
        )

    def _covers(self, hours: Availability | SpecialDay, booking: Booking) -> bool:
        if hours.mode not in (booking.mode, "both") or hours.start_wall is None or hours.end_wall is None:
            return False
        starts, ends = self._wall(booking)
        return hours.start_wall <= starts and ends <= hours.end_wall

    def _touches(self, special: SpecialDay, booking: Booking) -> bool:
        if special.room_id is not None and special.room_id != booking.room_id:
            return False
        starts, ends = self._wall(booking)
        return (special.start_wall or time.min) < ends and starts < (special.end_wall or time.max)

    def _wall(self, booking: Booking) -> tuple[time, time]:
        starts, ends = booking.starts.astimezone(self.zone), booking.ends.astimezone(self.zone)
        # An hour that ends at midnight ends with its day.
        return starts.time(), ends.time() if ends.date() == starts.date() else time.max
