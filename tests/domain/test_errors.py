"""A unique column has the last word, and says it as a refusal."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.errors import Refused, refuse_duplicates
from lms.models import Room
from lms.refusal_codes import RefusalCode
from tests.support.school import School


def test_who_comes_second_with_one_name_is_refused_and_the_transaction_goes_on(school: School) -> None:
    def both(session: Session) -> None:
        session.add(Room(name="École"))
        with (
            pytest.raises(Refused, match="room_known"),
            refuse_duplicates(session, Refused(RefusalCode.ROOM_KNOWN)),
        ):
            session.add(Room(name="ECOLE"))
        session.add(Room(name="Salle 2"))

    school.write(both)
    kept = select(Room.name).order_by(Room.name_key)
    assert school.read(lambda s: s.scalars(kept).all()) == ["École", "Salle 2"]
