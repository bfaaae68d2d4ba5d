from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.homework import returns
from lms.domain.homework.alerts import learner_alerts
from lms.domain.homework.consistency import find_homework_faults
from lms.models import Attempt
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def _reasons(school: School, days: int = 0) -> dict[str, str]:
    found = school.read(lambda s: learner_alerts(s, now=NOW + timedelta(days=days)))
    return {need.name: need.reason for need in found}


def test_a_first_copy_is_answered_before_all_others(school: School) -> None:
    def send(session: Session) -> None:
        factories.sent(session, factories.samira(session), factories.assignment(session))

    school.write(send)
    assert _reasons(school) == {"Samira": "first"}


def test_who_was_answered_once_is_no_beginner_any_more(school: School) -> None:
    def work(session: Session) -> None:
        first = factories.sent(session, factories.samira(session), factories.assignment(session))
        factories.answered(session, first)
        factories.sent(session, factories.samira(session), factories.assignment(session))

    school.write(work)
    assert _reasons(school) == {}


def test_who_sends_a_second_work_before_the_first_is_answered_is_no_beginner_any_more(school: School) -> None:
    def send(session: Session) -> None:
        factories.sent(session, factories.samira(session), factories.assignment(session))

    school.write(send)
    school.write(send)
    assert _reasons(school) == {}
    assert school.read(find_homework_faults) == []


def test_what_was_to_be_done_again_and_did_not_come_is_noticed_after_a_week(school: School) -> None:
    def ask_again(session: Session) -> None:
        factories.answered(
            session,
            factories.sent(session, factories.samira(session), factories.assignment(session)),
            redo=True,
        )

    school.write(ask_again)
    assert _reasons(school, days=6) == {}
    assert _reasons(school, days=8) == {"Samira": "redo"}


def test_who_has_not_understood_is_shown_until_she_has_or_another_answer_comes(school: School) -> None:
    def answer(session: Session) -> str:
        sent = factories.sent(session, factories.samira(session), factories.assignment(session))
        return factories.answered(session, sent).id

    returned = school.write(answer)

    def say(understood: bool) -> None:
        school.write(
            lambda s: returns.record_understanding(s, factories.samira(s), returned, understood, now=NOW)
        )

    say(False)
    assert _reasons(school) == {"Samira": "not_understood"}
    assert _reasons(school, days=13) == {"Samira": "not_understood"}
    assert _reasons(school, days=14) == {}
    say(True)
    assert _reasons(school) == {}
    say(False)

    def complete(session: Session) -> None:
        attempt = session.scalars(select(Attempt)).one()
        factories.answered(session, attempt, comment="Bravo. Voici un exemple.")

    school.write(complete)
    assert _reasons(school) == {}


def test_somebody_not_seen_for_two_weeks_is_missed_unless_she_left(school: School) -> None:
    def two(session: Session) -> None:
        factories.samira(session)
        factories.oksana(session).deactivated_at = NOW

    school.write(two)
    assert _reasons(school, days=13) == {}
    assert _reasons(school, days=15) == {"Samira": "silent"}


def test_a_copy_that_the_page_shows_anyway_is_no_alert(school: School) -> None:
    def send(session: Session) -> str:
        return factories.sent(session, factories.samira(session), factories.assignment(session)).id

    shown = school.write(send)
    assert school.read(lambda s: learner_alerts(s, [shown], now=NOW)) == []


def test_of_each_reason_the_two_who_wait_longest_are_named_and_nobody_twice(school: School) -> None:
    def crowd(session: Session) -> None:
        given = [factories.assignment(session) for _ in range(2)]
        for number in range(5):
            moment = NOW + timedelta(minutes=number)
            new = factories.learner(session, f"New {number}")
            factories.sent(session, new, given[0], now=moment)
            again = factories.learner(session, f"Again {number}")
            sent = factories.sent(session, again, given[1], now=moment)
            factories.answered(session, sent, redo=True, now=moment)
            new.seen_at, again.seen_at = moment, moment + timedelta(seconds=1)
        for number in range(3):
            factories.learner(session, f"Silent {number}").seen_at = NOW + timedelta(days=1, minutes=number)

    school.write(crowd)
    found = school.read(lambda s: learner_alerts(s, now=NOW + timedelta(days=30)))
    assert [(alert.reason, alert.name) for alert in found] == [
        ("first", "New 0"),
        ("first", "New 1"),
        ("redo", "Again 0"),
        ("redo", "Again 1"),
        ("silent", "New 2"),
        ("silent", "Again 2"),
    ]
