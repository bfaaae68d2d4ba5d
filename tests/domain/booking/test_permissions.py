from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from lms.domain.booking.permissions import check_may_manage, may_manage
from lms.domain.errors import Absent
from tests import factories
from tests.support.school import School


def test_a_teacher_manages_her_own_appointments_and_a_coordinator_those_of_all(school: School) -> None:
    def ask(session: Session) -> None:
        nadia = factories.nadia(session)
        for person, may in (
            (nadia, True),
            (factories.claire(session), True),
            (factories.luc(session), False),
            (factories.farid(session), False),
            (factories.samira(session), False),
        ):
            assert may_manage(person, nadia.id) == may
            if may:
                check_may_manage(person, nadia.id)
            else:
                with pytest.raises(Absent):
                    check_may_manage(person, nadia.id)
        # What belongs to the whole organisation belongs to no teacher.
        assert not may_manage(nadia, None)
        assert may_manage(factories.claire(session), None)

    school.write(ask)
