"""Whether the availability still covers an appointment; its reasons are tried in `test_conflicts`."""

from __future__ import annotations

from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking.coverage import Coverage
from lms.models import Availability, Booking, ConflictReason
from tests import factories
from tests.support.school import School
from tests.support.waitlist import TUESDAY, book


def test_an_appointment_is_covered_until_its_rule_is_gone(school: School) -> None:
    rule = school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "09:00", "12:00").id)
    made = book(school, TUESDAY)

    def against(session: Session) -> ConflictReason | None:
        booking = session.get_one(Booking, made)
        return Coverage(session, [booking], BRUSSELS).against(booking)

    assert school.read(against) is None
    school.write(lambda s: s.delete(s.get_one(Availability, rule)))
    assert school.read(against) == ConflictReason.OUTSIDE
