"""The mail of Monday: when it is due, for whom, and once a week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.homework import digest
from lms.models import OutboxItem, Person
from tests import factories
from tests.support.mails import waiting_mail
from tests.support.school import School

# Seven in Brussels, in winter and in summer.
WINTER, SUMMER = datetime(2026, 11, 30, 6, tzinfo=UTC), datetime(2026, 7, 6, 5, tzinfo=UTC)


def test_it_is_due_on_monday_from_seven_to_noon_in_the_time_of_the_organisation() -> None:
    def due(moment: datetime) -> str | None:
        return digest.due_week(now=moment, zone=BRUSSELS)

    minute = timedelta(minutes=1)
    assert (due(WINTER - minute), due(WINTER), due(SUMMER - minute), due(SUMMER)) == (
        None,
        "2026-W49",
        None,
        "2026-W28",
    )
    assert due(WINTER + timedelta(hours=5) - minute) == "2026-W49"
    assert due(WINTER + timedelta(hours=5)) is None
    assert [due(WINTER + timedelta(days=day)) for day in range(1, 7)] == [None] * 6


def post(session: Session, now: datetime = WINTER, *, has_inbox: bool = False) -> set[str]:
    """Post what is due; return the names of all who have got one."""
    digest.post_digests(session, has_inbox=has_inbox, now=now, zone=BRUSSELS)
    posted = select(Person.name).join(OutboxItem, OutboxItem.person_id == Person.id)
    return set(session.scalars(posted.where(OutboxItem.kind == digest.KIND)))


def test_each_teacher_who_wants_it_gets_one_a_week_when_something_waits(school: School) -> None:
    def story(session: Session) -> None:
        nadia, luc = factories.nadia(session), factories.luc(session)
        factories.claire(session)
        assert post(session) == set()
        sent = WINTER - timedelta(days=8)
        factories.sent(session, factories.learner(session, "Ahmad"), factories.assignment(session), now=sent)
        assert post(session, WINTER + timedelta(days=1)) == set()
        luc.weekly_digest = False
        session.flush()
        assert post(session) == post(session, WINTER + timedelta(hours=1)) == {nadia.name}
        rows = session.scalars(select(OutboxItem)).all()
        assert [(row.about_id, row.person_id) for row in rows] == [("2026-W49", nadia.id)]
        post(session, WINTER + timedelta(days=7))
        assert len(session.scalars(select(OutboxItem)).all()) == 2
        found = digest.read_digest(session, has_inbox=False, now=WINTER)
        assert (found.waiting, found.long_waiting) == (1, 1)
        assert found.oldest is not None
        assert (found.oldest.learner, [alert.reason for alert in found.alerts]) == ("Ahmad", ["first"])

    school.write(story)


def test_a_mail_in_the_tray_alone_is_enough_where_there_is_a_mailbox(school: School) -> None:
    def story(session: Session) -> None:
        nadia = factories.nadia(session)
        waiting_mail(session)
        assert post(session) == set()
        assert post(session, has_inbox=True) == {nadia.name}

    school.write(story)
