"""Who may do what with appointments and availability.

To see an appointment, and to move or cancel it: `queries.booking_for`. To write its note: its teacher alone.
"""

from __future__ import annotations

from lms.domain.errors import Absent
from lms.models import Person, Role


def may_manage(person: Person, teacher_id: str | None) -> bool:
    """Return whether the person decides about conflicts, swaps, absence and availability of this teacher.

    The teacher does, and a coordinator. None stands for the whole organisation.
    """
    return person.id == teacher_id or Role.COORDINATOR in person.roles


def may_mark(person: Person) -> bool:
    """Return whether the person marks attendance: any teacher, for a colleague too, or a coordinator."""
    return bool(person.roles & {Role.TEACHER, Role.COORDINATOR})


def check_may_manage(person: Person, teacher_id: str | None) -> None:
    """Raise Absent unless the person may manage what belongs to this teacher."""
    if not may_manage(person, teacher_id):
        raise Absent
