"""Availability in local time, bookings, and the claims that make a double booking impossible."""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lms.extensions import Base, Identified
from lms.models.partial_index import partial_index
from lms.models.people import Named, Person, one_of, word_type
from lms.models.written_words import written_word_type

# Parts of the day in local time, as bits of `WaitlistEntry.parts`.
MORNING, AFTERNOON, EVENING = 1, 2, 4
CELL_SECONDS = 900


class Mode(StrEnum):
    """How an appointment is held."""

    VIDEO = "video"
    ONSITE = "onsite"

    @property
    def is_onsite(self) -> bool:
        return self is Mode.ONSITE


class RuleMode(StrEnum):
    """In which mode hours are offered; `both` leaves the choice to the learner."""

    VIDEO = "video"
    ONSITE = "onsite"
    BOTH = "both"


class DayKind(StrEnum):
    """Kind of a special day: it removes hours, or adds some."""

    CLOSED = "closed"
    OPEN = "open"


class BookingState(StrEnum):
    """State of a booking: offered to the waitlist, booked, cancelled; an offer can be declined or expire."""

    OFFERED = "offered"
    BOOKED = "booked"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    EXPIRED = "expired"


# States with claims. A cancelled booking has them too while it is kept: `Booking.has_claims`.
HOLDING = (BookingState.OFFERED, BookingState.BOOKED)


class ConflictReason(StrEnum):
    """Why an appointment no longer fits: its teacher left, or cannot have it at that time.

    `closed`: a special day or a holiday. `outside`: no rule covers it any more. `busy`: the teacher is busy
    in an external calendar. `room`: its room was closed.
    """

    LEFT = "left"
    CLOSED = "closed"
    OUTSIDE = "outside"
    BUSY = "busy"
    ROOM = "room"


class WaitlistOutcome(StrEnum):
    """How a waitlist entry ended: offer accepted, slot booked otherwise, withdrawn, offer not answered."""

    ACCEPTED = "accepted"
    BOOKED = "booked"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class Attendance(StrEnum):
    """Mark of the team on an appointment that has begun."""

    DONE = "done"
    NO_SHOW = "no_show"
    LATE_CANCEL = "late_cancel"
    EXCUSED = "excused"


class Room(Named, Identified, Base):
    """A place for one appointment at a time; several desks in one room are several rows."""

    __tablename__ = "room"
    __table_args__ = (UniqueConstraint("name_key"),)

    name: Mapped[str] = mapped_column(String(60))
    closed_at: Mapped[datetime | None]


class Availability(Identified, Base):
    """A weekly availability rule of a teacher, in local time. Monday is 0."""

    __tablename__ = "availability"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("end_wall > start_wall", name="ends_after_start"),
        CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name="valid"),
        CheckConstraint(one_of("mode", RuleMode), name="mode"),
        CheckConstraint("mode = 'video' OR room_id IS NOT NULL", name="onsite_has_room"),
        Index("ix_availability_teacher_id", "teacher_id"),
    )

    teacher_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    weekday: Mapped[int]
    start_wall: Mapped[time]
    end_wall: Mapped[time]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    mode: Mapped[RuleMode] = mapped_column(word_type(RuleMode, 8))
    room_id: Mapped[str | None] = mapped_column(ForeignKey("room.id", ondelete="RESTRICT"))

    room: Mapped[Room | None] = relationship(lazy="raise_on_sql")


class SpecialDay(Identified, Base):
    """Special days: closed, or with extra hours, for one teacher or (None) the whole organisation."""

    __tablename__ = "special_day"
    __table_args__ = (
        CheckConstraint(one_of("kind", DayKind), name="kind"),
        CheckConstraint("date_until >= date_from", name="dates"),
        CheckConstraint(
            "(start_wall IS NULL) = (end_wall IS NULL) AND (end_wall IS NULL OR end_wall > start_wall)",
            name="hours",
        ),
        # Open without hours: the weekly rules apply on a holiday too.
        CheckConstraint(
            "kind = 'closed' OR start_wall IS NULL OR (mode IS NOT NULL AND teacher_id IS NOT NULL)",
            name="open_is_complete",
        ),
        CheckConstraint(f"mode IS NULL OR {one_of('mode', RuleMode)}", name="mode"),
        CheckConstraint("mode IS NULL OR mode = 'video' OR room_id IS NOT NULL", name="onsite_has_room"),
        Index("ix_special_day_dates", "date_from", "date_until"),
        Index("ix_special_day_teacher_id", "teacher_id"),
    )

    teacher_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    kind: Mapped[DayKind] = mapped_column(word_type(DayKind, 8))
    date_from: Mapped[date]
    date_until: Mapped[date]
    start_wall: Mapped[time | None]
    end_wall: Mapped[time | None]
    mode: Mapped[RuleMode | None] = mapped_column(word_type(RuleMode, 8))
    room_id: Mapped[str | None] = mapped_column(ForeignKey("room.id", ondelete="RESTRICT"))
    reason: Mapped[str] = mapped_column(String(120), default="")
    created_by_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]

    room: Mapped[Room | None] = relationship(lazy="raise_on_sql")

    @property
    def is_closure(self) -> bool:
        return self.kind == DayKind.CLOSED


