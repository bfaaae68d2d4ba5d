"""Who decides about the availability and the appointments of a teacher."""

from __future__ import annotations

from lms.domain.errors import Absent
from lms.models import Person, Role


def may_manage(person: Person, teacher_id: str | None) -> bool:
    """Return whether the person is this teacher or a coordinator; None stands for the whole organisation."""
    return person.id == teacher_id or Role.COORDINATOR in person.roles


def check_may_manage(person: Person, teacher_id: str | None) -> None:
    """Raise Absent unless the person may manage what belongs to this teacher."""
    if not may_manage(person, teacher_id):
        raise Absent
