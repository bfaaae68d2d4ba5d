from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lms.domain.booking import allocation, appointments, caps, waitlist
from lms.domain.errors import Refused
from lms.models import (
    Availability,
    Booking,
    BookingState,
    ExternalBusyTime,
    ExternalCalendar,
    Mode,
    Organisation,
    Person,
)
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import School
from tests.support.waitlist import cancel_for_good

TUESDAY = wall("2026-11-24", "10:00")
HOUR = timedelta(hours=1)


def place(school: School, teacher: str, learner: str, mode: Mode = Mode.VIDEO) -> str:
    def ask(session: Session) -> str:
        service = session.get_one(Organisation, 1)
        slot = allocation.find_slot(session, service, learner, teacher, TUESDAY, mode, zone=BRUSSELS)
        return slot.room_id or "no room"

    return school.write(ask)


def refusal(school: School, teacher: str, learner: str) -> str:
    with pytest.raises(Refused) as caught:
        place(school, teacher, learner)
    return caught.value.code


@pytest.fixture
def people(school: School) -> dict[str, str]:
    def live(session: Session) -> dict[str, str]:
        nadia, samira = factories.nadia(session), factories.samira(session)
        factories.all_week(session, nadia, mode="both")
        return {"nadia": nadia.id, "samira": samira.id, "room": factories.room(session).id}

    return school.write(live)


def test_an_hour_on_site_has_its_room_and_one_by_video_has_none(
    school: School, people: dict[str, str]
) -> None:
    assert place(school, people["nadia"], people["samira"], Mode.ONSITE) == people["room"]
    assert place(school, people["nadia"], people["samira"]) == "no room"


def test_an_hour_in_which_the_teacher_is_busy_elsewhere_has_no_place(
    school: School, people: dict[str, str]
) -> None:
    """The page may be older than what her other calendar said since."""

    def dentist(session: Session) -> None:
        calendar = ExternalCalendar(
            teacher_id=people["nadia"], address="https://calendar.example.org/nadia", created_at=NOW
        )
        session.add(calendar)
        session.flush()
        session.add(
            ExternalBusyTime(calendar_id=calendar.id, starts=TUESDAY + HOUR / 2, ends=TUESDAY + 2 * HOUR)
        )

    school.write(dentist)
    assert refusal(school, people["nadia"], people["samira"]) == "slot_gone"


def test_who_has_an_hour_within_the_open_time_may_change_its_mode_and_nobody_else_may_take_it(
    school: School, people: dict[str, str]
) -> None:
    """The rules were one an hour; they became one, whose slots begin at 9:00, 10:15 and so on."""

    def put(s: Session) -> None:
        nadia, samira = s.get_one(Person, people["nadia"]), s.get_one(Person, people["samira"])
        made = factories.booked(s, samira, nadia, TUESDAY)
        s.execute(delete(Availability))
        factories.rule(s, nadia, 1, "09:00", "12:30", "both")
        appointments.move(s, samira, made, TUESDAY, Mode.ONSITE, now=NOW, zone=BRUSSELS)
        assert (made.starts, made.mode, made.room_id) == (TUESDAY, Mode.ONSITE, people["room"])
        with pytest.raises(Refused, match="slot_gone"):
            appointments.move(s, samira, made, TUESDAY + HOUR, Mode.ONSITE, now=NOW, zone=BRUSSELS)
        appointments.move(s, samira, made, TUESDAY + HOUR / 4, Mode.ONSITE, now=NOW, zone=BRUSSELS)

    school.write(put)
    assert refusal(school, people["nadia"], people["samira"]) == "slot_gone"


def test_an_open_offer_counts_like_an_appointment(school: School, people: dict[str, str]) -> None:
    def live(session: Session) -> None:
        service = session.get_one(Organisation, 1)
        service.weekly_cap = service.open_cap = 1
        samira, nadia = session.get_one(Person, people["samira"]), session.get_one(Person, people["nadia"])
        oksana = factories.oksana(session)
        waitlist.join_waitlist(session, samira, samira, None, 7, None, now=NOW)
        given = factories.booked(session, oksana, nadia, TUESDAY)
        cancel_for_good(session, oksana, given, now=NOW)
        (offer,) = waitlist.open_offers(session, samira, now=NOW)
        load = caps.count_load(session, service, [samira.id], now=NOW)
        with pytest.raises(Refused, match="week_full"):
            caps.check_weekly_cap(load, samira.id, offer.iso_week)
        with pytest.raises(Refused, match="too_many_open"):
            caps.check_open_cap(load, samira.id)

    school.write(live)


def test_who_loses_her_hour_at_the_last_moment_leaves_nothing_behind(
    school: School, people: dict[str, str]
) -> None:
    """An offer goes on to another hour then, in the same transaction."""

    def late(session: Session) -> None:
        service = session.get_one(Organisation, 1)
        samira, nadia = people["samira"], people["nadia"]
        slot = allocation.find_slot(session, service, samira, nadia, TUESDAY, Mode.VIDEO, zone=BRUSSELS)
        taken = factories.booked(session, factories.oksana(session), session.get_one(Person, nadia), TUESDAY)
        lost = allocation.new_booking(samira, nadia, samira, BookingState.BOOKED, now=NOW)
        allocation.set_slot(lost, slot, service, zone=BRUSSELS)
        with pytest.raises(Refused, match="slot_taken"):
            allocation.save_and_claim(session, lost)
        assert session.scalars(select(Booking.id)).all() == [taken.id]

    school.write(late)
