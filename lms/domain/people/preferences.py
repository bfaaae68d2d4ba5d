"""Preferences that a person sets on the page *Moi*: language, text size, shared phone, channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.people import logins
from lms.models import AuditAction, LoginKind, LoginSession, Person

_OF_TEACHERS = ("letter_keys", "delf_points", "weekly_digest")


@dataclass(frozen=True)
class Preferences:
    """Preferences as the person enters them."""

    language: str
    text_size: str = "normal"
    shared: bool = False
    email: str | None = None
    phone: str | None = None
    reach: str | None = None  # the preferred channel; None leaves it unchanged
    # Of a teacher; None leaves them unchanged.
    letter_keys: bool | None = None
    delf_points: bool | None = None
    weekly_digest: bool | None = None


def update_preferences(
    session: Session, person: Person, login_id: str, preferences: Preferences, *, now: datetime
) -> None:
    """Store the person's preferences.

    Members of the team choose language and text size only, teachers their switches too. `shared`
    changes the kind of the current login.
    """
    fields = ["language", "text_size"]
    if person.is_learner and not person.is_staff:
        fields += ["email", "phone"] + (["reach"] if preferences.reach else [])
        _set_shared(session, person, login_id, preferences.shared, now=now)
    if person.is_teacher:
        fields += [name for name in _OF_TEACHERS if getattr(preferences, name) is not None]
    changed = [name for name in fields if getattr(person, name) != getattr(preferences, name)]
    for name in changed:
        setattr(person, name, getattr(preferences, name))
    if changed:
        audit_log.record(
            session,
            person,
            AuditAction.PERSON_CHANGED,
            "person",
            person.id,
            detail=",".join(changed),
            now=now,
        )


def withdraw_video_consent(session: Session, person: Person, *, now: datetime) -> None:
    """Withdraw the consent to YouTube: no player opens for the person until the person agrees again."""
    if person.video_consent_at is None:
        return
    person.video_consent_at = None
    audit_log.record(session, person, AuditAction.VIDEO_CONSENT_WITHDRAWN, "person", person.id, now=now)


def log_out_everywhere(session: Session, person: Person, *, now: datetime) -> None:
    """End all logins of the person on all devices."""
    logins.end_all_logins(session, person.id, now=now)
    audit_log.record(session, person, AuditAction.SESSIONS_ENDED, "person", person.id, now=now)


def _set_shared(session: Session, person: Person, login_id: str, shared: bool, *, now: datetime) -> None:
    login = session.get(LoginSession, login_id)
    if login is None or login.person_id != person.id or login.kind == LoginKind.STAFF:
        return
    person.shared_phone = shared
    kind = LoginKind.SHARED if shared else LoginKind.OWN
    if shared:
        logins.forget_device(session, login)
    if login.kind != kind:
        login.kind = kind
        login.expires_at = now + logins.LASTS[kind]
