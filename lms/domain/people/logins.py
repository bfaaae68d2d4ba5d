"""Login sessions on devices. The cookie holds a token, the database its hash; ending the row logs out."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import String, bindparam, delete, func, select, true, update
from sqlalchemy.orm import Session, lazyload
from sqlalchemy.orm.attributes import set_committed_value

from lms.domain import audit_log
from lms.domain.errors import Absent
from lms.models import (
    AccessCard,
    AuditAction,
    KnownDevice,
    LoginKind,
    LoginSession,
    Organisation,
    Person,
    PersonRole,
)

# How long a login lasts. On a shared phone it counts from the last use.
LASTS: dict[LoginKind, timedelta] = {
    LoginKind.OWN: timedelta(days=180),
    LoginKind.SHARED: timedelta(minutes=30),
    LoginKind.STAFF: timedelta(hours=12),
}
# How long the cookie is kept. On a shared phone it outlives the half hour, which the server counts.
COOKIE_LASTS: dict[LoginKind, timedelta] = {**LASTS, LoginKind.SHARED: timedelta(hours=12)}
# A learner without a page view for as long stands on the start pages of the team.
SILENCE = timedelta(days=14)
# The last page view or, of somebody who never came, when the person was added.
LAST_SIGN = func.coalesce(Person.seen_at, Person.created_at)
# How old `seen_at` may become before a page view is written.
_TOUCH_AFTER: dict[LoginKind, timedelta] = {
    LoginKind.OWN: timedelta(hours=1),
    LoginKind.SHARED: timedelta(minutes=2),
    LoginKind.STAFF: timedelta(minutes=10),
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
    known_device: KnownDevice | None = None,
    device: str = "",
    old_token: str | None = None,
    now: datetime,
) -> str:
    """Open a login session and return its token of 256 bits, which only the cookie keeps.

    `old_token`: of the login that was open on this device; it ends.
    """
    if old_token:
        _end_login_by_token(session, old_token, now=now)
    token = secrets.token_urlsafe(32)
    person.seen_at = now
    session.add(
        LoginSession(
            person_id=person.id,
            card_id=card.id if card else None,
            known_device_id=known_device.id if known_device else None,
            token_hash=digest(token),
            kind=kind,
            device=device[:80],
            created_at=now,
            seen_at=now,
            expires_at=now + LASTS[kind],
        )
    )
    return token


# Built once, because every request runs it: a row for each role of the person.
_BY_TOKEN = (
    select(LoginSession, Person, PersonRole, Organisation)
    .join(Person, Person.id == LoginSession.person_id)
    .outerjoin(PersonRole, PersonRole.person_id == Person.id)
    .outerjoin(Organisation, true())
    .where(LoginSession.token_hash == bindparam("token_hash", type_=String))
    .options(lazyload(Person.role_rows))
)


def find_active(session: Session, token: str, *, now: datetime) -> LoginSession | None:
    """Return the login session with this token, its person and the person's roles loaded.

    None when there is none, when it has ended or expired, or when the person is deactivated.
    """
    found = find_active_with_organisation(session, token, now=now)
    return None if found is None else found[0]


def find_active_with_organisation(
    session: Session, token: str, *, now: datetime
) -> tuple[LoginSession, Organisation | None] | None:
    """Return what `find_active` does and the organisation, which every page shows, in one statement.

    The organisation is None before `flask init`.
    """
    rows = session.execute(_BY_TOKEN, {"token_hash": digest(token)}).all()
    if not rows:
        return None
    login, person, _role, organisation = rows[0]
    if login.ended_at is not None or login.expires_at <= now or not person.is_active:
        return None
    set_committed_value(login, "person", person)
    roles: list[PersonRole | None] = [row[2] for row in rows]
    set_committed_value(person, "role_rows", [role for role in roles if role is not None])
    return login, organisation


def kind_of(session: Session, token: str) -> LoginKind | None:
    """Return the kind of the login session with this token, also of one that has ended; None without one."""
    return session.scalar(select(LoginSession.kind).where(LoginSession.token_hash == digest(token)))


def needs_touch(login: LoginSession, *, now: datetime) -> bool:
    """Return whether the last use was recorded long enough ago for a new write."""
    return now - login.seen_at >= _TOUCH_AFTER[login.kind]


def record_use(session: Session, login_id: str, *, now: datetime) -> None:
    """Record that the device was used; on a shared phone this also postpones the expiry."""
    login = session.get(LoginSession, login_id)
    if login is None or login.ended_at is not None:
        return
    login.seen_at = now
    session.execute(update(Person).where(Person.id == login.person_id).values(seen_at=now))
    if login.kind == LoginKind.SHARED:
        login.expires_at = now + LASTS[LoginKind.SHARED]


def end_login(session: Session, person: Person, login_id: str, *, now: datetime) -> None:
    """End one of the person's own login sessions: its device asks for the PIN again.

    Raises `Absent` for a login of somebody else.
    """
    login = session.get(LoginSession, login_id)
    if login is None or login.person_id != person.id:
        raise Absent
    forget_device(session, login)
    if login.ended_at is None:
        login.ended_at = now
        audit_log.record(session, person, AuditAction.SESSION_ENDED, "person", person.id, now=now)


def log_out(session: Session, token: str, *, now: datetime) -> None:
    """End the login session with this token: its device asks for the PIN again."""
    login = session.scalar(select(LoginSession).where(LoginSession.token_hash == digest(token)))
    if login is not None:
        forget_device(session, login)
    _end_login_by_token(session, token, now=now)


def _end_login_by_token(session: Session, token: str, *, now: datetime) -> None:
    session.execute(
        update(LoginSession)
        .where(LoginSession.token_hash == digest(token), LoginSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def end_all_logins(session: Session, person_id: str, *, but: str | None = None, now: datetime) -> None:
    """End every login session of a person, except the one with the id `but` when it is given.

    Each device asks for the PIN again.
    """
    of_person = select(AccessCard.id).where(AccessCard.person_id == person_id)
    known = delete(KnownDevice).where(KnownDevice.card_id.in_(of_person))
    active = update(LoginSession).where(LoginSession.person_id == person_id, LoginSession.ended_at.is_(None))
    if but is not None:
        kept = select(LoginSession.known_device_id).where(LoginSession.id == but)
        known = known.where(KnownDevice.id.not_in(kept.where(LoginSession.known_device_id.is_not(None))))
        active = active.where(LoginSession.id != but)
    session.execute(known)
    session.execute(active.values(ended_at=now))


def forget_device(session: Session, login: LoginSession) -> None:
    """Make the device of this login ask for the PIN again."""
    if login.known_device_id is not None:
        session.execute(delete(KnownDevice).where(KnownDevice.id == login.known_device_id))


def active_logins(session: Session, person: Person, *, now: datetime) -> Sequence[LoginSession]:
    """Return the person's open login sessions, the most recently used first."""
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
    """Delete the login sessions that ended or expired more than 30 days ago."""
    session.execute(delete(LoginSession).where(LoginSession.expires_at < now - timedelta(days=30)))
    session.execute(delete(LoginSession).where(LoginSession.ended_at < now - timedelta(days=30)))
