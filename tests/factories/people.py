from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypedDict, Unpack

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.models import Level, Organisation, Person, PersonRole

# A function such as `samira`: returns the person, creating the person on the first call.
Who = Callable[[Session], Person]
# A Monday, 9 h 00 in Belgium, winter time.
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LEVELS = {"N1": ("Niveau 1", "A1.1 → A1"), "N2": ("Niveau 2", "A1 → A2"), "N3": ("Niveau 3", "A2 → B1")}


def organisation(session: Session) -> Organisation:
    """Return the organisation, creating it with its three levels when there is none.

    Without quiet hours: what is asked and answered by the clock must not depend on when the tests run.
    """
    service = session.get(Organisation, 1)
    if service is None:
        service = Organisation(
            id=1,
            name="Passerelle Charleroi",
            address="Rue du Pont 1, 6000 Charleroi",
            video_base="https://video.example.be",
        )
        service.quiet_from = service.quiet_until = 0
        session.add(service)
        for position, code in enumerate(LEVELS, start=1):
            name, cefr = LEVELS[code]
            session.add(Level(code=code, name=name, cefr=cefr, position=position))
        session.flush()
    session.info["organisation"] = service  # a session forgets at once what nobody holds, and asks again
    return service


def level(session: Session, code: str = "N1") -> Level:
    organisation(session)
    return session.scalars(select(Level).where(Level.code == code)).one()


def person(
    session: Session,
    name: str,
    *roles: str,
    login_email: str | None = None,
    email: str | None = None,
    language: str = "fr",
    level_code: str | None = None,
    now: datetime = NOW,
) -> Person:
    made = Person(
        name=name,
        language=language,
        login_email=login_email,
        email=email,
        level_id=level(session, level_code).id if level_code else None,
        created_at=now,
        role_rows=[PersonRole(role=role) for role in roles],
    )
    session.add(made)
    session.flush()
    return made


def learner(
    session: Session, name: str, level_code: str = "N1", *, language: str = "fr", email: str | None = None
) -> Person:
    return person(session, name, "learner", level_code=level_code, language=language, email=email)


class _Facts(TypedDict, total=False):
    login_email: str
    email: str
    language: str
    level_code: str


def _cast(session: Session, name: str, role: str, **facts: Unpack[_Facts]) -> Person:
    """Return the person of this name, creating the person on the first call."""
    found = session.scalars(select(Person).where(Person.name == name)).first()
    return found or person(session, name, role, **facts)


def samira(session: Session, language: str = "fr") -> Person:
    """Return the learner Samira, with pages in French; a test about languages passes "ar"."""
    return _cast(
        session, "Samira", "learner", level_code="N1", language=language, email="samira@learners.example.be"
    )


def oksana(session: Session) -> Person:
    return _cast(session, "Oksana Bondar", "learner", level_code="N2")


def nadia(session: Session) -> Person:
    organisation(session)
    return _cast(session, "Nadia Dubois", "teacher", login_email="nadia@service.example.be")


def luc(session: Session) -> Person:
    organisation(session)
    return _cast(session, "Luc Lambert", "teacher", login_email="luc@service.example.be")


def claire(session: Session) -> Person:
    organisation(session)
    return _cast(session, "Claire Renard", "coordinator", login_email="claire@service.example.be")


def farid(session: Session) -> Person:
    organisation(session)
    return _cast(session, "Farid Amrani", "social_worker", login_email="farid@service.example.be")
