"""Attendance of an appointment, the notes of the teacher, and the question of the learner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, contains_eager

from lms.domain import audit_log
from lms.domain.booking.permissions import may_mark
from lms.domain.booking.queries import check_upcoming
from lms.domain.errors import Absent, Refused
from lms.models import AppointmentRecord, Attendance, AuditAction, Booking, BookingState, Person
from lms.refusal_codes import RefusalCode


def can_be_marked(booking: Booking, *, now: datetime) -> bool:
    """Return whether attendance can be marked.

    It can once the appointment has begun; a late cancellation can be excused.
    """
    if booking.is_cancelled:
        return booking.is_late_cancellation
    return booking.is_booked and booking.starts <= now


def set_attendance(booking: Booking, actor: Person, attendance: Attendance | None, *, now: datetime) -> None:
    """Set the attendance of a booking and who marked it; None clears both."""
    record = booking.record
    record.attendance = attendance
    record.marked_at, record.marked_by_id = (now, actor.id) if attendance else (None, None)


def mark_attendance(
    session: Session, actor: Person, booking: Booking, attendance: str | None, *, now: datetime
) -> None:
    """Mark the appointment as done, absent, cancelled late or excused; None clears the mark.

    An appointment is marked once it has begun. A learner who cancelled late can only be excused.

    Refusals: `already_cancelled`, `not_an_attendance`, `not_begun`.
    """
    if not may_mark(actor):
        raise Absent
    if attendance is not None and attendance not in set(Attendance):
        raise Refused(RefusalCode.NOT_AN_ATTENDANCE)
    mark = Attendance(attendance) if attendance else None
    if booking.is_cancelled:
        if not booking.is_late_cancellation or mark not in (None, *booking.possible_attendances):
            raise Refused(RefusalCode.ALREADY_CANCELLED)
        mark = mark or Attendance.LATE_CANCEL
    elif booking.starts > now:
        raise Refused(RefusalCode.NOT_BEGUN)
    if booking.attendance == mark:
        return
    set_attendance(booking, actor, mark, now=now)
    audit_log.record(
        session,
        actor,
        AuditAction.ATTENDANCE_MARKED,
        "booking",
        booking.id,
        detail=mark or "undone",
        now=now,
    )


def write_note(
    session: Session, actor: Person, booking: Booking, private_note: str, next_step: str, *, now: datetime
) -> AppointmentRecord:
    """Write the private note and the next step. Raises `Absent` unless the actor is the teacher.

    Only the teacher of the appointment reads the private note; the learner reads the next step.
    """
    if actor.id != booking.teacher_id:
        raise Absent
    record = booking.record
    record.private_note, record.next_step = private_note, next_step[:300]
    record.noted_by_id, record.noted_at = actor.id, now
    session.flush()
    return record


def ask_question(session: Session, actor: Person, booking: Booking, question: str, *, now: datetime) -> None:
    """Store the learner's question; the learner can change it until the appointment begins.

    Refusals: `already_begun`, `already_cancelled`.
    """
    if actor.id != booking.learner_id:
        raise Absent
    check_upcoming(booking, now=now)
    booking.record.question = question[:300]


def open_questions(session: Session, booking: Booking) -> Sequence[Booking]:
    """Return the learner's questions for other appointments that did not take place, the newest first."""
    return session.scalars(
        select(Booking)
        .join(Booking.record)
        .options(contains_eager(Booking.record))
        .where(
            Booking.learner_id == booking.learner_id,
            Booking.id != booking.id,
            Booking.starts <= booking.starts,
            AppointmentRecord.question != "",
            or_(AppointmentRecord.attendance.is_(None), AppointmentRecord.attendance != Attendance.DONE),
            or_(Booking.state != BookingState.BOOKED, AppointmentRecord.attendance.is_not(None)),
        )
        .order_by(Booking.starts.desc())
        .limit(5)
    ).all()


def next_steps(session: Session, before: Booking, limit: int = 3) -> Sequence[tuple[Booking, str]]:
    """Return the next steps of the learner's appointments before that one, the newest first."""
    found = session.scalars(
        select(Booking)
        .join(Booking.record)
        .options(contains_eager(Booking.record))
        .where(
            Booking.learner_id == before.learner_id,
            Booking.starts < before.starts,
            Booking.state == BookingState.BOOKED,
            AppointmentRecord.next_step != "",
        )
        .order_by(Booking.starts.desc())
        .limit(limit)
    )
    return [(booking, booking.record.next_step) for booking in found]