class Booking(Identified, Base):
    """An appointment or an offer: one hour of one learner with one teacher."""

    __tablename__ = "booking"
    __table_args__ = (
        UniqueConstraint("uid"),
        UniqueConstraint("video_key"),
        CheckConstraint(
            "starts % 900 = 0 AND ends % 900 = 0 AND blocked_until % 900 = 0", name="quarter_hours"
        ),
        CheckConstraint("ends > starts", name="ends_after_start"),
        CheckConstraint("blocked_until >= ends", name="free_after_end"),
        CheckConstraint(one_of("mode", Mode), name="mode"),
        CheckConstraint("(mode = 'onsite') = (room_id IS NOT NULL)", name="onsite_has_room"),
        CheckConstraint(one_of("state", BookingState), name="state"),
        CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled"),
        CheckConstraint("sequence >= 0", name="sequence"),
        CheckConstraint("teacher_id <> learner_id", name="two_people"),
        CheckConstraint(
            "state <> 'offered' OR (expires_at IS NOT NULL AND waitlist_entry_id IS NOT NULL)", name="offer"
        ),
        CheckConstraint("NOT cancelled_by_teacher OR state = 'cancelled'", name="cancelled_by_teacher"),
        # Only what the learner cancelled is kept for the learner, who may take it back.
        CheckConstraint(
            "kept_until IS NULL OR (state = 'cancelled' AND cancelled_by_id = learner_id"
            " AND NOT cancelled_by_teacher AND kept_until > cancelled_at)",
            name="kept",
        ),
        # A waitlist entry has at most one open offer.
        partial_index("uq_booking_open_offer", "waitlist_entry_id", where="state = 'offered'", unique=True),
        Index("ix_booking_waitlist_entry_id", "waitlist_entry_id"),
        Index("ix_booking_learner_id_starts", "learner_id", "starts"),
        Index("ix_booking_teacher_id_starts", "teacher_id", "starts"),
        Index("ix_booking_starts_state", "starts", "state", "ends"),
        partial_index("ix_booking_conflict", "starts", "id", where="conflict IS NOT NULL"),
        partial_index("ix_booking_kept", "kept_until", where="kept_until IS NOT NULL"),
    )

    uid: Mapped[str] = mapped_column(String(40))
    teacher_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    learner_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    room_id: Mapped[str | None] = mapped_column(ForeignKey("room.id", ondelete="RESTRICT"))
    starts: Mapped[datetime]
    ends: Mapped[datetime]
    blocked_until: Mapped[datetime]  # end plus buffer: from then on teacher and room are free again
    # The agreed local time; `starts` is derived from it and the time zone.
    local_start: Mapped[str] = mapped_column(String(16))  # 2026-11-26T14:30
    time_zone: Mapped[str] = mapped_column(String(40))
    iso_week: Mapped[str] = mapped_column(String(8))  # 2026-W48, for the weekly cap
    mode: Mapped[Mode] = mapped_column(word_type(Mode, 8))
    state: Mapped[BookingState] = mapped_column(
        written_word_type(BookingState, 10), default=BookingState.BOOKED
    )
    sequence: Mapped[int] = mapped_column(default=0)
    video_key: Mapped[str] = mapped_column(String(32))
    booked_by_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    booked_at: Mapped[datetime]
    cancelled_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    cancelled_at: Mapped[datetime | None]
    # Cancelled by the learner, who may take it back until then; None once the slot is free.
    kept_until: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(200), default="")
    # The teacher could not come: the learner has priority on the waitlist.
    cancelled_by_teacher: Mapped[bool] = mapped_column(default=False)
    # Of an upcoming appointment: why the availability no longer covers it (`stored_conflicts`, ADR 34).
    conflict: Mapped[ConflictReason | None] = mapped_column(word_type(ConflictReason, 8))
    # When somebody decided to keep it although the availability no longer covers it.
    conflict_accepted_at: Mapped[datetime | None]
    # Of an offer: the waitlist entry, and until when it can be accepted.
    waitlist_entry_id: Mapped[str | None] = mapped_column(
        ForeignKey("waitlist_entry.id", ondelete="RESTRICT")
    )
    expires_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]

    teacher: Mapped[Person] = relationship(foreign_keys=[teacher_id], lazy="raise_on_sql")
    learner: Mapped[Person] = relationship(foreign_keys=[learner_id], lazy="raise_on_sql")
    room: Mapped[Room | None] = relationship(lazy="raise_on_sql")
    # Loaded with the booking: almost every page that shows a booking shows its attendance.
    record: Mapped[AppointmentRecord] = relationship(lazy="joined")

    @property
    def is_video(self) -> bool:
        return self.mode == Mode.VIDEO

    @property
    def is_onsite(self) -> bool:
        return self.mode == Mode.ONSITE

    @property
    def room_closed_at(self) -> datetime | None:
        return self.room.closed_at if self.room else None

    @property
    def is_booked(self) -> bool:
        return self.state == BookingState.BOOKED

    @property
    def is_cancelled(self) -> bool:
        return self.state == BookingState.CANCELLED

    @property
    def is_offer(self) -> bool:
        """Return whether it is an open offer; the time to accept it may be over."""
        return self.state == BookingState.OFFERED

    @property
    def is_declined(self) -> bool:
        return self.state == BookingState.DECLINED

    @property
    def is_holding(self) -> bool:
        """Return whether it is agreed or offered."""
        return self.state in HOLDING

    @property
    def is_kept(self) -> bool:
        """Return whether its slot is kept for the learner who cancelled; the time for it may be over."""
        return self.kept_until is not None

    @property
    def has_claims(self) -> bool:
        """Return whether it has claims: its people and its room are taken."""
        return self.is_holding or self.is_kept

    @property
    def attendance(self) -> Attendance | None:
        return self.record.attendance

    @property
    def marked_attendance(self) -> Attendance | None:
        """Return the attendance that the team has marked; of a late cancellation only `excused`."""
        unexcused = self.is_cancelled and self.attendance == Attendance.LATE_CANCEL
        return None if unexcused else self.attendance

    @property
    def possible_attendances(self) -> tuple[Attendance, ...]:
        """Return the attendances that the team can mark: a learner who cancelled can only be excused."""
        return (Attendance.EXCUSED,) if self.is_cancelled else tuple(Attendance)

    @property
    def is_late_cancellation(self) -> bool:
        """Return whether the learner cancelled late; the teacher may have excused it since."""
        return self.is_cancelled and self.attendance is not None


