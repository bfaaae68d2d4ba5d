"""External calendars of teachers: add, remove, read them periodically, store their busy times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, delete, insert, or_, select
from sqlalchemy.orm import Session

from lms.domain import audit_log, outbox
from lms.domain.booking import offers, withdrawal
from lms.domain.errors import Absent, Refused
from lms.domain.people import locks
from lms.domain.people.directory import has_role
from lms.models import AuditAction, Booking, ExternalBusyTime, ExternalCalendar, Organisation, Person, Role
from lms.normal_forms import clean_name
from lms.refusal_codes import RefusalCode

MOST = 3  # calendars of one teacher
READ_EVERY = timedelta(minutes=30)
# The teacher is notified only after a failure of this length; until then the last busy times are used.
PATIENCE = timedelta(days=1)
LONGEST_ADDRESS = 1000
DAY = timedelta(days=1)
MOST_MISREAD_DAYS = 10  # that are kept and shown
# Read beyond the horizon, so that a calendar that fails for a week still hides slots up to the horizon.
MARGIN_DAYS, MOST_DAYS = 8, 372
_EPOCH_DAY = 86_400
_CHUNK = 500
_SCHEMES = {"https": "https", "webcal": "https", "webcals": "https"}


Span = tuple[datetime, datetime]


class Event(NamedTuple):
    """Time of one event of a calendar: its uid, beginning and end. The title is never read."""

    uid: str
    starts: datetime
    ends: datetime


class FetchJob(NamedTuple):
    """A calendar to fetch, without objects of the database session."""

    calendar_id: str
    address: str
    etag: str
    first: datetime
    last: datetime


def calendars_of(session: Session, teacher: Person) -> Sequence[ExternalCalendar]:
    """Return the external calendars of the teacher, the oldest first."""
    return session.scalars(
        select(ExternalCalendar)
        .where(ExternalCalendar.teacher_id == teacher.id)
        .order_by(ExternalCalendar.created_at, ExternalCalendar.id)
    ).all()


def calendar_host(calendar: ExternalCalendar) -> str:
    """Return the host of the address, which may be shown: the rest is often a secret."""
    return urlsplit(calendar.address).hostname or ""


def misread_days(calendar: ExternalCalendar) -> list[date]:
    """Return the first days on which events were misread, those to come before those that are over."""
    return [date.fromisoformat(day) for day in calendar.misread_days.split()]


def add_calendar(session: Session, teacher: Person, address: str, *, now: datetime) -> ExternalCalendar:
    """Add an external calendar of the teacher by its address.

    Refusals: `calendar_address`, `calendar_known`, `calendar_not_https`, `calendar_too_many`.
    """
    address = normalize_address(address)
    locks.lock_people(session, teacher.id)
    existing = calendars_of(session, teacher)
    if any(calendar.address == address for calendar in existing):
        raise Refused(RefusalCode.CALENDAR_KNOWN)
    if len(existing) >= MOST:
        raise Refused(RefusalCode.CALENDAR_TOO_MANY, number=MOST)
    calendar = ExternalCalendar(teacher_id=teacher.id, address=address, created_at=now)
    session.add(calendar)
    session.flush()
    audit_log.record(session, teacher, AuditAction.BUSY_CALENDAR_ADDED, "busy_calendar", calendar.id, now=now)
    return calendar


def remove_calendar(
    session: Session, teacher: Person, calendar_id: str, *, now: datetime, zone: ZoneInfo
) -> None:
    """Remove an external calendar; the slots that it hid are offered to the waitlist. Raises `Absent`."""
    calendar = _calendar_for(session, teacher, calendar_id)
    _replace(session, calendar, [], now=now, zone=zone)
    session.delete(calendar)
    outbox.withdraw_notices(session, calendar_id, now=now)
    audit_log.record(
        session, teacher, AuditAction.BUSY_CALENDAR_REMOVED, "busy_calendar", calendar_id, now=now
    )


def request_refresh(session: Session, teacher: Person, calendar_id: str) -> None:
    """Have the next periodic job fetch the whole calendar, changed or not. Raises `Absent`."""
    calendar = _calendar_for(session, teacher, calendar_id)
    calendar.tried_at, calendar.etag = None, ""


# -- reading: no transaction is open while the remote server is asked --------------------------------


def due_calendars(session: Session, limit: int = 2, *, now: datetime) -> list[str]:
    """Return the ids of the calendars that are due to be read, the longest waiting first."""
    return list(
        session.scalars(
            select(ExternalCalendar.id)
            .join(Person, Person.id == ExternalCalendar.teacher_id)
            .where(_is_due(now=now), Person.deactivated_at.is_(None), has_role(Role.TEACHER))
            .order_by(ExternalCalendar.tried_at.nulls_first(), ExternalCalendar.id)
            .limit(limit)
        )
    )


def start_fetch(session: Session, calendar_id: str, *, now: datetime) -> FetchJob | None:
    """Mark a calendar as tried and return its job; None when it was removed or another worker has it.

    The first read of a day ignores the ETag: the days over which recurring events are expanded have moved.
    """
    calendar = session.scalar(
        select(ExternalCalendar).where(ExternalCalendar.id == calendar_id, _is_due(now=now)).with_for_update()
    )
    if calendar is None:
        return None
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    same_day = calendar.tried_at is not None and calendar.tried_at >= today
    calendar.tried_at = now
    ahead = min(session.get_one(Organisation, 1).horizon_days + MARGIN_DAYS, MOST_DAYS)
    etag = calendar.etag if same_day else ""
    return FetchJob(calendar.id, calendar.address, etag, today - DAY, today + ahead * DAY)


def store_events(
    session: Session,
    calendar_id: str,
    events: Iterable[Event],
    etag: str,
    misread: Sequence[date | None] = (),
    *,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    """Replace the known busy times by those just read, without the organisation's own appointments.

    `misread`: the day of each event that was not understood whole, None when even its day was not.
    """
    # Locked: its teacher may be removing it at this moment.
    calendar = session.get(ExternalCalendar, calendar_id, with_for_update=True)
    if calendar is None:
        return
    known = list(events)
    own = _own_uids(session, {event.uid for event in known})
    spans = _merged((event.starts, event.ends) for event in known if event.uid not in own)
    _replace(session, calendar, spans, now=now, zone=zone)
    calendar.etag = etag
    calendar.misread = len(misread)
    days = sorted({day for day in misread if day is not None}, key=lambda day: (day < now.date(), day))
    calendar.misread_days = " ".join(day.isoformat() for day in days[:MOST_MISREAD_DAYS])
    _record_success(session, calendar, now=now)


def record_unchanged(session: Session, calendar_id: str, *, now: datetime) -> None:
    """Record that the calendar was read and has not changed."""
    calendar = session.get(ExternalCalendar, calendar_id)
    if calendar is not None:
        _record_success(session, calendar, now=now)


def record_failure(session: Session, calendar_id: str, code: RefusalCode, *, now: datetime) -> None:
    """Keep the busy times read last; after a day of failures notify the teacher, once."""
    calendar = session.get(ExternalCalendar, calendar_id)
    if calendar is None:
        return
    calendar.error, calendar.etag = code, ""
    calendar.failing_since = calendar.failing_since or now
    if now - calendar.failing_since >= PATIENCE:
        teacher = session.get_one(Person, calendar.teacher_id)
        # Two failures of at least a day cannot begin on the same day, so the day identifies the failure.
        day = int(calendar.failing_since.timestamp()) // _EPOCH_DAY
        outbox.post(session, "calendar_failing", teacher, calendar.id, sequence=day, now=now)


def _replace(
    session: Session, calendar: ExternalCalendar, spans: list[Span], *, now: datetime, zone: ZoneInfo
) -> None:
    in_calendar = ExternalBusyTime.calendar_id == calendar.id
    before = {
        tuple(row)
        for row in session.execute(select(ExternalBusyTime.starts, ExternalBusyTime.ends).where(in_calendar))
    }
    if before == set(spans):
        return
    # Locked, so that bookings and cancellations of the teacher run before or after this.
    offers.lock_people_and_waitlist(session, calendar.teacher_id)
    session.execute(delete(ExternalBusyTime).where(in_calendar))
    if spans:
        rows = [{"calendar_id": calendar.id, "starts": starts, "ends": ends} for starts, ends in spans]
        session.execute(insert(ExternalBusyTime), rows)
    withdrawal.withdraw_uncovered_offers(session, teacher_id=calendar.teacher_id, now=now, zone=zone)
    freed = before - set(spans)
    if freed:
        begin, end = min(starts for starts, _ in freed), max(ends for _, ends in freed)
        offers.offer_to_waitlist(
            session, offers.FreedTime(calendar.teacher_id, None, begin, end), now=now, zone=zone
        )


def _record_success(session: Session, calendar: ExternalCalendar, *, now: datetime) -> None:
    if calendar.failing_since is not None:
        outbox.withdraw_notices(session, calendar.id, now=now)
    calendar.read_at, calendar.failing_since, calendar.error = now, None, ""


def _is_due(*, now: datetime) -> ColumnElement[bool]:
    return or_(ExternalCalendar.tried_at.is_(None), ExternalCalendar.tried_at <= now - READ_EVERY)


def _own_uids(session: Session, uids: set[str]) -> set[str]:
    """Return the uids of our own appointments, which a calendar may have from a feed or an invitation."""
    asked, own = sorted(uids), set[str]()
    for start in range(0, len(asked), _CHUNK):
        own |= set(session.scalars(select(Booking.uid).where(Booking.uid.in_(asked[start : start + _CHUNK]))))
    return own


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for starts, ends in sorted(spans):
        if merged and starts <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(ends, merged[-1][1])
        elif starts < ends:
            merged.append((starts, ends))
    return merged


def _calendar_for(session: Session, teacher: Person, calendar_id: str) -> ExternalCalendar:
    calendar = session.get(ExternalCalendar, calendar_id, with_for_update=True)
    if calendar is None or calendar.teacher_id != teacher.id:
        raise Absent
    return calendar


def normalize_address(text: str) -> str:
    """Return the address in its normal form, so that the same calendar is not added twice.

    Refusals: `calendar_address`, `calendar_not_https`.
    """
    try:
        parts = urlsplit(clean_name(text))
        port = parts.port
    except ValueError:
        raise Refused(RefusalCode.CALENDAR_ADDRESS) from None
    if parts.scheme not in _SCHEMES:
        raise Refused(
            RefusalCode.CALENDAR_NOT_HTTPS if parts.scheme == "http" else RefusalCode.CALENDAR_ADDRESS
        )
    host = _host(parts)
    if port not in (None, 443):
        host += f":{port}"
    address = parts._replace(scheme="https", netloc=host, path=parts.path or "/", fragment="").geturl()
    if len(address) > LONGEST_ADDRESS or not address.isascii() or not address.isprintable() or " " in address:
        raise Refused(RefusalCode.CALENDAR_ADDRESS)
    return address


def _host(parts: SplitResult) -> str:
    """Return the host in ASCII; refuse an address with user name and password, which would have to be stored.

    Refusals: `calendar_address`.
    """
    host = parts.hostname
    if not host or "@" in parts.netloc:
        raise Refused(RefusalCode.CALENDAR_ADDRESS)
    if ":" in host:
        return f"[{host}]"
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise Refused(RefusalCode.CALENDAR_ADDRESS) from None
