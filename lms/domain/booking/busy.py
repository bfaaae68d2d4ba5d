"""Calendars that a teacher keeps elsewhere: what they hold hides her hours and never touches a booking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import ColumnElement, delete, exists, insert, or_, select
from sqlalchemy.orm import Session

from lms.domain import journal, outbox
from lms.domain.booking import claims
from lms.domain.booking.finders import with_people
from lms.domain.errors import Absent, Refused
from lms.domain.slots import cells
from lms.models import Booking, BusyCalendar, BusySpan, Person

MOST = 3  # calendars of one teacher
READ_EVERY = timedelta(minutes=30)
# A calendar that fails for a shorter time than this is nobody's trouble: what was read last still holds.
PATIENCE = timedelta(days=1)
LONGEST_ADDRESS = 1000
_EPOCH_DAY = 86_400
_CHUNK = 500
_SCHEMES = {"https": "https", "webcal": "https", "webcals": "https"}


class Event(NamedTuple):
    """What a calendar says of one event: whose it is, and when. Its title stays where it is."""

    uid: str
    starts: datetime
    ends: datetime


class Errand(NamedTuple):
    """A calendar to be read, with nothing of the database in it."""

    calendar_id: str
    address: str
    etag: str


def held(session: Session, begin: datetime, end: datetime, teacher_id: str | None = None) -> set[claims.Held]:
    """Which quarter-hours of [begin, end) are busy elsewhere, and whose: like `claims.taken`."""
    where = [BusySpan.ends > begin, BusySpan.starts < end]
    if teacher_id is not None:
        where.append(BusyCalendar.teacher_id == teacher_id)
    rows = session.execute(
        select(BusyCalendar.teacher_id, BusySpan.starts, BusySpan.ends)
        .join(BusyCalendar, BusyCalendar.id == BusySpan.calendar_id)
        .where(*where)
    )
    return {
        (teacher, cell)
        for teacher, starts, ends in rows
        for cell in cells(max(starts, begin), min(ends, end))
    }


def of(session: Session, teacher: Person) -> Sequence[BusyCalendar]:
    return session.scalars(
        select(BusyCalendar)
        .where(BusyCalendar.teacher_id == teacher.id)
        .order_by(BusyCalendar.made_at, BusyCalendar.id)
    ).all()


def host_of(calendar: BusyCalendar) -> str:
    """All of the address that may be shown: the rest of it is often a secret."""
    return urlsplit(calendar.address).hostname or ""


def add(session: Session, teacher: Person, address: str, now: datetime) -> BusyCalendar:
    address = _address(address)
    claims.hold_people(session, teacher.id)
    mine = of(session, teacher)
    if any(calendar.address == address for calendar in mine):
        raise Refused("calendar_known")
    if len(mine) >= MOST:
        raise Refused("calendar_too_many", number=MOST)
    calendar = BusyCalendar(teacher_id=teacher.id, address=address, made_at=now)
    session.add(calendar)
    session.flush()
    journal.note(session, teacher, "busy_calendar_added", "busy_calendar", calendar.id, now=now)
    return calendar


def remove(session: Session, teacher: Person, calendar_id: str, now: datetime) -> None:
    """Its hours are free again at once."""
    session.delete(_calendar_for(session, teacher, calendar_id))
    journal.note(session, teacher, "busy_calendar_removed", "busy_calendar", calendar_id, now=now)


def ask_again(session: Session, teacher: Person, calendar_id: str) -> None:
    """Whole and soon: the next sweep reads it, whatever the other side said last."""
    calendar = _calendar_for(session, teacher, calendar_id)
    calendar.tried_at, calendar.etag = None, ""


def conflicts(session: Session, teacher: Person, now: datetime) -> Sequence[Booking]:
    """Her appointments ahead at hours that are busy elsewhere, those left out that somebody kept."""
    elsewhere = exists().where(
        BusySpan.calendar_id == BusyCalendar.id,
        BusyCalendar.teacher_id == Booking.teacher_id,
        BusySpan.starts < Booking.ends,
        BusySpan.ends > Booking.starts,
    )
    return session.scalars(
        with_people()
        .where(
            Booking.teacher_id == teacher.id,
            Booking.state == "booked",
            Booking.kept_at.is_(None),
            Booking.ends > now,
            elsewhere,
        )
        .order_by(Booking.starts, Booking.id)
    ).all()


# -- reading: nothing of it stays open while the other side is asked ---------------------------------


def wanting(session: Session, now: datetime, limit: int = 2) -> list[str]:
    """The calendars that were not tried for a while, the longest waiting first."""
    return list(
        session.scalars(
            select(BusyCalendar.id)
            .join(Person, Person.id == BusyCalendar.teacher_id)
            .where(_is_due(now), Person.deactivated_at.is_(None))
            .order_by(BusyCalendar.tried_at.nulls_first(), BusyCalendar.id)
            .limit(limit)
        )
    )


def begin(session: Session, calendar_id: str, now: datetime) -> Errand | None:
    """Take a calendar in hand; None when it is gone, or another worker was quicker.

    Once a day it is read whole even if it did not change: the days that its events are spread over move on.
    """
    calendar = session.scalar(
        select(BusyCalendar).where(BusyCalendar.id == calendar_id, _is_due(now)).with_for_update()
    )
    if calendar is None:
        return None
    same_day = calendar.tried_at is not None and calendar.tried_at.date() == now.date()
    calendar.tried_at = now
    return Errand(calendar.id, calendar.address, calendar.etag if same_day else "")


def take(session: Session, calendar_id: str, events: Iterable[Event], etag: str, now: datetime) -> None:
    """What was read takes the place of what was known. The school's own appointments are left out."""
    calendar = session.get(BusyCalendar, calendar_id)
    if calendar is None:
        return
    known = list(events)
    own = _own_uids(session, {event.uid for event in known})
    spans = _merged((event.starts, event.ends) for event in known if event.uid not in own)
    session.execute(delete(BusySpan).where(BusySpan.calendar_id == calendar_id))
    rows = [{"calendar_id": calendar_id, "starts": starts, "ends": ends} for starts, ends in spans]
    if rows:
        session.execute(insert(BusySpan), rows)
    calendar.etag = etag
    _read_well(calendar, now)