class AppointmentRecord(Base):
    """The record of an appointment, made with its booking: attendance, the learner's question, the notes."""

    __tablename__ = "appointment_record"
    __table_args__ = (
        CheckConstraint(f"attendance IS NULL OR {one_of('attendance', Attendance)}", name="attendance"),
        CheckConstraint("(attendance IS NULL) = (marked_at IS NULL)", name="marked"),
        CheckConstraint("(noted_by_id IS NULL) = (noted_at IS NULL)", name="noted"),
    )

    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.id", ondelete="CASCADE"), primary_key=True)
    # Of a cancelled booking: `late_cancel` when the learner cancelled late, `excused` when that is excused.
    attendance: Mapped[Attendance | None] = mapped_column(word_type(Attendance, 12))
    marked_at: Mapped[datetime | None]
    marked_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    question: Mapped[str] = mapped_column(String(300), default="")  # of the learner
    private_note: Mapped[str] = mapped_column(Text, default="")  # only the teacher reads it
    next_step: Mapped[str] = mapped_column(String(300), default="")  # the learner reads it too
    noted_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    noted_at: Mapped[datetime | None]


class WaitlistEntry(Identified, Base):
    """An entry of a learner on the waitlist, and the wanted slots. A learner has at most one active entry."""

    __tablename__ = "waitlist_entry"
    __table_args__ = (
        CheckConstraint("parts BETWEEN 1 AND 7", name="parts"),
        CheckConstraint(f"mode IS NULL OR {one_of('mode', Mode)}", name="mode"),
        CheckConstraint(f"outcome IS NULL OR {one_of('outcome', WaitlistOutcome)}", name="outcome"),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended"),
        # The second offer in a row without an answer ends the entry.
        CheckConstraint(
            "silences BETWEEN 0 AND 2 AND (silences < 2 OR ended_at IS NOT NULL)", name="silences"
        ),
        partial_index("uq_waitlist_entry_active", "learner_id", where="ended_at IS NULL", unique=True),
        Index("ix_waitlist_entry_learner_id", "learner_id"),
    )

    learner_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    teacher_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    parts: Mapped[int] = mapped_column(default=MORNING | AFTERNOON | EVENING)
    mode: Mapped[Mode | None] = mapped_column(word_type(Mode, 8))
    # The teacher cancelled an appointment of the learner, who gets offers before all others.
    first_choice: Mapped[bool] = mapped_column(default=False)
    created_by_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]
    # Offers in a row that the learner did not answer.
    silences: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None]
    outcome: Mapped[WaitlistOutcome | None] = mapped_column(word_type(WaitlistOutcome, 12))

    learner: Mapped[Person] = relationship(foreign_keys=[learner_id], lazy="raise_on_sql")
    teacher: Mapped[Person | None] = relationship(foreign_keys=[teacher_id], lazy="raise_on_sql")

    @property
    def is_onsite(self) -> bool:
        """Return whether only slots on site are wanted."""
        return self.mode == Mode.ONSITE


class Claim(Base):
    """A quarter-hour of one person or one room. Its unique keys prevent overlaps."""

    __tablename__ = "claim"
    __table_args__ = (
        UniqueConstraint("person_id", "cell"),
        UniqueConstraint("room_id", "cell"),
        CheckConstraint("(person_id IS NULL) <> (room_id IS NULL)", name="person_or_room"),
        Index("ix_claim_booking_id", "booking_id"),
        Index("ix_claim_cell", "cell"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.id", ondelete="CASCADE"))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    room_id: Mapped[str | None] = mapped_column(ForeignKey("room.id", ondelete="RESTRICT"))
    cell: Mapped[int]  # seconds since 1970 // 900
