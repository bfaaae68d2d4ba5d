"""The audit log: who did what, and when; events are written once and never changed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from lms.extensions import Base, Identified


class AuditAction(StrEnum):
    """Action of an event. A value is never renamed or removed: old events have it."""

    # people
    SERVICE_FOUNDED = "service_founded"
    SERVICE_CHANGED = "service_changed"
    LEVEL_RENAMED = "level_renamed"
    ROOM_OPENED = "room_opened"
    ROOM_CLOSED = "room_closed"
    PERSON_MADE = "person_made"
    PERSON_CHANGED = "person_changed"
    ROLES_CHANGED = "roles_changed"
    PERSON_DEACTIVATED = "person_deactivated"
    PERSON_REACTIVATED = "person_reactivated"
    PASSWORD_CHANGED = "password_changed"
    LEVEL_CHANGED = "level_changed"
    SOCIAL_WORKER_CHANGED = "social_worker_changed"
    LEVEL_OPENED = "level_opened"
    LEVEL_CLOSED = "level_closed"
    CARD_ISSUED = "card_issued"
    CARD_UNLOCKED = "card_unlocked"
    PIN_RENEWED = "pin_renewed"
    CARD_LOCKED = "card_locked"
    SESSION_ENDED = "session_ended"
    VIDEO_CONSENT_WITHDRAWN = "video_consent_withdrawn"
    SESSIONS_ENDED = "sessions_ended"
    # lessons
    LESSON_EDITED = "lesson_edited"
    LESSON_PUBLISHED = "lesson_published"
    LESSON_UNPUBLISHED = "lesson_unpublished"
    LESSON_MOVED = "lesson_moved"
    # homework
    ASSIGNMENT_MADE = "assignment_made"
    ASSIGNMENT_CHANGED = "assignment_changed"
    ASSIGNMENT_WITHDRAWN = "assignment_withdrawn"
    ASSIGNMENT_BROUGHT_BACK = "assignment_brought_back"
    FEEDBACK_RETURNED = "feedback_returned"
    RETURN_UNDONE = "return_undone"
    VIEWS_REVOKED = "views_revoked"
    WORK_DEPOSITED = "work_deposited"
    MAIL_FILED = "mail_filed"
    MAIL_SET_ASIDE = "mail_set_aside"
    ADDRESS_TIED = "address_tied"
    ADDRESS_FORGOTTEN = "address_forgotten"
    # booking
    AVAILABILITY_CHANGED = "availability_changed"
    VIDEO_ADDRESS_CHANGED = "video_address_changed"
    EXCEPTION_DELETED = "exception_deleted"
    EXCEPTION_MADE = "exception_made"
    BOOKING_MADE = "booking_made"
    BOOKING_MOVED = "booking_moved"
    BOOKING_SWAPPED = "booking_swapped"
    BOOKING_CANCELLED = "booking_cancelled"
    BOOKING_RETIMED = "booking_retimed"
    BOOKING_TAKEN_BACK = "booking_taken_back"
    ATTENDANCE_MARKED = "attendance_marked"
    DAY_CALLED_OFF = "day_called_off"
    BOOKING_KEPT = "booking_kept"
    HOUR_OFFERED = "hour_offered"
    WAITLIST_JOINED = "waitlist_joined"
    WAITLIST_LEFT = "waitlist_left"
    OFFER_DECLINED = "offer_declined"
    OFFER_EXPIRED = "offer_expired"
    # calendars
    FEED_MADE = "feed_made"
    FEED_REVOKED = "feed_revoked"
    BUSY_CALENDAR_ADDED = "busy_calendar_added"
    BUSY_CALENDAR_REMOVED = "busy_calendar_removed"


class AuditEvent(Identified, Base):
    """One event of the audit log."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_at", "at"),
        Index("ix_audit_event_object_id", "object_id"),
    )

    at: Mapped[datetime]
    # RESTRICT: a person with audit events cannot be deleted.
    actor_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    # An AuditAction; plain text, so that events written by another release stay readable.
    action: Mapped[str] = mapped_column(String(40))
    object_kind: Mapped[str] = mapped_column(String(20))
    object_id: Mapped[str] = mapped_column(String(14))
    detail: Mapped[str] = mapped_column(String(300), default="")  # never a name, a text or a secret

    @property
    def is_about_levels(self) -> bool:
        """Return whether `detail` has codes of levels."""
        return self.action in (
            AuditAction.LEVEL_CHANGED,
            AuditAction.LEVEL_OPENED,
            AuditAction.LEVEL_CLOSED,
        )
