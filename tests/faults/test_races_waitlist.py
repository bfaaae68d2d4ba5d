"""Races for an hour for which others wait, over HTTP, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms import clock
from lms.domain.booking import appointments, consistency, kept, occupancy, queries, waitlist
from lms.forms.booking import slot_value
from lms.models import Booking, BookingState, Mode, Person, WaitlistEntry, WaitlistOutcome
from tests import factories
from tests.faults.fault_log import FaultLog, at
from tests.support.narrow import present
from tests.support.waitlist import cancel_for_good, end_kept_time


def _booked(track: FaultLog, learner: str, teacher: str, hour: datetime) -> str:
    def book(session: Session) -> str:
        who = session.get_one(Person, learner)
        return appointments.book(
            session, who, who, teacher, hour, Mode.VIDEO, now=clock.now(), zone=BRUSSELS
        ).id

    return track.school.write(book)


def _waiting(track: FaultLog, *learners: str, teacher: str) -> None:
    """They come one after the other: the first stands first, and nobody else waits."""

    def join(session: Session) -> None:
        for entry in session.scalars(select(WaitlistEntry).where(WaitlistEntry.ended_at.is_(None))).all():
            who = session.get_one(Person, entry.learner_id)
            waitlist.leave_waitlist(session, who, who, now=clock.now(), zone=BRUSSELS)
        for place, id_ in enumerate(learners):
            who = session.get_one(Person, id_)
            since = clock.now() - timedelta(minutes=60 - place)
            waitlist.join_waitlist(session, who, who, teacher, 7, None, now=since)

    track.school.write(join)


def _offers(track: FaultLog, learner: str) -> list[str]:
    return track.school.read(
        lambda s: [one.state for one in s.scalars(select(Booking).where(Booking.learner_id == learner))]
    )


def _sound(track: FaultLog) -> None:
    assert track.school.read(occupancy.find_mismatches) == []
    assert track.school.read(lambda s: consistency.find_faults(s, now=clock.now())) == []


def test_an_hour_given_back_goes_to_who_waits_and_to_none_of_two_hundred(track: FaultLog) -> None:
    """Five presses to cancel and 195 to book at one instant: one cancellation, the first in line is asked."""
    nadia, hour, elsewhere = track.id_of(factories.nadia), at("14:00", 1), at("16:00", 4)
    holder, first, second, *others = track.people(198)
    made = _booked(track, holder, nadia, hour)
    _waiting(track, first, second, teacher=nadia)
    # Their page showed another hour when it was fetched: this one was not free yet.
    runners = track.runners([(learner, nadia, elsewhere, "video") for learner in others])
    for runner in runners:
        runner["values"]["hour"] = slot_value(nadia, hour)
    cancelling = [
        track.pressing(holder, f"/bookings/{made}", f"/bookings/{made}/cancellation") for _ in range(5)
    ]
    mixed = [*runners[:97], *cancelling, *runners[97:]]
    answers = track.run(mixed)
    assert Counter(answer["status"] for answer in answers) == {303: 5, 409: 195}
    kept = track.school.read(lambda s: s.get_one(Booking, made))
    assert (kept.state, kept.sequence) == (BookingState.CANCELLED, 1)
    assert _offers(track, first) == [], "it is kept for who cancelled"
    end_kept_time(track.school)
    assert _offers(track, first) == [BookingState.OFFERED]
    assert _offers(track, second) == []
    assert track.booked(*others) == 0
    _sound(track)


@pytest.mark.parametrize(("hour", "looks"), [("09:00", 0), ("10:00", 10), ("11:00", 30), ("12:00", 90)])
def test_an_offer_that_ends_while_it_is_accepted_is_one_or_the_other(
    track: FaultLog, hour: str, looks: int
) -> None:
    nadia = track.id_of(factories.nadia)
    holder, first, second = track.people(3)
    made = _booked(track, holder, nadia, at(hour, 8))
    _waiting(track, first, second, teacher=nadia)

    def give_back(session: Session) -> str:
        who = session.get_one(Person, holder)
        cancel_for_good(session, who, session.get_one(Booking, made), now=clock.now())
        return waitlist.open_offers(session, session.get_one(Person, first), now=clock.now())[0].id

    offer = track.school.write(give_back)
    presses = [track.pressing(first, f"/offers/{offer}", f"/offers/{offer}/acceptance") for _ in range(24)]
    ends = track.school.read(lambda s: s.get_one(Booking, offer)).expires_at
    assert ends is not None

    def expire() -> None:
        for _ in range(looks):  # the worker looks at other things first: sometimes the presses win
            track.school.read(lambda s: waitlist.overdue_offers(s, now=clock.now()))
        # Its clock is already past the time of the offer.
        track.school.write(lambda s: waitlist.expire_offer(s, offer, now=ends, zone=BRUSSELS))

    answers = track.run(presses, expire)
    state = track.school.read(lambda s: s.get_one(Booking, offer).state)
    ended = track.school.read(
        lambda s: {one.learner_id: one.outcome for one in s.scalars(select(WaitlistEntry))}
    )
    codes = Counter(answer["status"] for answer in answers)
    # Either way there is one truth, and every press is told the same.
    if state == BookingState.BOOKED:
        assert codes == {303: 24}
        assert (ended[first], ended[second]) == (WaitlistOutcome.ACCEPTED, None)
    else:
        assert (state, codes) == (BookingState.EXPIRED, {409: 24})
        assert (ended[first], ended[second]) == (None, None), "a first silence keeps the place"
        assert _offers(track, second) == [BookingState.OFFERED]
    _sound(track)


@pytest.mark.parametrize(("hour", "looks"), [("09:00", 0), ("10:00", 10), ("11:00", 60)])
def test_a_cancellation_whose_time_ends_while_it_is_taken_back_is_one_or_the_other(
    track: FaultLog, hour: str, looks: int
) -> None:
    nadia = track.id_of(factories.nadia)
    holder, first = track.people(2)
    made = _booked(track, holder, nadia, at(hour, 9))
    _waiting(track, first, teacher=nadia)

    def cancel(session: Session) -> datetime:
        who = session.get_one(Person, holder)
        booking = queries.booking_for(session, who, made)
        appointments.cancel(session, who, booking, "", now=clock.now(), zone=BRUSSELS)
        return present(booking.kept_until)

    ends = track.school.write(cancel)
    page, action = f"/bookings/{made}", f"/bookings/{made}/cancellation/undo"
    presses = [track.pressing(holder, page, action) for _ in range(12)]

    def end() -> None:
        for _ in range(looks):
            track.school.read(lambda s: kept.overdue_kept(s, now=clock.now()))
        # The clock of the worker is already past the time that the slot is kept.
        track.school.write(lambda s: kept.end_kept(s, made, now=ends, zone=BRUSSELS))

    answers = track.run(presses, end)
    assert Counter(answer["status"] for answer in answers) == {303: 12}, "the page says what became of it"
    booking = track.school.read(lambda s: s.get_one(Booking, made))
    if booking.state == BookingState.BOOKED:
        assert (booking.sequence, _offers(track, first)) == (2, [])
    else:
        assert (booking.state, booking.sequence) == (BookingState.CANCELLED, 1)
        assert _offers(track, first) == [BookingState.OFFERED]
    assert booking.kept_until is None
    _sound(track)
