from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import appointments
from lms.domain.booking.queries import next_appointments
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def test_each_person_is_shown_with_her_next_appointment_only(school: School) -> None:
    def book(session: Session) -> tuple[str, str]:
        samira, oksana, nadia = factories.samira(session), factories.oksana(session), factories.nadia(session)
        factories.all_week(session, nadia)
        for day in ("2026-11-25", "2026-12-02"):
            factories.booked(session, samira, nadia, factories.wall(day, "10:00"))
        gone = factories.booked(session, oksana, nadia, factories.wall("2026-11-26", "10:00"))
        appointments.cancel(session, oksana, gone, "", now=NOW, zone=BRUSSELS)
        return samira.id, oksana.id

    samira, oksana = school.write(book)
    found = school.read(lambda s: next_appointments(s, [samira, oksana], now=NOW))
    assert found == {samira: factories.wall("2026-11-25", "10:00")}
    later = school.read(lambda s: next_appointments(s, [samira], now=NOW + timedelta(days=5)))
    assert later == {samira: factories.wall("2026-12-02", "10:00")}
    assert school.read(lambda s: next_appointments(s, [], now=NOW)) == {}
