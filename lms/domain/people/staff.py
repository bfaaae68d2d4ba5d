"""The team: invited by the coordinator, entering with e-mail and password."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, contains_eager

from lms.domain import audit_log, outbox
from lms.domain.errors import Refused
from lms.domain.people import logins
from lms.domain.people.directory import fold_name, has_role
from lms.domain.people.logins import digest
from lms.models import Organisation, PasswordLink, Person, PersonRole

STAFF_ROLES = ("teacher", "coordinator", "social_worker")
RESET_LASTS = timedelta(hours=1)
INVITATION_LASTS = timedelta(days=3)
LINKS_KEPT = timedelta(days=30)
SHORTEST = 8
_COMMON = frozenset(Path(__file__).with_name("common_passwords.txt").read_text().split())


def new_token() -> str:
    """Return a random token for a password link."""
    return secrets.token_urlsafe(24)


def staff_by_email(session: Session, email: str) -> Person | None:
    """The member of staff who logs in with this address and may."""
    return session.scalars(
        select(Person).where(Person.login_email == email.strip().lower(), Person.deactivated_at.is_(None))
    ).one_or_none()


def check_password(password: str, *about: str | None) -> None:
    """Refuse a password that is short, common, or made of the person's own name or address.

    Refusals: `password_common`, `password_short`.
    """
    if len(password) < SHORTEST:
        raise Refused("password_short")
    whole = fold_name(password)
    base = re.sub(r"[\W\d_]+\Z", "", whole)
    own = {part for text in about if text for part in re.split(r"[\W_]+", fold_name(text)) if len(part) > 2}
    if whole in _COMMON or base in _COMMON or base in own or len(set(whole)) < 4:
        raise Refused("password_common")


def log_in_staff(
    session: Session, person_id: str, password_hash: str, *, device: str, old_token: str | None, now: datetime
) -> str | None:
    """The token of a new entry; None when the password changed or the person left meanwhile."""
    person = session.get(Person, person_id)
    if person is None or not person.is_active or person.password_hash != password_hash:
        return None
    if old_token:
        logins.end_login_by_token(session, old_token, now=now)
    return logins.open_login(session, person, "staff", device=device, now=now)


def invite_colleague(
    session: Session,
    actor: Person | None,
    name: str,
    email: str,
    roles: Collection[str],
    token: str,
    *,
    lasts: timedelta = INVITATION_LASTS,
    now: datetime,
) -> Person:
    """A new colleague, and the link with which she chooses her password.

    Refusals: `email_taken`, `person_deactivated`, `role_missing`.
    """
    _check_email_free(session, email, None)
    person = Person(
        name=name,
        login_email=email.lower(),
        made_at=now,
        role_rows=[PersonRole(role=role) for role in sorted(_check_known(roles))],
    )
    session.add(person)
    session.flush()
    audit_log.record(
        session, actor, "person_made", "person", person.id, detail=",".join(sorted(person.roles)), now=now
    )
    send_link(session, person, token, lasts=lasts, now=now)
    return person


def send_link(
    session: Session, person: Person, token: str, *, lasts: timedelta = RESET_LASTS, now: datetime
) -> PasswordLink:
    """Post a link that is used once. An earlier one dies.

    Refusals: `person_deactivated`.
    """
    if not person.is_active or not person.is_staff:
        raise Refused("person_deactivated")
    for old in session.scalars(
        select(PasswordLink).where(PasswordLink.person_id == person.id, PasswordLink.used_at.is_(None))
    ):
        outbox.void_items(session, old.id, now=now)
        session.delete(old)
    link = PasswordLink(person_id=person.id, token_hash=digest(token), made_at=now, expires_at=now + lasts)
    session.add(link)
    session.flush()
    outbox.post(session, "password_link", person, link.id, secret=token, expires_at=link.expires_at, now=now)
    return link


def request_reset(session: Session, email: str, token: str, *, now: datetime) -> None:
    """Somebody forgot a password. Who is nobody here gets nothing, and is not told.

    Refusals: `person_deactivated`.
    """
    session.execute(delete(PasswordLink).where(PasswordLink.expires_at < now - LINKS_KEPT))
    person = staff_by_email(session, email)
    if person is not None and person.is_staff:
        send_link(session, person, token, now=now)
    else:
        # A write as well: the time of the answer must not tell who is known.
        session.execute(update(Organisation).values(lead_hours=Organisation.lead_hours))


def find_active_link(session: Session, token: str, *, now: datetime) -> PasswordLink | None:
    """Looked at, not spent."""
    return session.scalars(
        select(PasswordLink)
        .join(PasswordLink.person)
        .where(
            PasswordLink.token_hash == digest(token),
            PasswordLink.used_at.is_(None),
            PasswordLink.expires_at > now,
            Person.deactivated_at.is_(None),
        )
        .options(contains_eager(PasswordLink.person))
    ).one_or_none()


def choose_password(session: Session, token: str, password_hash: str, *, now: datetime) -> Person:
    """Spend the link: a new password, and every entry with the old one ends.

    Refusals: `link_dead`.
    """
    link = find_active_link(session, token, now=now)
    # Guarded: of two who press at once, one spends it.
    spent = (
        link is not None
        and session.execute(
            update(PasswordLink)
            .where(PasswordLink.id == link.id, PasswordLink.used_at.is_(None))
            .values(used_at=now)
            .returning(PasswordLink.id)
        ).scalar_one_or_none()
    )
    if link is None or not spent:
        raise Refused("link_dead")
    _set_password(session, link.person, password_hash, now=now)
    return link.person


def change_password(session: Session, person: Person, password_hash: str, *, now: datetime) -> None:
    """Set the person's new password and record it."""
    _set_password(session, person, password_hash, now=now)


