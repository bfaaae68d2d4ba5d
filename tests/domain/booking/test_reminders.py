"""A day and two hours before, never after a change, never both at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain import outbox
from lms.domain.booking import appointments, reminders
from lms.models import Booking, Mode, OutboxItem
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School

FRIDAY = wall("2026-11-27", "10:00")
HOUR = timedelta(hours=1)


def booked(session: Session, starts: datetime = FRIDAY) -> Booking:
    factories.all_week(session, factories.nadia(session))
    return factories.booked(session, factories.samira(session), factories.nadia(session), starts)


def open_reminders(session: Session) -> list[OutboxItem]:
    return list(
        session.scalars(
            select(OutboxItem)
            .where(OutboxItem.kind.in_(("booking_reminder", "booking_soon")), OutboxItem.closed_at.is_(None))
            .order_by(OutboxItem.due_at)
        )
    )


def test_only_the_learner_is_reminded_a_day_and_two_hours_before(school: School) -> None:
    made = school.write(booked)
    rows = school.read(open_reminders)
    assert [(row.kind, row.due_at) for row in rows] == [
        ("booking_reminder", FRIDAY - 24 * HOUR),
        ("booking_soon", FRIDAY - 2 * HOUR),
    ]
    assert {row.person_id for row in rows} == {made.learner_id}


def test_a_house_that_was_down_over_night_sends_one_of_the_two(school: School) -> None:
    school.write(booked)
    first, second = school.read(open_reminders)
    assert first.expires_at == second.due_at, "when the second is due, the first says nothing any more"
    assert second.expires_at == FRIDAY, "nobody is reminded of what has begun"


@pytest.mark.parametrize(
    ("hours", "kinds"),
    [
        (25, ["booking_reminder", "booking_soon"]),
        (24, ["booking_soon"]),
        (3, ["booking_soon"]),
        (2, []),
        (1, []),
    ],
)
def test_who_books_late_is_not_told_everything_at_once(school: School, hours: int, kinds: list[str]) -> None:
    made = school.write(booked)
    school.write(lambda s: outbox.void_items(s, made.id, now=NOW))

    def again(session: Session) -> None:
        booking = session.get_one(Booking, made.id)
        booking.sequence += 1
        reminders.post_reminders(session, booking, factories.samira(session), now=FRIDAY - hours * HOUR)

    school.write(again)
    assert [row.kind for row in school.read(open_reminders)] == kinds


def test_a_move_and_a_cancellation_close_what_was_to_be_said(school: School) -> None:
    made = school.write(booked)
    later = FRIDAY + 72 * HOUR

    def move(session: Session) -> None:
        appointments.move(
            session,
            factories.samira(session),
            session.get_one(Booking, made.id),
            later,
            Mode.VIDEO,
            now=NOW,
            zone=BRUSSELS,
        )

    school.write(move)
    assert [(row.sequence, row.due_at) for row in school.read(open_reminders)] == [
        (1, later - 24 * HOUR),
        (1, later - 2 * HOUR),
    ]
    school.write(
        lambda s: appointments.cancel(
            s, factories.samira(s), s.get_one(Booking, made.id), "", now=NOW, zone=BRUSSELS
        )
    )
    assert school.read(open_reminders) == []