def unchanged(session: Session, calendar_id: str, now: datetime) -> None:
    calendar = session.get(BusyCalendar, calendar_id)
    if calendar is not None:
        _read_well(calendar, now)


def failed(session: Session, calendar_id: str, code: str, now: datetime) -> None:
    """What was read last stays. After a day of it the teacher is told, once."""
    calendar = session.get(BusyCalendar, calendar_id)
    if calendar is None:
        return
    calendar.error, calendar.etag = code, ""
    calendar.failing_since = calendar.failing_since or now
    if now - calendar.failing_since >= PATIENCE:
        teacher = session.get_one(Person, calendar.teacher_id)
        # No two troubles of a day's length begin on the same day.
        day = int(calendar.failing_since.timestamp()) // _EPOCH_DAY
        outbox.post(session, "calendar_failing", teacher, calendar.id, sequence=day, now=now)


def _read_well(calendar: BusyCalendar, now: datetime) -> None:
    calendar.read_at, calendar.failing_since, calendar.error = now, None, ""


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(BusyCalendar.tried_at.is_(None), BusyCalendar.tried_at <= now - READ_EVERY)


def _own_uids(session: Session, uids: set[str]) -> set[str]:
    """Those of our own appointments, which a calendar may have read from us or got by invitation."""
    asked, own = sorted(uids), set[str]()
    for start in range(0, len(asked), _CHUNK):
        own |= set(session.scalars(select(Booking.uid).where(Booking.uid.in_(asked[start : start + _CHUNK]))))
    return own


def _merged(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for starts, ends in sorted(spans):
        if merged and starts <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(ends, merged[-1][1])
        elif starts < ends:
            merged.append((starts, ends))
    return merged


def _calendar_for(session: Session, teacher: Person, calendar_id: str) -> BusyCalendar:
    calendar = session.get(BusyCalendar, calendar_id)
    if calendar is None or calendar.teacher_id != teacher.id:
        raise Absent
    return calendar


def _address(text: str) -> str:
    """In one spelling, so that the same calendar is not added twice."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise Refused("calendar_address") from None
    if parts.scheme not in _SCHEMES:
        raise Refused("calendar_not_https" if parts.scheme == "http" else "calendar_address")
    host = _host(parts)
    if port not in (None, 443):
        host += f":{port}"
    address = parts._replace(scheme="https", netloc=host, path=parts.path or "/", fragment="").geturl()
    if len(address) > LONGEST_ADDRESS or not address.isascii() or not address.isprintable() or " " in address:
        raise Refused("calendar_address")
    return address


def _host(parts: SplitResult) -> str:
    """A name without a name and password before it: those would have to be sent, and kept."""
    host = parts.hostname
    if not host or "@" in parts.netloc:
        raise Refused("calendar_address")
    if ":" in host:
        return f"[{host}]"
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise Refused("calendar_address") from None