def update_colleague(
    session: Session,
    actor: Person,
    person: Person,
    name: str,
    email: str,
    roles: Collection[str],
    *,
    now: datetime,
) -> bool:
    """Take over new facts. True when her roles changed, and with that all her entries ended.

    Refusals: `email_taken`, `last_coordinator`, `role_missing`.
    """
    _check_email_free(session, email, person)
    changed = [
        field
        for field, value in (("name", name), ("login_email", email.lower()))
        if getattr(person, field) != value
    ]
    person.name, person.login_email = name, email.lower()
    if changed:
        audit_log.record(
            session, actor, "person_changed", "person", person.id, detail=",".join(changed), now=now
        )
    wanted = _check_known(roles)
    if wanted == person.roles:
        return False
    if "coordinator" in person.roles - wanted:
        _check_not_last_coordinator(session, person)
    for row in [row for row in person.role_rows if row.role not in wanted]:
        person.role_rows.remove(row)
    for role in sorted(wanted - person.roles):
        person.role_rows.append(PersonRole(role=role))
    logins.end_all_logins(session, person.id, now=now)
    audit_log.record(
        session, actor, "roles_changed", "person", person.id, detail=",".join(sorted(wanted)), now=now
    )
    return True


def deactivate(session: Session, actor: Person, person: Person, *, now: datetime) -> None:
    """She no longer comes: nothing is lost, and nothing opens to her any more.

    Refusals: `last_coordinator`, `not_yourself`.
    """
    if person.id == actor.id:
        raise Refused("not_yourself")
    if not person.is_active:
        return
    if "coordinator" in person.roles:
        _check_not_last_coordinator(session, person)
    person.deactivated_at = now
    logins.end_all_logins(session, person.id, now=now)
    for link in session.scalars(
        select(PasswordLink).where(PasswordLink.person_id == person.id, PasswordLink.used_at.is_(None))
    ):
        outbox.void_items(session, link.id, now=now)
        session.delete(link)
    audit_log.record(session, actor, "person_deactivated", "person", person.id, now=now)


def reactivate(session: Session, actor: Person, person: Person, *, now: datetime) -> None:
    """Let a deactivated person in again."""
    if person.is_active:
        return
    person.deactivated_at = None
    audit_log.record(session, actor, "person_reactivated", "person", person.id, now=now)


def _set_password(session: Session, person: Person, password_hash: str, *, now: datetime) -> None:
    person.password_hash = password_hash
    logins.end_all_logins(session, person.id, now=now)
    audit_log.record(session, person, "password_changed", "person", person.id, now=now)


def _check_known(roles: Collection[str]) -> frozenset[str]:
    kept = frozenset(roles) & frozenset(STAFF_ROLES)
    if not kept:
        raise Refused("role_missing")
    return kept


def _check_email_free(session: Session, email: str, person: Person | None) -> None:
    other = session.scalars(select(Person).where(Person.login_email == email.lower())).one_or_none()
    if other is not None and (person is None or other.id != person.id):
        raise Refused("email_taken")


def _check_not_last_coordinator(session: Session, person: Person) -> None:
    """A service without a coordinator could never be opened again."""
    others = session.scalars(
        select(Person)
        .where(has_role("coordinator"), Person.deactivated_at.is_(None))
        .order_by(Person.id)
        # Two coordinators who remove each other at once go one after the other.
        .with_for_update(of=Person)
    ).all()
    if not [other for other in others if other.id != person.id]:
        raise Refused("last_coordinator")
