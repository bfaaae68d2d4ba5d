"""Members of the team: invite, change, deactivate; login with e-mail and password; password links."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session, contains_eager

from lms.domain import audit_log, outbox
from lms.domain.errors import Refused, refuse_duplicates
from lms.domain.people import logins
from lms.domain.people.directory import has_role
from lms.domain.people.logins import digest
from lms.domain.people.password_rules import is_guessable
from lms.domain.people.short_names import update_short_names
from lms.models import AuditAction, LoginKind, Organisation, PasswordLink, Person, PersonRole, Role
from lms.normal_forms import drop_invisible, email_key, password_forms
from lms.refusal_codes import RefusalCode

STAFF_ROLES = (Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
RESET_LASTS = timedelta(hours=1)
RESET_PAUSE = timedelta(minutes=5)
INVITATION_LASTS = timedelta(days=3)
LINKS_KEPT = timedelta(days=30)
SHORTEST = 8


def new_token() -> str:
    """Return a random token for a password link."""
    return secrets.token_urlsafe(24)


def staff_by_email(session: Session, email: str) -> Person | None:
    """Return the active member of the team who logs in with this address; None when there is none."""
    return session.scalars(
        select(Person).where(Person.login_email == email_key(email), Person.deactivated_at.is_(None))
    ).one_or_none()


def check_password(password: str, *about: str | None) -> None:
    """Check that a password is not short and not guessable (`password_rules`).

    `about`: the name and address of the person, and the name of the organisation.

    Refusals: `password_common`, `password_short`.
    """
    if len(drop_invisible(password_forms(password)[0])) < SHORTEST:
        raise Refused(RefusalCode.PASSWORD_SHORT)
    if is_guessable(password, *about):
        raise Refused(RefusalCode.PASSWORD_COMMON)


def log_in_staff(
    session: Session, person_id: str, password_hash: str, *, device: str, old_token: str | None, now: datetime
) -> str | None:
    """Open a login session after the password was checked, and return its token.

    None when the password was changed or the person deactivated in the meantime.
    """
    person = session.get(Person, person_id)
    if person is None or not person.is_active or person.password_hash != password_hash:
        return None
    return logins.open_login(session, person, LoginKind.STAFF, device=device, old_token=old_token, now=now)


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
    """Add a member of the team and send the link with which the person chooses a password.

    Refusals: `email_taken`, `person_deactivated`, `role_missing`.
    """
    _check_email_free(session, email, None)
    person = Person(
        name=name,
        login_email=email_key(email),
        created_at=now,
        role_rows=[PersonRole(role=role) for role in sorted(_check_known(roles))],
    )
    with update_short_names(session), refuse_duplicates(session, Refused(RefusalCode.EMAIL_TAKEN)):
        session.add(person)
    audit_log.record(
        session,
        actor,
        AuditAction.PERSON_MADE,
        "person",
        person.id,
        detail=",".join(sorted(person.roles)),
        now=now,
    )
    send_link(session, person, token, lasts=lasts, now=now)
    return person


def send_link(
    session: Session, person: Person, token: str, *, lasts: timedelta = RESET_LASTS, now: datetime
) -> PasswordLink:
    """Send a password link that works once; delete an earlier unused one.

    Refusals: `person_deactivated`.
    """
    if not person.is_active or not person.is_staff:
        raise Refused(RefusalCode.PERSON_DEACTIVATED)
    for old in session.scalars(
        select(PasswordLink).where(PasswordLink.person_id == person.id, PasswordLink.used_at.is_(None))
    ):
        outbox.void_items(session, old.id, now=now)
        session.delete(old)
    link = PasswordLink(person_id=person.id, token_hash=digest(token), created_at=now, expires_at=now + lasts)
    session.add(link)
    session.flush()
    until = link.expires_at
    outbox.post(
        session, "password_link", person, link.id, secret=token, expires_at=until, shown_until=until, now=now
    )
    return link


def request_reset(session: Session, email: str, token: str, *, now: datetime) -> None:
    """Send a password link to the member of the team with this address.

    For an unknown address nothing is sent, and the answer does not say so. A link of the last five minutes
    stays: a mail that is slow to arrive must not bring a dead link.

    Refusals: `person_deactivated`.
    """
    session.execute(delete(PasswordLink).where(PasswordLink.expires_at < now - LINKS_KEPT))
    person = staff_by_email(session, email)
    if person is not None and person.is_staff and not _has_fresh_link(session, person, now=now):
        send_link(session, person, token, now=now)
    else:
        # Also writes: the time of the answer must not tell which addresses are known.
        session.execute(update(Organisation).values(lead_hours=Organisation.lead_hours))


def _has_fresh_link(session: Session, person: Person, *, now: datetime) -> bool:
    return bool(
        session.scalar(
            select(
                exists().where(
                    PasswordLink.person_id == person.id,
                    PasswordLink.used_at.is_(None),
                    PasswordLink.created_at > now - RESET_PAUSE,
                )
            )
        )
    )


def find_active_link(session: Session, token: str, *, now: datetime) -> PasswordLink | None:
    """Return the password link with this token without using it.

    None when it is unknown, used or expired, or when the person is deactivated.
    """
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
    """Use a password link: set the new password and end all logins. Returns the person.

    Refusals: `link_dead`.
    """
    link = find_active_link(session, token, now=now)
    # A conditional update: of two requests at the same time one uses the link.
    used = (
        link is not None
        and session.execute(
            update(PasswordLink)
            .where(PasswordLink.id == link.id, PasswordLink.used_at.is_(None))
            .values(used_at=now)
            .returning(PasswordLink.id)
        ).scalar_one_or_none()
    )
    if link is None or not used:
        raise Refused(RefusalCode.LINK_DEAD)
    outbox.withdraw_notices(session, link.id, now=now)
    _set_password(session, link.person, password_hash, now=now)
    return link.person


def change_password(session: Session, person: Person, password_hash: str, *, now: datetime) -> None:
    """Set the person's new password, end all logins, and record the change."""
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
    """Change name, address and roles of a member of the team.

    Returns True when the roles changed; that ends all logins of the person.

    Refusals: `email_taken`, `last_coordinator`, `role_missing`.
    """
    _check_email_free(session, email, person)
    changed = [
        field
        for field, value in (("name", name), ("login_email", email_key(email)))
        if getattr(person, field) != value
    ]
    with update_short_names(session), refuse_duplicates(session, Refused(RefusalCode.EMAIL_TAKEN)):
        person.name, person.login_email = name, email_key(email)
    if changed:
        audit_log.record(
            session, actor, AuditAction.PERSON_CHANGED, "person", person.id, detail=",".join(changed), now=now
        )
    wanted = _check_known(roles)
    if wanted == person.roles:
        return False
    if Role.COORDINATOR in person.roles - wanted:
        _check_not_last_coordinator(session, person)
    for row in [row for row in person.role_rows if row.role not in wanted]:
        person.role_rows.remove(row)
    for role in sorted(wanted - person.roles):
        person.role_rows.append(PersonRole(role=role))
    logins.end_all_logins(session, person.id, now=now)
    audit_log.record(
        session,
        actor,
        AuditAction.ROLES_CHANGED,
        "person",
        person.id,
        detail=",".join(sorted(wanted)),
        now=now,
    )
    return True


