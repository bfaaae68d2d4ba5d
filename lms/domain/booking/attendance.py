"""What became of a session, what the teacher writes of it, what the learner wants to ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.booking.queries import check_upcoming
from lms.domain.errors import Absent, Refused
from lms.models import ATTENDANCES, Booking, Person, SessionNote


def can_be_marked(booking: Booking, *, now: datetime) -> bool:
    """Tell whether attendance is asked.

    It is once the appointment has begun; of a late cancellation, only whether it is excused.
    """
    if booking.state == "cancelled":
        return booking.late_cancel
    return booking.state == "booked" and booking.starts <= now


def mark_attendance(
    session: Session, actor: Person, booking: Booking, attendance: str | None, *, now: datetime
) -> None:
    """Done, absent, cancelled late or excused; None takes it back.

    A session is marked once it has begun. A learner who cancelled late can only be excused.

    Refusals: `already_cancelled`, `not_an_attendance`, `not_begun`.
    """
    if not (actor.id == booking.teacher_id or actor.roles & {"teacher", "coordinator"}):
        raise Absent
    if attendance is not None and attendance not in ATTENDANCES:
        raise Refused("not_an_attendance")
    if booking.state == "cancelled":
        if not booking.late_cancel or attendance not in (None, "excused"):
            raise Refused("already_cancelled")
    elif booking.starts > now:
        raise Refused("not_begun")
    if booking.attendance == attendance:
        return
    booking.attendance = attendance
    booking.marked_at, booking.marked_by_id = (now, actor.id) if attendance else (None, None)
    audit_log.record(
        session, actor, "attendance_marked", "booking", booking.id, detail=attendance or "undone", now=now
    )


def write_note(
    session: Session, actor: Person, booking: Booking, private: str, next_step: str, *, now: datetime
) -> SessionNote:
    """The private part is read by the teacher of the session alone; the next step by the learner too."""
    if actor.id != booking.teacher_id:
        raise Absent
    note = session.get(SessionNote, booking.id)
    if note is None:
        note = SessionNote(booking_id=booking.id)
        session.add(note)
    note.private, note.next_step = private, next_step[:300]
    note.written_by_id, note.written_at = actor.id, now
    session.flush()
    return note


def ask_question(session: Session, actor: Person, booking: Booking, question: str, *, now: datetime) -> None:
    """Store the learner's question; the learner can change it until the appointment begins.

    Refusals: `already_begun`, `already_cancelled`.
    """
    if actor.id != booking.learner_id:
        raise Absent
    check_upcoming(booking, now=now)
    booking.question = question[:300]


def note_for(session: Session, booking: Booking) -> SessionNote | None:
    """Return the teacher's notes on the appointment; None when there are none."""
    return session.get(SessionNote, booking.id)


def open_questions(session: Session, booking: Booking) -> Sequence[Booking]:
    """Return the learner's questions for other appointments that did not take place, the newest first."""
    return session.scalars(
        select(Booking)
        .where(
            Booking.learner_id == booking.learner_id,
            Booking.id != booking.id,
            Booking.starts <= booking.starts,
            Booking.question != "",
            or_(Booking.attendance.is_(None), Booking.attendance != "done"),
            or_(Booking.state != "booked", Booking.attendance.is_not(None)),
        )
        .order_by(Booking.starts.desc())
        .limit(5)
    ).all()


def next_steps(session: Session, before: Booking, limit: int = 3) -> Sequence[tuple[Booking, str]]:
    """The shared next steps of this learner's sessions before that one, the newest first."""
    rows = session.execute(
        select(Booking, SessionNote.next_step)
        .join(SessionNote, SessionNote.booking_id == Booking.id)
        .where(
            Booking.learner_id == before.learner_id,
            Booking.starts < before.starts,
            Booking.state == "booked",
            SessionNote.next_step != "",
        )
        .order_by(Booking.starts.desc())
        .limit(limit)
    )
    return [(booking, step) for booking, step in rows]
