"""Messages that wait for the hand of somebody of the team."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain import manual_messages, outbox
from lms.domain.booking import appointments
from lms.domain.errors import Absent
from lms.models import Booking, Channel, OutboxItem, Outcome
from tests import factories
from tests.factories import NOW, Who, wall
from tests.support.school import School

FRIDAY = wall("2026-11-27", "14:00")


@pytest.fixture
def item(school: School) -> str:
    """Nadia booked an hour for Oksana, who has no e-mail; Farid looks after her."""

    def book(session: Session) -> str:
        nadia, oksana = factories.nadia(session), factories.oksana(session)
        oksana.phone, oksana.social_worker_id = "0470 12 34 56", factories.farid(session).id
        factories.all_week(session, nadia)
        made = factories.booked(session, oksana, nadia, FRIDAY, by=nadia)
        posted = outbox.post(session, "booking_made", oksana, made.id, now=NOW)
        outbox.hand_over(session, posted.id, now=NOW)
        return posted.id

    return school.write(book)


def seen_by(school: School, who: Who, at: datetime = NOW) -> list[str]:
    return school.read(
        lambda s: [item.id for item, _booking in manual_messages.messages_to_send(s, who(s), now=at)]
    )


def found_by(school: School, who: Who, item: str) -> str:
    return school.read(lambda s: manual_messages.message_for(s, who(s), item).id)


def test_each_of_the_team_sees_what_is_hers_to_send(school: School, item: str) -> None:
    school.write(lambda s: (factories.luc(s), factories.claire(s), factories.farid(s), factories.samira(s)))
    for who in (factories.nadia, factories.claire, factories.farid):
        assert seen_by(school, who) == [item]
        assert found_by(school, who, item) == item
    for who in (factories.luc, factories.samira, factories.oksana):
        assert seen_by(school, who) == []
        with pytest.raises(Absent):
            found_by(school, who, item)


def test_no_worker_touches_it_and_nobody_calls_it_late(school: School, item: str) -> None:
    later = NOW + timedelta(hours=5)
    assert item not in school.read(lambda s: outbox.due_items(s, now=later))
    assert not school.write(lambda s: outbox.claim_item(s, item, now=later))
    school.write(lambda s: outbox.void_items(s, school_booking(s), kind="booking_reminder", now=later))
    row = school.read(lambda s: s.get_one(OutboxItem, item))
    assert (row.channel, row.handed_at, row.closed_at) == (Channel.HAND, NOW, None)


def school_booking(session: Session) -> str:
    return session.scalars(select(Booking.id)).one()


def test_said_twice_the_first_one_stands_and_only_she_takes_it_back(school: School, item: str) -> None:
    def say(who: Who, at: datetime) -> None:
        school.write(
            lambda s: outbox.mark_sent_by_hand(
                s, who(s), manual_messages.message_for(s, who(s), item), now=at
            )
        )

    def row() -> OutboxItem:
        return school.read(lambda s: s.get_one(OutboxItem, item))

    say(factories.nadia, NOW)
    say(factories.claire, NOW + timedelta(minutes=1))
    nadia = school.read(factories.nadia).id
    assert (row().outcome, row().closed_at, row().sent_by_id) == (Outcome.SENT, NOW, nadia)
    assert seen_by(school, factories.nadia) == []
    school.write(
        lambda s: outbox.undo_sent_by_hand(
            s, factories.claire(s), manual_messages.message_for(s, factories.claire(s), item), now=NOW
        )
    )
    assert row().outcome == Outcome.SENT
    school.write(
        lambda s: outbox.undo_sent_by_hand(
            s, factories.nadia(s), manual_messages.message_for(s, factories.nadia(s), item), now=NOW
        )
    )
    assert seen_by(school, factories.nadia) == [item]


def test_a_cancelled_hour_takes_its_message_out_of_the_hand(school: School, item: str) -> None:
    school.write(
        lambda s: appointments.cancel(
            s, factories.nadia(s), s.get_one(Booking, school_booking(s)), "", now=NOW, zone=BRUSSELS
        )
    )
    assert item not in seen_by(school, factories.nadia)
    assert school.read(lambda s: s.get_one(OutboxItem, item).outcome) == Outcome.VOID


def test_what_nobody_sent_in_time_ends_as_expired(school: School, item: str) -> None:
    late = NOW + outbox.KEEP_TRYING
    assert seen_by(school, factories.nadia, late) == []
    school.write(lambda s: outbox.close_stale(s, now=late - timedelta(seconds=1)))
    assert school.read(lambda s: s.get_one(OutboxItem, item).outcome) is None
    school.write(lambda s: outbox.close_stale(s, now=late))
    assert school.read(lambda s: s.get_one(OutboxItem, item).outcome) == Outcome.EXPIRED
