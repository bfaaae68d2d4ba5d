"""Races for an hour: eight client processes against one real server, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms import clock
from lms.domain.booking import appointments as booking_appointments
from lms.domain.booking import occupancy
from lms.models import Booking, BookingState, Mode, OutboxItem, Person
from tests import factories
from tests.faults.fault_log import FaultLog, at


def appointments(answers: list[dict[str, Any]]) -> set[str]:
    """Where those who got an hour were led."""
    return {answer["location"].split("?")[0] for answer in answers if answer["status"] == 303}


def test_of_two_hundred_who_want_one_hour_exactly_one_gets_it(track: FaultLog) -> None:
    learners, nadia, hour = track.people(200), track.id_of(factories.nadia), at("10:00")
    answers = track.race([(learner, nadia, hour, "video") for learner in learners])
    assert Counter(answer["status"] for answer in answers) == {303: 1, 409: 199}
    assert all(answer["hours"] > 0 for answer in answers if answer["status"] == 409)
    assert track.booked(*learners) == 1
    assert track.school.read(occupancy.find_mismatches) == []
    won = next(answer["location"] for answer in answers if answer["status"] == 303)
    about = won.split("/")[-1].split("?")[0]
    mails = track.school.read(lambda s: s.scalar(select(func.count()).where(OutboxItem.about_id == about)))
    assert mails == 4, "one mail each and two reminders"


def test_one_learner_at_two_teachers_half_an_hour_apart_is_in_one_place(track: FaultLog) -> None:
    (learner,) = track.people(1)
    wishes = [
        (learner, track.id_of(teacher), starts, "video")
        for teacher, starts in ((factories.nadia, at("10:00", 1)), (factories.luc, at("10:30", 1)))
        for _ in range(24)
    ]
    answers = track.race(wishes)
    # Her other forms for the hour that she got lead to the same appointment.
    assert Counter(answer["status"] for answer in answers) == {303: 24, 409: 24}
    assert len(appointments(answers)) == track.booked(learner) == 1


def test_one_room_wanted_by_two_teachers_a_quarter_apart_holds_one_session(track: FaultLog) -> None:
    learners = track.people(48)
    hosts = ((track.id_of(factories.nadia), at("09:00", 5)), (track.id_of(factories.luc), at("09:15", 5)))
    answers = track.race([(who, *hosts[n % 2], "onsite") for n, who in enumerate(learners)])
    assert Counter(answer["status"] for answer in answers) == {303: 1, 409: 47}
    assert track.booked(*learners) == 1


def test_a_week_of_two_appointments_never_holds_a_third(track: FaultLog) -> None:
    (learner,) = track.people(1)
    nadia = track.id_of(factories.nadia)
    hours = [at(f"{hour:02}:00", days) for days in (2, 3, 4) for hour in range(9, 17)]
    answers = track.race([(learner, nadia, hour, "video") for hour in hours * 2])
    assert Counter(answer["status"] for answer in answers) == {303: 4, 409: 44}
    assert len(appointments(answers)) == track.booked(learner) == 2
    assert track.school.read(occupancy.find_mismatches) == []


def test_one_form_sent_forty_times_at_once_is_one_appointment_and_one_answer(track: FaultLog) -> None:
    (learner,) = track.people(1)
    runners = track.runners([(learner, track.id_of(factories.nadia), at("09:00", 7), "video")] * 40)
    for runner in runners:
        runner["values"]["request_id"] = "the-very-same-form"
    answers = track.run(runners)
    assert Counter(answer["status"] for answer in answers) == {303: 40}
    assert len({answer["location"] for answer in answers}) == 1
    assert track.booked(learner) == 1


def test_forty_cancellations_at_once_are_one(track: FaultLog) -> None:
    (learner,) = track.people(1)
    nadia, hour = track.id_of(factories.nadia), at("11:00", 7)

    def book(session: Session) -> str:
        who = session.get_one(Person, learner)
        return booking_appointments.book(
            session, who, who, nadia, hour, Mode.VIDEO, now=clock.now(), zone=BRUSSELS
        ).id

    made = track.school.write(book)
    runners = track.runners([(learner, nadia, hour, "video")] * 40)
    for runner in runners:
        runner.update(page=f"/bookings/{made}", action=f"/bookings/{made}/cancellation", values={})
    answers = track.run(runners)
    assert Counter(answer["status"] for answer in answers) == {303: 40}
    kept = track.school.read(lambda s: s.get_one(Booking, made))
    assert (kept.state, kept.sequence) == (BookingState.CANCELLED, 1)
    told = select(func.count()).where(OutboxItem.about_id == made, OutboxItem.kind == "booking_cancelled")
    assert track.school.read(lambda s: s.scalar(told)) == 2
    assert track.school.read(occupancy.find_mismatches) == []
