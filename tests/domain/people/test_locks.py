"""Whoever locks people keeps others from them: tested on PostgreSQL, with a second connection."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.people import locks
from lms.models import Person
from tests import factories
from tests.support.school import School


@pytest.mark.parametrize("school", ["postgresql"], indirect=True)
def test_locked_people_are_kept_from_another_transaction_and_the_others_are_not(school: School) -> None:
    samira, nadia, claire = school.write(
        lambda s: [who(s).id for who in (factories.samira, factories.nadia, factories.claire)]
    )

    def lock(session: Session) -> list[str]:
        locks.lock_people(session, nadia, samira, nadia)
        everybody = select(Person.id).with_for_update(key_share=True, skip_locked=True)
        with school.engine.connect() as other:
            return list(other.scalars(everybody))

    assert school.write(lock) == [claire]
