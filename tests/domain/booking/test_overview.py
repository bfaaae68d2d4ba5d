from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from lms.domain import booking
from lms.domain.booking.overview import next_of_many
from tests import make
from tests.house import House
from tests.make import NOW


def test_each_person_is_shown_with_her_next_appointment_only(house: House) -> None:
    def book(session: Session) -> tuple[str, str, str]:
        samira, oksana, nadia = make.samira(session), make.oksana(session), make.nadia(session)
        make.all_week(session, nadia)
        soon = make.booked(session, samira, nadia, make.wall("2026-11-25", "10:00"))
        make.booked(session, samira, nadia, make.wall("2026-12-02", "10:00"))
        gone = make.booked(session, oksana, nadia, make.wall("2026-11-26", "10:00"))
        booking.cancel(session, gone, oksana, "", NOW)
        return samira.id, oksana.id, soon.id

    samira, oksana, soon = house.write(book)
    found = house.read(lambda s: {k: b.id for k, b in next_of_many(s, [samira, oksana], NOW).items()})
    assert found == {samira: soon}
    later = house.read(lambda s: next_of_many(s, [samira], NOW + timedelta(days=5)))
    assert later[samira].id != soon
    assert house.read(lambda s: next_of_many(s, [], NOW)) == {}
