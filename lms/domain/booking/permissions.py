"""Permissions for appointments and availability.

`queries.booking_for` decides who may see, move or cancel an appointment; `attendance.write_note` lets only
its teacher write the note.
"""

from __future__ import annotations

from lms.domain.errors import Absent
from lms.models import Person, Role


def may_manage(person: Person, teacher_id: str | None) -> bool:
    """Return whether the person may manage conflicts, swaps, absence and availability of this teacher.

    True for the teacher and for a coordinator. None stands for the whole organisation.
    """
    return person.id == teacher_id or Role.COORDINATOR in person.roles


def may_mark(person: Person) -> bool:
    """Return whether the person may mark attendance: a coordinator, or any teacher, for colleagues too."""
    return bool(person.roles & {Role.TEACHER, Role.COORDINATOR})


def check_may_manage(person: Person, teacher_id: str | None) -> None:
    """Raise Absent unless the person may manage what belongs to this teacher."""
    if not may_manage(person, teacher_id):
        raise Absent
