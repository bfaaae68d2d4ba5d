"""What follows from an address for appointments by video, and from none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import appointments, availability_search, picker, video_addresses, video_rooms
from lms.domain.booking.queries import with_people
from lms.domain.errors import Refused
from lms.models import AuditAction, AuditEvent, Availability, Booking, Mode, Organisation, Person
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School
from tests.support.waitlist import the_offer, wait

TUESDAY = wall("2026-11-24", "10:00")
TEAMS = "https://teams.example.org/l/meetup-join/19%3ameeting_x/0?context=%7b%22Tid%22%7d"


@pytest.fixture(autouse=True)
def without_base(school: School) -> None:
    """Nadia gives hours by video, Luc either way; the organisation has no address."""

    def arrange(session: Session) -> None:
        factories.all_week(session, factories.nadia(session))
        factories.all_week(session, factories.luc(session), mode="both")
        session.get_one(Organisation, 1).video_base = ""

    school.write(arrange)


def set_address(school: School, address: str, who: Callable[[Session], Person] = factories.nadia) -> None:
    school.write(lambda s: video_addresses.set_video_address(s, who(s), address, now=NOW, zone=BRUSSELS))


def set_base(school: School, address: str) -> None:
    school.write(lambda s: setattr(s.get_one(Organisation, 1), "video_base", address))


def offered(school: School) -> set[tuple[str, Mode]]:
    """Return who offers hours on Tuesday, and in which modes."""

    def search(session: Session) -> set[tuple[str, Mode]]:
        terms = availability_search.SearchTerms(factories.samira(session).id, BRUSSELS)
        service, day = session.get_one(Organisation, 1), TUESDAY.date()
        hours = availability_search.find_free_slots(session, service, terms, day, day, now=NOW)
        return {(hour.teacher, mode) for hour in hours for mode in hour.modes}

    return school.read(search)


def book(school: School, starts: datetime = TUESDAY, mode: str = "video") -> Booking:
    return school.write(lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), starts, mode))


@contextmanager
def refused(code: RefusalCode) -> Iterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code == code


def test_without_an_address_hours_by_video_are_neither_offered_nor_booked(school: School) -> None:
    assert offered(school) == {("Luc", Mode.ONSITE)}
    with refused(RefusalCode.SLOT_GONE):
        book(school)


def test_with_an_address_of_her_own_a_teacher_offers_hours_by_video(school: School) -> None:
    set_address(school, TEAMS)
    assert offered(school) == {("Nadia", Mode.VIDEO), ("Luc", Mode.ONSITE)}
    made = book(school)
    assert school.read(lambda s: url(s, made.id)) == TEAMS


def test_at_the_address_of_the_organisation_each_appointment_has_a_room_of_its_own(school: School) -> None:
    set_base(school, "https://video.example.be/")
    assert ("Nadia", Mode.VIDEO) in offered(school)
    made = book(school)
    assert school.read(lambda s: url(s, made.id)) == f"https://video.example.be/{made.video_key}"
    set_address(school, TEAMS)
    assert school.read(lambda s: url(s, made.id)) == TEAMS


def url(session: Session, booking_id: str) -> str | None:
    return video_rooms.video_url(session.get_one(Organisation, 1), found(session, booking_id))


def found(session: Session, booking_id: str) -> Booking:
    return session.scalars(with_people().where(Booking.id == booking_id)).one()


def test_the_last_address_stays_while_an_appointment_by_video_needs_it(school: School) -> None:
    set_address(school, TEAMS)
    made = book(school)
    with refused(RefusalCode.VIDEO_IN_USE):
        set_address(school, "")
    set_base(school, "https://video.example.be")
    set_address(school, "")
    with refused(RefusalCode.VIDEO_IN_USE):
        school.read(lambda s: video_addresses.check_removal_of_base(s, now=NOW))
    school.write(lambda s: cancel(s, made.id))
    school.read(lambda s: video_addresses.check_removal_of_base(s, now=NOW))


def cancel(session: Session, booking_id: str) -> None:
    booking = found(session, booking_id)
    appointments.cancel(session, booking.teacher, booking, "", now=NOW, zone=BRUSSELS)


def test_a_new_address_gives_its_hours_to_the_waitlist_first(school: School) -> None:
    wait(school, factories.oksana, teacher=factories.nadia)
    set_address(school, TEAMS)
    offer = the_offer(school)
    assert (offer.learner.name, offer.mode) == ("Oksana Bondar", Mode.VIDEO)


def test_an_appointment_on_site_changes_to_video_only_where_there_is_an_address(school: School) -> None:
    def at_luc(session: Session) -> str:
        return factories.booked(
            session, factories.samira(session), factories.luc(session), TUESDAY, "onsite"
        ).id

    made = school.write(at_luc)

    def change(session: Session) -> None:
        booking = found(session, made)
        appointments.move(session, booking.learner, booking, TUESDAY, Mode.VIDEO, now=NOW, zone=BRUSSELS)

    with refused(RefusalCode.SLOT_GONE):
        school.write(change)
    set_address(school, TEAMS, factories.luc)
    school.write(change)
    assert school.read(lambda s: s.get_one(Booking, made).is_video)


def test_a_school_with_hours_by_video_alone_and_no_address_has_no_hours_yet(school: School) -> None:
    def names(session: Session) -> list[str]:
        found = picker.choosable_teachers(session, factories.samira(session).id, NOW.date())
        return [teacher.name for teacher in found]

    assert school.read(names) == ["Luc"]
    set_address(school, TEAMS)
    assert school.read(names) == ["Luc", "Nadia"]


def test_the_last_address_stays_while_a_cancellation_may_be_taken_back(school: School) -> None:
    set_address(school, TEAMS)
    made = book(school)

    def cancel_as_learner(session: Session) -> None:
        booking = found(session, made.id)
        appointments.cancel(session, booking.learner, booking, "", now=NOW, zone=BRUSSELS)

    school.write(cancel_as_learner)
    with refused(RefusalCode.VIDEO_IN_USE):
        set_address(school, "")


def test_a_change_of_the_address_is_in_the_journal_once(school: School) -> None:
    for address in (TEAMS, TEAMS, ""):
        set_address(school, address)
    events = select(func.count()).where(AuditEvent.action == AuditAction.VIDEO_ADDRESS_CHANGED)
    assert school.read(lambda s: s.scalar(events)) == 2


def test_an_appointment_on_site_is_moved_on_site_alone_where_there_is_no_address(school: School) -> None:
    made = school.write(
        lambda s: factories.booked(s, factories.samira(s), factories.luc(s), TUESDAY, "onsite").id
    )

    def modes(session: Session) -> set[tuple[Mode, ...]]:
        terms = availability_search.SearchTerms(
            factories.samira(session).id, BRUSSELS, moving=found(session, made)
        )
        service, day = session.get_one(Organisation, 1), TUESDAY.date()
        hours = availability_search.find_free_slots(session, service, terms, day, day, now=NOW)
        return {hour.modes for hour in hours}

    assert school.read(modes) == {(Mode.ONSITE,)}
    set_address(school, TEAMS, factories.luc)
    assert school.read(modes) == {(Mode.VIDEO, Mode.ONSITE)}


def test_an_extra_opening_by_video_without_an_address_opens_nothing(school: School) -> None:
    def names(session: Session) -> list[str]:
        found = picker.choosable_teachers(session, factories.samira(session).id, NOW.date())
        return [teacher.name for teacher in found]

    def open_a_day(session: Session) -> None:
        session.execute(delete(Availability))
        factories.opened(session, factories.nadia(session), "2026-11-26", "09:00", "12:00")

    school.write(open_a_day)
    assert school.read(names) == []
    set_address(school, TEAMS)
    assert school.read(names) == ["Nadia"]