def deactivate(session: Session, actor: Person, person: Person, *, now: datetime) -> None:
    """Deactivate a person: keep all data, end all logins, delete unused password links.

    Refusals: `last_coordinator`, `not_yourself`.
    """
    if person.id == actor.id:
        raise Refused(RefusalCode.NOT_YOURSELF)
    if not person.is_active:
        return
    if Role.COORDINATOR in person.roles:
        _check_not_last_coordinator(session, person)
    person.deactivated_at = now
    logins.end_all_logins(session, person.id, now=now)
    for link in session.scalars(
        select(PasswordLink).where(PasswordLink.person_id == person.id, PasswordLink.used_at.is_(None))
    ):
        outbox.void_items(session, link.id, now=now)
        session.delete(link)
    audit_log.record(session, actor, AuditAction.PERSON_DEACTIVATED, "person", person.id, now=now)


def reactivate(session: Session, actor: Person, person: Person, *, now: datetime) -> None:
    """Allow a deactivated person to log in again."""
    if person.is_active:
        return
    person.deactivated_at = None
    audit_log.record(session, actor, AuditAction.PERSON_REACTIVATED, "person", person.id, now=now)


def _set_password(session: Session, person: Person, password_hash: str, *, now: datetime) -> None:
    person.password_hash = password_hash
    logins.end_all_logins(session, person.id, now=now)
    audit_log.record(session, person, AuditAction.PASSWORD_CHANGED, "person", person.id, now=now)


def _check_known(roles: Collection[str]) -> frozenset[Role]:
    known = frozenset(role for role in STAFF_ROLES if role in roles)
    if not known:
        raise Refused(RefusalCode.ROLE_MISSING)
    return known


def _check_email_free(session: Session, email: str, person: Person | None) -> None:
    other = session.scalars(select(Person).where(Person.login_email == email_key(email))).one_or_none()
    if other is not None and (person is None or other.id != person.id):
        raise Refused(RefusalCode.EMAIL_TAKEN)


def _check_not_last_coordinator(session: Session, person: Person) -> None:
    """Refuse to remove the last coordinator: nobody could appoint another one."""
    others = session.scalars(
        select(Person)
        .where(has_role(Role.COORDINATOR), Person.deactivated_at.is_(None))
        .order_by(Person.id)
        # Locked, so that two coordinators who remove each other at once go one after the other.
        .with_for_update(of=Person)
    ).all()
    if not [other for other in others if other.id != person.id]:
        raise Refused(RefusalCode.LAST_COORDINATOR)
