"""Entries on devices: tokens live in the cookie, their hashes here, and an end here is an end."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import String, bindparam, delete, select, update
from sqlalchemy.orm import Session, joinedload

from lms.domain import audit_log
from lms.domain.errors import Absent
from lms.models import AccessCard, LoginSession, Person
from lms.models.people import LoginKind

# How long an entry lasts. Only the shared phone counts from the last time it was used.
LASTS: dict[LoginKind, timedelta] = {
    "own": timedelta(days=180),
    "shared": timedelta(minutes=30),
    "staff": timedelta(hours=12),
}
# How long the cookie is kept. A shared phone's outlives the half hour, which is counted on the server.
COOKIE_LASTS: dict[LoginKind, timedelta] = {**LASTS, "shared": timedelta(hours=12)}
# How stale `seen_at` may grow before a page is worth a write.
_TOUCH_AFTER: dict[LoginKind, timedelta] = {
    "own": timedelta(hours=1),
    "shared": timedelta(minutes=2),
    "staff": timedelta(minutes=10),
}


def digest(token: str) -> str:
    """Return the hash under which a token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_login(
    session: Session,
    person: Person,
    kind: LoginKind,
    *,
    card: AccessCard | None = None,
    device: str = "",
    now: datetime,
) -> str:
    """Begin a new entry and return its token of 256 bits; the cookie is the only place that keeps it."""
    token = secrets.token_urlsafe(32)
    session.add(
        LoginSession(
            person_id=person.id,
            card_id=card.id if card else None,
            token_hash=digest(token),
            kind=kind,
            device=device[:80],
            made_at=now,
            seen_at=now,
            expires_at=now + LASTS[kind],
        )
    )
    return token


# Every page asks this: built once.
_BEHIND = (
    select(LoginSession)
    .where(LoginSession.token_hash == bindparam("token_hash", type_=String))
    .options(joinedload(LoginSession.person).joinedload(Person.role_rows))
)


def find_active(session: Session, token: str, *, now: datetime) -> LoginSession | None:
    """The entry behind a cookie, with its person, unless it ended, expired or the person left."""
    entry = session.scalar(_BEHIND, {"token_hash": digest(token)})
    if entry is None or entry.ended_at is not None or entry.expires_at <= now:
        return None
    return entry if entry.person.is_active else None


def needs_touch(entry: LoginSession, *, now: datetime) -> bool:
    """Return whether the last use was recorded long enough ago for a new write."""
    return now - entry.seen_at >= _TOUCH_AFTER[entry.kind]  # type: ignore[index]


def record_use(session: Session, entry_id: str, *, now: datetime) -> None:
    """Note that the device was used; on a shared phone this also moves the end."""
    entry = session.get(LoginSession, entry_id)
    if entry is None or entry.ended_at is not None:
        return
    entry.seen_at = now
    if entry.kind == "shared":
        entry.expires_at = now + LASTS["shared"]


def end_login(session: Session, person: Person, entry_id: str, *, now: datetime) -> None:
    """End one of the person's own entries. Raises Absent for anybody else's."""
    entry = session.get(LoginSession, entry_id)
    if entry is None or entry.person_id != person.id:
        raise Absent
    if entry.ended_at is None:
        entry.ended_at = now
        audit_log.record(session, person, "session_ended", "person", person.id, now=now)


def end_login_by_token(session: Session, token: str, *, now: datetime) -> None:
    """End the entry behind a cookie, whoever it was: somebody else enters, or she leaves."""
    session.execute(
        update(LoginSession)
        .where(LoginSession.token_hash == digest(token), LoginSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def end_all_logins(session: Session, person_id: str, *, but: str | None = None, now: datetime) -> None:
    """End every entry of a person, perhaps but the one in hand (by its id)."""
    where = [LoginSession.person_id == person_id, LoginSession.ended_at.is_(None)]
    if but is not None:
        where.append(LoginSession.id != but)
    session.execute(update(LoginSession).where(*where).values(ended_at=now))


def active_logins(session: Session, person: Person, *, now: datetime) -> Sequence[LoginSession]:
    """The person's living entries, the one used last first."""
    return session.scalars(
        select(LoginSession)
        .where(
            LoginSession.person_id == person.id,
            LoginSession.ended_at.is_(None),
            LoginSession.expires_at > now,
        )
        .order_by(LoginSession.seen_at.desc(), LoginSession.id)
    ).all()


def delete_old_logins(session: Session, *, now: datetime) -> None:
    """Entries that ended or ran out a month ago tell nobody anything any more."""
    session.execute(delete(LoginSession).where(LoginSession.expires_at < now - timedelta(days=30)))
    session.execute(delete(LoginSession).where(LoginSession.ended_at < now - timedelta(days=30)))
