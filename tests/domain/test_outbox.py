from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.models import OutboxItem, Outcome
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def test_the_same_message_twice_is_one_row(school: School) -> None:
    def press(session: Session) -> str:
        return outbox.post(session, "feedback_returned", factories.samira(session), "abc", now=NOW).id

    assert school.write(press) == school.write(press)
    assert len(school.read(lambda s: s.scalars(select(OutboxItem)).all())) == 1


def _posted(school: School) -> str:
    return school.write(lambda s: outbox.post(s, "feedback_returned", factories.samira(s), "abc", now=NOW).id)


def test_only_one_worker_gets_a_row_until_its_lease_is_over(school: School) -> None:
    item = _posted(school)
    assert school.write(lambda s: outbox.claim_item(s, item, now=NOW))
    assert not school.write(lambda s: outbox.claim_item(s, item, now=NOW + timedelta(minutes=1)))
    assert school.read(lambda s: outbox.due_items(s, now=NOW + timedelta(minutes=1))) == []
    later = NOW + outbox.LEASE
    assert school.read(lambda s: outbox.due_items(s, now=later)) == [item]
    assert school.write(lambda s: outbox.claim_item(s, item, now=later))


def test_a_message_that_cannot_leave_waits_longer_each_time_and_is_given_up_after_three_days(
    school: School,
) -> None:
    item, moment, pauses = _posted(school), NOW, []

    def try_in_vain(at: datetime) -> OutboxItem:
        assert school.write(lambda s: outbox.claim_item(s, item, now=at))
        school.write(lambda s: outbox.postpone(s, item, "no answer", now=at))
        return school.read(lambda s: s.get_one(OutboxItem, item))

    while (row := try_in_vain(moment)).closed_at is None:
        pauses.append(row.due_at - moment)
        moment = row.due_at
    assert pauses[:4] == [timedelta(minutes=n) for n in (1, 2, 4, 8)]
    assert max(pauses) == timedelta(hours=4)
    assert row.outcome == Outcome.FAILED
    assert outbox.KEEP_TRYING - timedelta(hours=4) < moment - NOW <= outbox.KEEP_TRYING


def test_a_closed_row_is_never_sent_again_and_forgets_its_secret(school: School) -> None:
    item = school.write(
        lambda s: outbox.post(s, "password_link", factories.nadia(s), "abc", secret="token", now=NOW).id
    )
    school.write(lambda s: outbox.close_item(s, item, Outcome.SENT, now=NOW))
    assert not school.write(lambda s: outbox.claim_item(s, item, now=NOW + timedelta(days=1)))
    assert school.read(lambda s: s.get_one(OutboxItem, item)).secret is None


def test_what_no_longer_makes_sense_is_closed_as_void(school: School) -> None:
    item = _posted(school)
    school.write(lambda s: outbox.void_items(s, "abc", now=NOW))
    assert school.read(lambda s: s.get_one(OutboxItem, item)).outcome == Outcome.VOID
    assert school.read(lambda s: outbox.oldest_waiting(s, now=NOW)) is None
