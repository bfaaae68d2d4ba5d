"""Messages that did not arrive, as the coordinator sees them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.domain.failed_messages import FailedMessage, failed_page
from lms.domain.paging import PAGE
from lms.models import Outcome
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def close(session: Session, about: str, outcome: Outcome, minutes: int) -> None:
    moment = NOW - timedelta(minutes=minutes)
    item = outbox.post(session, "feedback_returned", factories.samira(session), about, now=moment)
    outbox.close_item(session, item.id, outcome, "550 no such user", now=moment)


def test_what_failed_or_came_too_late_is_listed_the_latest_first(school: School) -> None:
    def live(session: Session) -> None:
        close(session, "old", Outcome.FAILED, 8 * 24 * 60)
        close(session, "late", Outcome.EXPIRED, 20)
        close(session, "lost", Outcome.FAILED, 10)
        close(session, "fine", Outcome.SENT, 5)

    school.write(live)

    def ask(session: Session) -> None:
        _cut, found, total = failed_page(session, None, now=NOW)
        assert total == len(found) == 2
        last, first = NOW - timedelta(minutes=10), NOW - timedelta(minutes=20)
        assert [each.closed_at for each in found] == [last, first]
        samira = factories.samira(session)
        assert found[0] == FailedMessage(
            found[0].id, "feedback_returned", samira.id, "Samira", last, "550 no such user"
        )

    school.read(ask)


def test_the_next_page_goes_on_after_the_first(school: School) -> None:
    def live(session: Session) -> None:
        for number in range(PAGE + 2):
            close(session, f"copy{number}", Outcome.FAILED, number)

    school.write(live)

    def ask(session: Session) -> None:
        cut, first, total = failed_page(session, None, now=NOW)
        second = failed_page(session, cut.after, now=NOW)
        assert (len(first), len(second[1]), total) == (PAGE, 2, PAGE + 2)
        assert second[0].begin == PAGE
        assert not {each.id for each in first} & {each.id for each in second[1]}

    school.read(ask)
