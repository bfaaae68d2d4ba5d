"""Which people a person may see.

Teachers see every learner, a social worker the assigned learners, a coordinator everybody.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Exists, Select, exists, false, func, select
from sqlalchemy.orm import Session, joinedload

from lms.domain.errors import Absent
from lms.domain.paging import PAGE
from lms.domain.people.logins import LAST_SIGN, SILENCE
from lms.extensions import read_rows
from lms.models import AccessCard, Level, OpenedLevel, Person, PersonRole, Role
from lms.normal_forms import name_key

# The alphabetical order of people, the same on both engines.
BY_NAME = (Person.name_key, Person.id)


@dataclass(frozen=True)
class LevelCount:
    """A number of learners or attempts of one level."""

    level_id: str
    name: str
    number: int


@dataclass(frozen=True)
class LearnerRow:
    """A learner in the list of learners."""

    id: str
    name: str
    language: str
    seen_at: datetime | None
    level: str | None
    has_card: bool
    is_locked: bool


class LearnerState(StrEnum):
    """Which learners the list shows: the active ones, some of them, or the deactivated ones."""

    ACTIVE = "active"
    NO_CARD = "no_card"
    LOCKED = "locked"
    UNASSIGNED = "unassigned"  # without a social worker
    SILENT = "silent"  # not seen for long: `logins.SILENCE`
    LEFT = "left"


@dataclass(frozen=True)
class LearnerFilter:
    """Filter of the list of learners."""

    text: str = ""
    level_id: str = ""
    state: LearnerState = LearnerState.ACTIVE
    page: int = 1


def has_role(role: Role) -> Exists:
    """Return the condition that the person of the row has this role."""
    return exists().where(PersonRole.person_id == Person.id, PersonRole.role == role)


def known_learners(actor: Person) -> Select[Person]:
    """Select the learners that the person may see, deactivated ones included."""
    all_learners = select(Person).where(has_role(Role.LEARNER))
    if actor.roles & {Role.TEACHER, Role.COORDINATOR}:
        return all_learners
    if Role.SOCIAL_WORKER in actor.roles:
        return all_learners.where(Person.social_worker_id == actor.id)
    return all_learners.where(false())


def learner_for(session: Session, actor: Person, learner_id: str) -> Person:
    """Return a learner with level and social worker.

    Raises `Absent` when the actor may not see the learner.
    """
    found = session.scalars(_with_details(known_learners(actor)).where(Person.id == learner_id)).one_or_none()
    if found is None:
        raise Absent
    return found


def learners_for(session: Session, actor: Person, learner_ids: Collection[str]) -> Sequence[Person]:
    """Return these learners with their level, by name.

    Raises `Absent` when the actor may not see one of them.
    """
    wanted = known_learners(actor).where(Person.id.in_(learner_ids)).options(joinedload(Person.level))
    found = session.scalars(wanted.order_by(*BY_NAME)).all()
    if len(found) < len(set(learner_ids)):
        raise Absent
    return found


def learners_added(session: Session, actor: Person, level_id: str, *, at: datetime) -> Sequence[Person]:
    """Return the active learners of a level who were added together at this second, by name."""
    wanted = known_learners(actor).where(
        Person.level_id == level_id, Person.deactivated_at.is_(None), Person.created_at == at
    )
    return session.scalars(wanted.options(joinedload(Person.level)).order_by(*BY_NAME)).all()


def colleague_for(session: Session, actor: Person, colleague_id: str) -> Person:
    """Return a member of the team. Raises `Absent` unless the actor is a coordinator."""
    found = session.scalars(_team(actor).where(Person.id == colleague_id)).one_or_none()
    if found is None:
        raise Absent
    return found


def person_for(session: Session, actor: Person, person_id: str) -> Person:
    """Return a learner that the actor may see or, for a coordinator, a member of the team.

    Raises `Absent` otherwise.
    """
    found = session.scalars(_with_details(known_learners(actor)).where(Person.id == person_id)).one_or_none()
    return found or colleague_for(session, actor, person_id)


def list_learners(
    session: Session, actor: Person, wanted: LearnerFilter, *, now: datetime
) -> tuple[list[LearnerRow], bool]:
    """Return one page of the learners that the actor may see, and whether another page follows."""
    query = _listed(_filtered(known_learners(actor), wanted, now=now))
    rows = read_rows(session, query.limit(PAGE + 1).offset((wanted.page - 1) * PAGE), {})
    return [LearnerRow(*row) for row in rows[:PAGE]], len(rows) > PAGE


def count_learners(session: Session, actor: Person, wanted: LearnerFilter, *, now: datetime) -> int:
    """Return how many learners all pages of the list have."""
    query = _filtered(known_learners(actor), wanted, now=now).with_only_columns(func.count())
    return int(read_rows(session, query, {})[0][0])


def find_namesakes(session: Session, names: Collection[str]) -> list[str]:
    """Return the names that an active person bears already, and those that are given twice."""
    keys = [name_key(name) for name in names]
    query = select(Person.name).where(Person.name_key.in_(set(keys)), Person.deactivated_at.is_(None))
    borne = session.scalars(query.order_by(*BY_NAME)).all()
    known = {name_key(name) for name in borne}
    twice = {key: name for name, key in zip(names, keys, strict=True) if keys.count(key) > 1}
    return [*dict.fromkeys(borne), *(name for key, name in twice.items() if key not in known)]


def find_namesakes_of_renamed(session: Session, person: Person, name: str) -> list[str]:
    """Return the names of active people whose name this person would get; none while the name stays."""
    return [] if name_key(name) == person.name_key else find_namesakes(session, [name])


def list_team(session: Session, actor: Person) -> Sequence[Person]:
    """Return the members of the team by name, the deactivated last; empty unless a coordinator asks."""
    return session.scalars(_team(actor).order_by(Person.deactivated_at.is_not(None), *BY_NAME)).all()


def levels(session: Session) -> Sequence[Level]:
    """Return all levels in their order."""
    return session.scalars(select(Level).order_by(Level.position)).all()


def social_workers(session: Session) -> Sequence[Person]:
    """Return the active social workers, by name."""
    return session.scalars(
        select(Person).where(has_role(Role.SOCIAL_WORKER), Person.deactivated_at.is_(None)).order_by(*BY_NAME)
    ).all()


def opened_level_ids(session: Session, learner: Person) -> set[str]:
    """Return the ids of the levels that a teacher opened for the learner, beside the learner's own level."""
    return set(session.scalars(select(OpenedLevel.level_id).where(OpenedLevel.person_id == learner.id)))


