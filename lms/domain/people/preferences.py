"""What a person decides for herself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.people import logins
from lms.models import LoginSession, Person
from lms.models.people import LoginKind


@dataclass(frozen=True)
class Preferences:
    language: str
    text_size: str = "normal"
    shared: bool = False
    email: str | None = None
    phone: str | None = None
    reach: str | None = None  # how messages find her; None: as it was


def update_preferences(
    session: Session, person: Person, entry_id: str, wishes: Preferences, *, now: datetime
) -> None:
    """Language, letters, phone: hers to say. Whether the phone is shared changes the entry in hand."""
    fields = ["language", "text_size"]
    if person.is_learner and not person.is_staff:
        fields += ["email", "phone"] + (["reach"] if wishes.reach else [])
        _share(session, person, entry_id, wishes.shared, now=now)
    changed = [name for name in fields if getattr(person, name) != getattr(wishes, name)]
    for name in changed:
        setattr(person, name, getattr(wishes, name))
    if changed:
        audit_log.record(
            session, person, "person_changed", "person", person.id, detail=",".join(changed), now=now
        )


def withdraw_video_consent(session: Session, person: Person, *, now: datetime) -> None:
    """No frame of YouTube opens for her until she agrees again."""
    if person.video_consent_at is None:
        return
    person.video_consent_at = None
    audit_log.record(session, person, "video_consent_withdrawn", "person", person.id, now=now)


def log_out_everywhere(session: Session, person: Person, *, now: datetime) -> None:
    """End all logins of the person on all devices."""
    logins.end_all_logins(session, person.id, now=now)
    audit_log.record(session, person, "sessions_ended", "person", person.id, now=now)


def _share(session: Session, person: Person, entry_id: str, shared: bool, *, now: datetime) -> None:
    entry = session.get(LoginSession, entry_id)
    if entry is None or entry.person_id != person.id or entry.kind == "staff":
        return
    person.shared_phone = shared
    kind: LoginKind = "shared" if shared else "own"
    if entry.kind != kind:
        entry.kind = kind
        entry.expires_at = now + logins.LASTS[kind]
