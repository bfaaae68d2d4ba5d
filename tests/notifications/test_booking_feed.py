"""Who subscribed to her appointments gets no invitations beside them, and misses nothing that is near."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from config import BRUSSELS
from lms.adapters.mail.message import Email
from lms.domain import outbox
from lms.domain.booking import appointments
from lms.jobs import MAIL_RENDERERS
from lms.models import Booking, CalendarFeed, Channel, Mode, OutboxItem, Outcome, Person
from lms.notifications import InFeed, render_email
from lms.notifications.booking import calendar_channel
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School

HOUR = timedelta(hours=1)
TODAY = wall("2026-11-23", "16:00")
TOMORROW = wall("2026-11-24", "08:00")  # 23 hours away
FRIDAY = wall("2026-11-27", "14:00")


@pytest.fixture(autouse=True)
def prepared(school: School) -> None:
    def open_hours(session: Session) -> None:
        factories.organisation(session).lead_hours = 0
        factories.samira(session)
        factories.all_week(session, factories.nadia(session), start="08:00", end="18:00")

    school.write(open_hours)


def subscribe(school: School, who: Callable[[Session], Person], seen_at: datetime | None = NOW) -> None:
    def make_feed(session: Session) -> None:
        person = who(session)
        session.add(CalendarFeed(person_id=person.id, token_hash=person.id, created_at=NOW, seen_at=seen_at))

    school.write(make_feed)


def booked(school: School, starts: datetime, by: Any = factories.samira) -> None:
    school.write(lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), starts, by=by(s)))


def move(school: School, starts: datetime, by: Any) -> None:
    school.write(
        lambda s: appointments.move(
            s, by(s), s.scalars(select(Booking)).one(), starts, Mode.VIDEO, now=NOW, zone=BRUSSELS
        )
    )


def cancel(school: School, by: Any) -> None:
    school.write(
        lambda s: appointments.cancel(s, by(s), s.scalars(select(Booking)).one(), "", now=NOW, zone=BRUSSELS)
    )


def told(school: School, kind: str, who: Any, at: datetime = NOW) -> str:
    """How this person is told of it: by a mail with an invitation, a mail of words, or by her calendar."""

    def write(session: Session) -> Email | str | None:
        item = session.scalars(
            select(OutboxItem)
            .where(OutboxItem.kind == kind, OutboxItem.person_id == who(session).id)
            .options(joinedload(OutboxItem.person).selectinload(Person.role_rows))
            .order_by(OutboxItem.sequence.desc())
        ).first()
        assert item is not None
        try:
            return render_email(session, item, MAIL_RENDERERS[kind], school.settings, at)
        except InFeed:
            return "feed"

    letter = school.read(write)
    if letter is None or isinstance(letter, str):
        return letter or "nothing"
    return "words" if letter.calendar is None else "invitation"


def test_a_calendar_that_reads_the_feed_needs_no_mail_of_what_she_did_herself(school: School) -> None:
    for who in (factories.samira, factories.nadia):
        subscribe(school, who)
    booked(school, FRIDAY)
    assert told(school, "booking_made", factories.samira) == "feed"
    assert told(school, "booking_made", factories.nadia) == "feed"
    cancel(school, factories.samira)
    assert told(school, "booking_cancelled", factories.samira) == "feed"
    assert told(school, "booking_cancelled", factories.nadia) == "feed"


@pytest.mark.parametrize("seen_at", [None, NOW - timedelta(hours=48)])
def test_a_feed_that_no_calendar_reads_is_no_feed(school: School, seen_at: datetime | None) -> None:
    subscribe(school, factories.samira, seen_at)
    booked(school, FRIDAY)
    assert told(school, "booking_made", factories.samira) == "invitation"


def test_a_learner_is_always_told_what_others_changed(school: School) -> None:
    subscribe(school, factories.samira)
    booked(school, FRIDAY, by=factories.nadia)
    assert told(school, "booking_made", factories.samira) == "words"
    move(school, FRIDAY + HOUR, factories.nadia)
    assert told(school, "booking_moved", factories.samira) == "words"
    cancel(school, factories.nadia)
    assert told(school, "booking_cancelled", factories.samira) == "words"


def test_what_is_near_is_told_by_mail_because_calendars_ask_once_a_day(school: School) -> None:
    for who in (factories.samira, factories.nadia):
        subscribe(school, who)
    booked(school, TOMORROW)
    assert told(school, "booking_made", factories.nadia) == "words"
    cancel(school, factories.samira)
    assert told(school, "booking_cancelled", factories.samira) == "words"


@pytest.mark.parametrize(
    ("before", "after", "how"),
    [
        (FRIDAY, FRIDAY + HOUR, "feed"),
        (FRIDAY, TOMORROW, "words"),
        (TOMORROW, FRIDAY, "words"),
        (TODAY, FRIDAY, "words"),
    ],
)
def test_a_move_is_near_when_the_old_or_the_new_hour_is(
    school: School, before: datetime, after: datetime, how: str
) -> None:
    subscribe(school, factories.nadia)
    booked(school, before)
    move(school, after, factories.samira)
    assert told(school, "booking_moved", factories.nadia) == how


def test_a_calendar_that_got_an_invitation_before_gets_all_that_follow(school: School) -> None:
    booked(school, FRIDAY)

    def sent(session: Session) -> None:
        item = session.scalars(
            select(OutboxItem).where(
                OutboxItem.kind == "booking_made", OutboxItem.person_id == factories.nadia(session).id
            )
        ).one()
        outbox.close_item(session, item.id, Outcome.SENT, channel=Channel.MAIL, invited=True, now=NOW)

    school.write(sent)
    for who in (factories.samira, factories.nadia):
        subscribe(school, who)
    move(school, FRIDAY + HOUR, factories.samira)
    assert told(school, "booking_moved", factories.nadia) == "invitation"
    assert told(school, "booking_moved", factories.samira) == "words", "hers was never sent"
    cancel(school, factories.samira)
    assert told(school, "booking_cancelled", factories.nadia) == "invitation"


def test_a_reminder_comes_with_a_feed_and_without_one(school: School) -> None:
    subscribe(school, factories.samira)
    booked(school, FRIDAY)
    assert told(school, "booking_reminder", factories.samira) == "words"
    assert told(school, "booking_soon", factories.samira) == "words"


def test_a_clock_that_changed_is_always_told(school: School) -> None:
    subscribe(school, factories.nadia)
    booked(school, FRIDAY)
    booking = school.read(lambda s: s.scalars(select(Booking)).one())
    item = OutboxItem(kind="booking_retimed", person_id=booking.teacher_id, sequence=0)
    assert calendar_channel(item, booking, live=False, invited=False, near=False) == "invitation"
    assert calendar_channel(item, booking, live=True, invited=True, near=False) == "invitation"
    assert calendar_channel(item, booking, live=True, invited=False, near=False) == "words"
