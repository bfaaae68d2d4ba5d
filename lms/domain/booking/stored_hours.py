"""Store weekly rules and special days, new ones and those whose deletion is taken back (ADR 31)."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.booking import stored_conflicts, waitlist, withdrawal
from lms.domain.booking.deleted_hours import DeletedHours
from lms.domain.booking.permissions import may_manage
from lms.domain.errors import Absent, Refused
from lms.models import AuditAction, Availability, Organisation, Person, SpecialDay
from lms.refusal_codes import RefusalCode

# Rules that agree in these are one rule, if their dates touch.
_SAME_HOURS = ("teacher_id", "weekday", "start_wall", "end_wall", "mode", "room_id")
_SAME_DAYS = ("teacher_id", "kind", "date_from", "date_until", "start_wall", "end_wall", "mode", "room_id")


def store_rule(
    session: Session, teacher: Person, rule: Availability, *, detail: str, now: datetime, zone: ZoneInfo
) -> Availability:
    """Store a new rule, joined with those that it touches, and offer its slots.

    `detail`: for the audit log.
    """
    first, last = rule.valid_from, rule.valid_until
    same = {name: getattr(rule, name) for name in _SAME_HOURS}
    for other in session.scalars(select(Availability).filter_by(**same)).all():
        if _touch(rule, other):
            rule.valid_from = min(rule.valid_from, other.valid_from)
            ends = (rule.valid_until, other.valid_until)
            rule.valid_until = None if None in ends else max(end for end in ends if end)
            session.delete(other)
    session.add(rule)
    session.flush()
    audit_log.record(
        session, teacher, AuditAction.AVAILABILITY_CHANGED, "availability", rule.id, detail=detail, now=now
    )
    waitlist.offer_new_hours(session, teacher_id=teacher.id, first=first, last=last, now=now, zone=zone)
    _see_room(session, rule, now=now, zone=zone)
    return rule


def store_special(
    session: Session,
    actor: Person,
    special: SpecialDay,
    *,
    detail: str | None = None,
    now: datetime,
    zone: ZoneInfo,
) -> SpecialDay:
    """Store a new special day: what becomes possible is offered, what it closes withdrawn.

    The same special day entered twice is one row, which is returned, so that deleting it has an effect.
    `detail`: for the audit log; None: its kind.
    """
    same = {name: getattr(special, name) for name in _SAME_DAYS}
    known = session.scalars(select(SpecialDay).filter_by(**same)).first()
    if known is not None:
        known.reason = special.reason or known.reason
        special = known
    else:
        session.add(special)
        session.flush()
        detail = detail or special.kind
        audit_log.record(
            session, actor, AuditAction.EXCEPTION_MADE, "special_day", special.id, detail=detail, now=now
        )
    if special.is_closure:
        withdrawal.withdraw_uncovered_offers(session, teacher_id=special.teacher_id, now=now, zone=zone)
    else:
        offer_days_of(session, special, now=now, zone=zone)
        _see_room(session, special, now=now, zone=zone)
    return special


def _see_room(session: Session, hours: Availability | SpecialDay, *, now: datetime, zone: ZoneInfo) -> None:
    """Look at the appointments of all teachers: hours on site open a room that was closed (`open_room`).

    Other teachers are not locked: what changes for them at this moment is looked at within the hour.
    """
    if hours.room_id is not None:
        stored_conflicts.store_conflicts(session, now=now, zone=zone)


def offer_days_of(session: Session, special: SpecialDay, *, now: datetime, zone: ZoneInfo) -> None:
    """Offer the slots of the days of a special day to the waitlist."""
    first, last = special.date_from, special.date_until
    waitlist.offer_new_hours(
        session, teacher_id=special.teacher_id, first=first, last=last, now=now, zone=zone
    )


def restore_hours(
    session: Session, actor: Person, deleted: DeletedHours, *, now: datetime, zone: ZoneInfo
) -> None:
    """Write a deleted rule or special day again, with what adding it does; nothing when it is there again.

    Raises Absent unless the person could delete it.

    Refusals: `deletion_final`.
    """
    row = deleted.row()
    if not may_restore(actor, row):
        raise Absent
    if now >= deleted.until:
        raise Refused(RefusalCode.DELETION_FINAL)
    # Pressed twice at once, the second press waits here and finds the row. Before any lock of a person.
    session.execute(select(Organisation.id).with_for_update(key_share=True)).all()
    if session.get(type(row), row.id) is not None:
        return
    if isinstance(row, Availability):
        store_rule(session, actor, row, detail="restored", now=now, zone=zone)
    else:
        store_special(session, actor, row, detail="restored", now=now, zone=zone)


def may_restore(person: Person, row: Availability | SpecialDay) -> bool:
    """Return whether the person may delete such a row, and so restore it: a rule is its teacher's alone."""
    own = person.id == row.teacher_id
    return own if isinstance(row, Availability) else may_manage(person, row.teacher_id)


def _touch(rule: Availability, other: Availability) -> bool:
    """Return whether no day lies between the dates of both rules."""
    first, second = sorted((rule, other), key=lambda dated: dated.valid_from)
    return first.valid_until is None or second.valid_from <= first.valid_until + timedelta(days=1)
