"""Short names of the team: the first name, and as much more as distinguishes two people."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from lms.models import Organisation, Person, PersonRole, Role
from lms.normal_forms import name_key, split_name

_JOINER = "\u200d"


@contextmanager
def update_short_names(session: Session) -> Iterator[None]:
    """Run the block, which adds or renames members of the team, then give the team its short names.

    Such blocks run one after the other: of two Nadias who are invited at once, the second one is seen.
    """
    # The lock comes before any row of a person is changed: every transaction that has both takes it first.
    session.execute(select(Organisation.id).with_for_update(key_share=True)).all()
    yield
    session.flush()
    for person_id, short in wrong_short_names(session).items():
        session.execute(update(Person).where(Person.id == person_id).values(short_name=short))


def wrong_short_names(session: Session) -> dict[str, str]:
    """Return the right short name of each member of the team who has another one, by id.

    People who left count too: what they wrote and their past appointments still name them.
    """
    staff = exists().where(PersonRole.person_id == Person.id, PersonRole.role != Role.LEARNER)
    rows = session.execute(
        select(Person.id, Person.name, Person.short_name).where(staff).order_by(Person.id)
    ).all()
    right = distinguish({row.id: row.name for row in rows})
    return {row.id: right[row.id] for row in rows if row.short_name != right[row.id]}


def distinguish(names: Mapping[str, str]) -> dict[str, str]:
    """Return a short name for each of these names: "Nadia", or "Nadia B." where there are several.

    Names are compared in their normal form. It takes as many letters as are needed ("Nadia Be."), and the
    whole name where they do not help.
    """
    namesakes: dict[str, list[str]] = defaultdict(list)
    for name in names.values():
        namesakes[name_key(split_name(name)[0])].append(name)
    return {key: _short(name, namesakes[name_key(split_name(name)[0])]) for key, name in names.items()}


def _short(name: str, namesakes: list[str]) -> str:
    first, rest = split_name(name)
    if len(namesakes) == 1:
        return first
    others = [name_key(split_name(other)[1]) for other in namesakes]
    others.remove(name_key(rest))
    for length in range(1, len(rest)):
        begun = name_key(rest[:length])
        if _ends_a_letter(rest, length) and not any(other.startswith(begun) for other in others):
            return f"{first} {rest[:length]}."
    return name


def _ends_a_letter(text: str, length: int) -> bool:
    """Return whether the text may be cut there: after a letter, and not within what is drawn as one."""
    before, after = text[length - 1], text[length]
    whole = _JOINER not in (before, after) and not unicodedata.category(after).startswith("M")
    return whole and unicodedata.category(before)[0] not in "PZ"
