"""The organisation: creation, address and settings, levels, rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.errors import Absent, Refused, refuse_duplicates
from lms.domain.people import staff
from lms.models import AuditAction, Criterion, Level, Organisation, Person, Role, Room
from lms.normal_forms import name_key
from lms.refusal_codes import RefusalCode

# Code, name, CEFR label, description and criteria of each level; DELF points of a written criterion, by band.
LEVELS = (
    (
        "N1",
        "Niveau 1",
        "A1.1 → A1",
        "Les premiers mots.",
        ("La tâche est faite", "Les mots", "L’écriture"),
        [0, 0.5, 2, 3],
    ),
    (
        "N2",
        "Niveau 2",
        "A1 → A2",
        "La vie de tous les jours.",
        ("La tâche est faite", "Les idées se suivent", "Les mots", "La grammaire"),
        [0, 0.5, 1.5, 2.5],
    ),
    (
        "N3",
        "Niveau 3",
        "A2 → B1",
        "Raconter, expliquer, donner son avis.",
        (
            "La tâche est faite",
            "Les idées se suivent",
            "Les mots adaptés à la personne",
            "Le vocabulaire",
            "La grammaire",
        ),
        [0, 1, 3, 5],
    ),
)
SETTINGS = (
    "name",
    "address",
    "directions",
    "phone",
    "email",
    "pin_required",
    "hygiene_notice",
    "hygiene_text",
    "video_base",
    "lead_hours",
    "horizon_days",
    "weekly_cap",
    "open_cap",
    "onsite_buffer_minutes",
    "late_cancel_hours",
    "quiet_from",
    "quiet_until",
)


def create_organisation(
    session: Session, name: str, coordinator: str, email: str, token: str, *, now: datetime
) -> Person:
    """Create the organisation, three levels with their criteria, and the first coordinator.

    The coordinator gets a password link with this token. Returns the coordinator.

    Refusals: `already_founded`, `email_taken`, `person_deactivated`, `role_missing`.
    """
    if session.get(Organisation, 1) is not None:
        raise Refused(RefusalCode.ALREADY_FOUNDED)
    session.add(Organisation(id=1, name=name))
    for position, (code, label, cefr, blurb, criteria, points) in enumerate(LEVELS, start=1):
        level = Level(code=code, name=label, cefr=cefr, blurb=blurb, position=position)
        session.add(level)
        session.flush()
        for place, criterion in enumerate(criteria, start=1):
            session.add(Criterion(level_id=level.id, position=place, label=criterion, points=points))
    person = staff.invite_colleague(
        session, None, coordinator, email, (Role.COORDINATOR,), token, lasts=staff.RESET_LASTS, now=now
    )
    audit_log.record(session, None, AuditAction.SERVICE_FOUNDED, "service", "1", now=now)
    return person


def update_organisation(
    session: Session, actor: Person, values: Mapping[str, object], *, now: datetime
) -> None:
    """Change the settings that differ; the audit log names them. Other keys of `values` are ignored."""
    organisation = session.get_one(Organisation, 1)
    changed = [name for name in SETTINGS if name in values and getattr(organisation, name) != values[name]]
    for name in changed:
        setattr(organisation, name, values[name])
    if changed:
        audit_log.record(
            session, actor, AuditAction.SERVICE_CHANGED, "service", "1", detail=",".join(changed), now=now
        )


def set_door_photo(
    session: Session, actor: Person, key: str | None = None, sha256: str | None = None, *, now: datetime
) -> list[str]:
    """Set or, with None, remove the photo of the entrance; `sha256` of its bytes.

    Returns the keys of the files to delete after the commit.
    """
    organisation = session.get_one(Organisation, 1)
    old = organisation.door_photo_key
    if old == key:
        return []
    organisation.door_photo_key, organisation.door_photo_sha256 = key, sha256
    audit_log.record(
        session, actor, AuditAction.SERVICE_CHANGED, "service", "1", detail="door_photo_key", now=now
    )
    return [old] if old else []


def find_level(session: Session, level_id: str) -> Level:
    """Return the level. Raises `Absent` when there is none."""
    level = session.get(Level, level_id)
    if level is None:
        raise Absent
    return level


def update_level(
    session: Session, actor: Person, level_id: str, name: str, cefr: str, blurb: str, *, now: datetime
) -> None:
    """Change name, CEFR label and description of a level. Raises `Absent` when there is none.

    Refusals: `level_known`.
    """
    level = find_level(session, level_id)
    if (level.name, level.cefr, level.blurb) == (name, cefr, blurb):
        return
    with refuse_duplicates(session, Refused(RefusalCode.LEVEL_KNOWN)):
        level.name, level.cefr, level.blurb = name, cefr, blurb
    audit_log.record(session, actor, AuditAction.LEVEL_RENAMED, "level", level.id, detail=level.code, now=now)


def all_rooms(session: Session) -> Sequence[Room]:
    """Return all rooms by name, the open ones first."""
    return session.scalars(select(Room).order_by(Room.closed_at.is_not(None), Room.name_key)).all()


def find_room(session: Session, name: str) -> Room | None:
    """Return the room of this name, open or closed; None when there is none."""
    return session.scalars(select(Room).where(Room.name_key == name_key(name))).one_or_none()


def open_room(session: Session, name: str) -> Room:
    """Return the room of this name, open; add it when there is none."""
    room = find_room(session, name)
    if room is None:
        room = Room(name=name)
        try:
            with refuse_duplicates(session, Refused(RefusalCode.ROOM_KNOWN)):
                session.add(room)
        except Refused:  # a colleague added it in the meantime
            room = session.scalars(select(Room).where(Room.name_key == name_key(name))).one()
    room.closed_at = None
    return room


def add_room(session: Session, actor: Person, name: str, *, now: datetime) -> Room:
    """Add a room, or open a closed room of this name again.

    Refusals: `room_known`.
    """
    room = find_room(session, name)
    if room is not None and room.closed_at is None:
        raise Refused(RefusalCode.ROOM_KNOWN)
    room = open_room(session, name)
    session.flush()
    audit_log.record(session, actor, AuditAction.ROOM_OPENED, "room", room.id, now=now)
    return room


def close_room(session: Session, actor: Person, room_id: str, *, now: datetime) -> None:
    """Close a room for new appointments; existing ones stay. Raises `Absent` when there is no such room."""
    room = session.get(Room, room_id)
    if room is None:
        raise Absent
    if room.closed_at is None:
        room.closed_at = now
        audit_log.record(session, actor, AuditAction.ROOM_CLOSED, "room", room.id, now=now)
