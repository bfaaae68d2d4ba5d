from __future__ import annotations

import pytest
from sqlalchemy import select

from lms.models import Booking
from tests import factories
from tests.support.school import School
from tools import bench


def test_the_appointments_that_are_measured_are_such_as_the_school_makes(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "BOOKINGS", 3)
    school.write(lambda s: (factories.level(s), factories.nadia(s), factories.oksana(s), factories.claire(s)))
    school.write(bench._bookings_ahead)
    made = school.read(lambda s: [one.attendance for one in s.scalars(select(Booking)).unique()])
    assert made == [None] * 3
