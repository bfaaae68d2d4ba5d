"""What a social worker follows of the assigned learners, and nothing of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain.booking import assigned_learners
from lms.models import Attendance, Booking, Person
from tests import factories
from tests.factories import NOW, wall
from tests.support import history, plans
from tests.support.school import School

MONDAY, TUESDAY = wall("2026-12-07", "10:00"), wall("2026-12-08", "10:00")
HOUR = timedelta(hours=1)


@pytest.fixture
def appointments(school: School) -> dict[str, str]:
    """Samira, of Farid, on Monday and Tuesday; Oksana, of nobody, on Monday. By name and day."""

    def live(session: Session) -> dict[str, str]:
        nadia, luc = factories.nadia(session), factories.luc(session)
        for teacher in (nadia, luc):
            factories.all_week(session, teacher)
        samira = factories.samira(session)
        samira.social_worker_id = factories.farid(session).id
        return {
            "Samira 1": factories.booked(session, samira, nadia, MONDAY).id,
            "Samira 2": factories.booked(session, samira, nadia, TUESDAY).id,
            "Oksana": factories.booked(session, factories.oksana(session), luc, MONDAY).id,
        }

    return school.write(live)


def mark(school: School, booking_id: str, attendance: Attendance, next_step: str = "") -> None:
    def operation(session: Session) -> None:
        booking = session.get_one(Booking, booking_id)
        record = booking.record
        record.attendance, record.marked_at = attendance, booking.ends
        record.private_note, record.next_step = "secret", next_step

    school.write(operation)


def ask(
    school: School, question: Callable[..., Sequence[assigned_learners.LearnerAppointment]], now: datetime
) -> list[str]:
    found = school.read(lambda s: question(s, factories.farid(s), now=now))
    assert "secret" not in repr(found)
    return [each.id for each in found]


def test_the_next_appointments_come_in_order_and_a_running_one_counts(
    school: School, appointments: dict[str, str]
) -> None:
    both = [appointments["Samira 1"], appointments["Samira 2"]]
    assert ask(school, assigned_learners.coming_appointments_for, MONDAY + HOUR / 2) == both
    assert ask(school, assigned_learners.coming_appointments_for, MONDAY + HOUR) == both[1:]


def test_who_did_not_come_is_named_for_a_month(school: School, appointments: dict[str, str]) -> None:
    mark(school, appointments["Samira 1"], Attendance.NO_SHOW)
    mark(school, appointments["Samira 2"], Attendance.DONE)
    mark(school, appointments["Oksana"], Attendance.NO_SHOW)
    missed = assigned_learners.missed_appointments_for
    assert ask(school, missed, TUESDAY + HOUR) == [appointments["Samira 1"]]
    assert ask(school, missed, MONDAY + timedelta(days=31)) == []


def test_of_each_learner_the_latest_next_step_is_shown(school: School, appointments: dict[str, str]) -> None:
    steps = assigned_learners.next_steps_for
    mark(school, appointments["Samira 1"], Attendance.DONE, "Lire la page 3")
    mark(school, appointments["Oksana"], Attendance.DONE, "Lire la page 4")
    assert ask(school, steps, MONDAY + HOUR) == [appointments["Samira 1"]]
    mark(school, appointments["Samira 2"], Attendance.DONE, "Lire la page 5")
    assert ask(school, steps, TUESDAY + HOUR) == [appointments["Samira 2"]]


def test_whoever_was_not_seen_for_two_weeks_is_named_the_longest_first(school: School) -> None:
    def live(session: Session) -> None:
        farid = factories.farid(session)

        def learner(name: str, days: int | None, worker: Person | None = farid) -> Person:
            made = factories.learner(session, name)
            made.social_worker_id = worker.id if worker else None
            made.seen_at = None if days is None else NOW + timedelta(days=days)
            return made

        learner("Seen", 20)
        learner("Away", 5)
        learner("Never", None)
        learner("Foreign", 5, None)
        learner("Left", 5).deactivated_at = NOW

    school.write(live)
    later = NOW + timedelta(days=21)
    found = school.read(lambda s: assigned_learners.silent_learners_for(s, factories.farid(s), now=later))
    assert [(each.name, each.visited) for each in found] == [("Never", False), ("Away", True)]


def test_neither_the_past_nor_other_learners_are_read(school: School, appointments: dict[str, str]) -> None:
    school.write(lambda s: history.add_years(s, now=NOW))
    plans.analyze(school)

    def look(session: Session) -> None:
        farid = factories.farid(session)
        assigned_learners.coming_appointments_for(session, farid, now=NOW)
        assigned_learners.missed_appointments_for(session, farid, now=NOW)
        assigned_learners.next_steps_for(session, farid, now=NOW)
        assigned_learners.silent_learners_for(session, farid, now=NOW)

    with plans.reading_plans(school) as read:
        school.read(look)
    assert "\n\n".join(plans.full_scans(read)) == ""