def names_of(session: Session, person_ids: Collection[str]) -> dict[str, str]:
    """Return the name of each of these people, by id: the audit log keeps ids only."""
    if not person_ids:
        return {}
    rows = session.execute(select(Person.id, Person.name).where(Person.id.in_(person_ids)))
    return {row.id: row.name for row in rows}


def _filtered(query: Select[Person], wanted: LearnerFilter, *, now: datetime) -> Select[Person]:
    is_left = Person.deactivated_at.is_not(None)
    # The list joins the cards as well: only the person is that of its row.
    card = (
        exists().where(AccessCard.person_id == Person.id, AccessCard.revoked_at.is_(None)).correlate(Person)
    )
    states = {
        LearnerState.UNASSIGNED: Person.social_worker_id.is_(None),
        LearnerState.NO_CARD: ~card,
        LearnerState.LOCKED: card.where(AccessCard.locked_at.is_not(None)),
        LearnerState.SILENT: now - SILENCE > LAST_SIGN,
    }
    where: list[ColumnElement[bool]] = [is_left if wanted.state == LearnerState.LEFT else ~is_left]
    if wanted.state in states:
        where.append(states[wanted.state])
    if wanted.level_id:
        where.append(Person.level_id == wanted.level_id)
    words = name_key(wanted.text).split()
    where += [Person.name_key.contains(word, autoescape=True) for word in words]
    return query.where(*where)


def _listed(query: Select[Person]) -> Select[str, str, str, datetime | None, str | None, bool, bool]:
    return (
        query.with_only_columns(
            Person.id,
            Person.name,
            Person.language,
            Person.seen_at,
            Level.name,
            AccessCard.id.is_not(None),
            AccessCard.locked_at.is_not(None),
        )
        .outerjoin(Level, Level.id == Person.level_id)
        .outerjoin(AccessCard, (AccessCard.person_id == Person.id) & AccessCard.revoked_at.is_(None))
        .order_by(*BY_NAME)
    )


def _with_details(query: Select[Person]) -> Select[Person]:
    return query.options(joinedload(Person.level), joinedload(Person.social_worker))


def _team(person: Person) -> Select[Person]:
    staff = exists().where(PersonRole.person_id == Person.id, PersonRole.role != Role.LEARNER)
    query = select(Person).where(staff)
    return query if Role.COORDINATOR in person.roles else query.where(false())
