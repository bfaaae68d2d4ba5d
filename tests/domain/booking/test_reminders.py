"""A day and two hours before, never after a change, never both at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.domain.booking import appointments, reminders
from lms.models import Booking, OutboxItem
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import House

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


def test_only_the_learner_is_reminded_a_day_and_two_hours_before(house: House) -> None:
    made = house.write(booked)
    rows = house.read(open_reminders)
    assert [(row.kind, row.due_at) for row in rows] == [
        ("booking_reminder", FRIDAY - 24 * HOUR),
        ("booking_soon", FRIDAY - 2 * HOUR),
    ]
    assert {row.person_id for row in rows} == {made.learner_id}


def test_a_house_that_was_down_over_night_sends_one_of_the_two(house: House) -> None:
    house.write(booked)
    first, second = house.read(open_reminders)
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
def test_who_books_late_is_not_told_everything_at_once(house: House, hours: int, kinds: list[str]) -> None:
    made = house.write(booked)
    house.write(lambda s: outbox.void(s, made.id, NOW))

    def again(session: Session) -> None:
        booking = session.get_one(Booking, made.id)
        booking.sequence += 1
        reminders.post(session, booking, factories.samira(session), FRIDAY - hours * HOUR)

    house.write(again)
    assert [row.kind for row in house.read(open_reminders)] == kinds


def test_a_move_and_a_cancellation_close_what_was_to_be_said(house: House) -> None:
    made = house.write(booked)
    later = FRIDAY + 72 * HOUR

    def move(session: Session) -> None:
        appointments.move(
            session, session.get_one(Booking, made.id), factories.samira(session), later, "video", NOW
        )

    house.write(move)
    assert [(row.sequence, row.due_at) for row in house.read(open_reminders)] == [
        (1, later - 24 * HOUR),
        (1, later - 2 * HOUR),
    ]
    house.write(lambda s: appointments.cancel(s, s.get_one(Booking, made.id), factories.samira(s), "", NOW))
    assert house.read(open_reminders) == []
