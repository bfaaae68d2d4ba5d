from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from lms.clock import now as clock_now
from lms.domain import notices, outbox
from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts, consistency, correction, returns, worklist
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.returns import UNDOABLE
from lms.models import (
    AuditEvent,
    Feedback,
    HomeworkState,
    Notice,
    OutboxItem,
    QueuedAttempt,
    ReturnedFeedback,
    Submission,
)
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW
from tests.support.returns import let_undo_pass
from tests.support.school import School

SECOND = timedelta(seconds=1)
WORDS = FeedbackDraft("Bravo", "Le pluriel")


@pytest.fixture
def moment() -> datetime:
    """The true time: the database decides by a clock of its own what is final."""
    return clock_now()


@pytest.fixture
def copy(school: School) -> str:
    return school.write(lambda s: factories.sent(s, factories.samira(s), factories.assignment(s)).id)


def give(
    session: Session, copy: str, words: FeedbackDraft = WORDS, *, redo: bool = False, now: datetime
) -> str:
    """Return feedback to Samira's copy as Nadia, whose page shows what is stored; return its id."""
    nadia = factories.nadia(session)
    attempt = attempts.queued_attempt_for(session, nadia, copy)
    shown, number = factories.what_is_shown(session, attempt)
    return correction.return_feedback(
        session, attempt, nadia, words, shown, returns=number, redo=redo, now=now
    ).id


def undo(
    school: School, copy: str, returned: str, *, now: datetime, who: factories.Who = factories.nadia
) -> bool:
    def in_transaction(session: Session) -> bool:
        teacher = who(session)
        attempt = attempts.queued_attempt_for(session, teacher, copy)
        return returns.undo_return(session, attempt, teacher, returned, now=now)

    return school.write(in_transaction)


def state_for_learner(school: School, now: datetime) -> tuple[HomeworkState, int, list[str]]:
    """Return what Samira sees: the state in her list, how many notices, the comments on the copy."""

    def look(session: Session) -> tuple[HomeworkState, int, list[str]]:
        samira = factories.samira(session)
        (found,) = (
            worklist.list_homework(session, samira, now=now).open
            or worklist.list_homework(session, samira, now=now).sent
        )
        submission = attempts.submission_for(session, samira, found.submission_id or "", now=now)
        feedback = submission.attempts[0].feedback
        comments = [each.comment for each in feedback.returned] if feedback else []
        return found.state, notices.count_unseen(session, samira, now=now), comments

    return school.read(look)


def test_the_learner_sees_nothing_of_a_return_until_it_is_final(school: School, copy: str) -> None:
    school.write(lambda s: give(s, copy, now=NOW))
    before, after = NOW + UNDOABLE - SECOND, NOW + UNDOABLE
    assert state_for_learner(school, before) == (HomeworkState.SENT, 0, [])
    assert school.read(lambda s: outbox.due_items(s, now=before)) == []
    assert state_for_learner(school, after) == (HomeworkState.RETURNED, 1, ["Bravo"])
    assert len(school.read(lambda s: outbox.due_items(s, now=after))) == 1


def test_until_a_second_return_is_final_the_learner_reads_the_first(school: School, copy: str) -> None:
    school.write(lambda s: give(s, copy, redo=True, now=NOW))
    later = NOW + timedelta(hours=1)
    school.write(lambda s: give(s, copy, FeedbackDraft("Bravo. Relisez."), now=later))
    assert state_for_learner(school, later) == (HomeworkState.REDO, 1, ["Bravo"])
    state, _, comments = state_for_learner(school, later + UNDOABLE)
    assert (state, comments) == (HomeworkState.RETURNED, ["Bravo", "Bravo. Relisez."])


def test_a_return_that_is_taken_back_leaves_the_draft_in_its_place_of_the_queue(
    school: School, copy: str, moment: datetime
) -> None:
    place = school.read(lambda s: s.scalars(select(QueuedAttempt.since)).one())
    returned = school.write(lambda s: give(s, copy, redo=True, now=moment))
    assert undo(school, copy, returned, now=moment)

    def check(session: Session) -> None:
        feedback = session.scalars(select(Feedback)).one()
        assert (feedback.comment, feedback.next_step) == ("Bravo", "Le pluriel")
        assert (feedback.returns, feedback.reopened_at) == (0, None)
        assert session.scalars(select(QueuedAttempt.since)).one() == place
        for gone in (ReturnedFeedback, OutboxItem, Notice):
            assert session.scalars(select(gone)).all() == []
        assert session.scalars(select(Submission.redo_since)).one() is None
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.object_id == returned)).all()
        assert set(actions) == {"feedback_returned", "return_undone"}
        assert consistency.find_homework_faults(session) == []

    school.read(check)
    again = school.write(lambda s: give(s, copy, now=moment))
    assert again != returned, "returned once more, it is another return with a message of its own"
    assert len(school.read(lambda s: s.scalars(select(OutboxItem)).all())) == 1


def test_a_second_press_and_a_return_of_nobody_change_nothing(
    school: School, copy: str, moment: datetime
) -> None:
    returned = school.write(lambda s: give(s, copy, now=moment))
    assert undo(school, copy, returned, now=moment)
    assert not undo(school, copy, returned, now=moment + UNDOABLE)
    assert not undo(school, copy, "0" * 14, now=moment)
    assert school.read(lambda s: s.scalars(select(Feedback.returns)).one()) == 0


def test_a_return_after_the_first_is_taken_back_to_the_first(
    school: School, copy: str, moment: datetime
) -> None:
    first = school.write(lambda s: give(s, copy, redo=True, now=NOW))
    opened = NOW + timedelta(hours=1)

    def complete(session: Session) -> None:
        luc = factories.luc(session)
        attempt = attempts.queued_attempt_for(session, luc, copy)
        stamps, number = factories.what_is_shown(session, attempt)
        more = FeedbackDraft("Bravo. Relisez.", "Le pluriel")
        correction.save_feedback(session, attempt, luc, more, stamps, returns=number, now=opened)

    school.write(complete)
    second = school.write(lambda s: give(s, copy, FeedbackDraft("Bravo. Relisez."), now=moment))
    assert undo(school, copy, second, now=moment)

    def check(session: Session) -> None:
        assert session.scalars(select(ReturnedFeedback.id)).all() == [first]
        feedback = session.scalars(select(Feedback)).one()
        assert (feedback.returns, feedback.reopened_at) == (1, opened)
        assert session.scalars(select(QueuedAttempt.since)).one() == opened
        assert session.scalars(select(Submission.redo_since)).one() == NOW, "the first one asks again"
        assert consistency.find_homework_faults(session) == []

    school.read(check)


def test_what_a_colleague_opened_again_since_stays_open(school: School, copy: str, moment: datetime) -> None:
    returned = school.write(lambda s: give(s, copy, now=moment))

    def complete(session: Session) -> None:
        luc = factories.luc(session)
        attempt = attempts.queued_attempt_for(session, luc, copy)
        stamps, number = factories.what_is_shown(session, attempt)
        more = FeedbackDraft("Bravo. Relisez.", "Le pluriel")
        correction.save_feedback(session, attempt, luc, more, stamps, returns=number, now=moment)

    school.write(complete)
    assert undo(school, copy, returned, now=moment)
    assert school.read(lambda s: s.scalars(select(Feedback.comment)).one()) == "Bravo. Relisez."
    assert school.read(consistency.find_homework_faults) == []


def test_it_is_too_late_after_the_time_after_another_return_and_once_the_message_leaves(
    school: School, copy: str, moment: datetime
) -> None:
    def refused(returned: str, now: datetime) -> None:
        with pytest.raises(Refused) as refusal:
            undo(school, copy, returned, now=now)
        assert refusal.value.code == RefusalCode.UNDO_TOO_LATE

    first = school.write(lambda s: give(s, copy, now=moment))
    refused(first, moment + UNDOABLE)
    school.write(lambda s: s.execute(update(OutboxItem).values(attempts=1)))
    refused(first, moment)
    second = school.write(lambda s: give(s, copy, FeedbackDraft("Encore"), now=moment))
    refused(first, moment)
    assert school.read(lambda s: s.scalars(select(ReturnedFeedback.id)).all()) != []
    assert undo(school, copy, second, now=moment)


def test_nobody_takes_back_what_a_colleague_returned(school: School, copy: str, moment: datetime) -> None:
    returned = school.write(lambda s: give(s, copy, now=moment))
    with pytest.raises(Absent):
        undo(school, copy, returned, now=moment, who=factories.luc)
    offered = school.read(lambda s: returns.list_undoable(s, factories.nadia(s), now=moment + SECOND))
    assert [(each.id, each.learner, each.seconds) for each in offered] == [(returned, "Samira", 29)]
    assert school.read(lambda s: returns.list_undoable(s, factories.luc(s), now=moment)) == []
    over = moment + UNDOABLE
    assert school.read(lambda s: returns.list_undoable(s, factories.nadia(s), now=over)) == []


def test_the_database_keeps_what_is_final_whatever_the_clock_of_the_application_says(
    school: School, copy: str, moment: datetime
) -> None:
    returned = school.write(lambda s: give(s, copy, now=moment))
    school.write(let_undo_pass)
    with pytest.raises(DBAPIError, match="final"):
        school.write(lambda s: s.execute(delete(ReturnedFeedback)))
    with pytest.raises(Refused) as refusal:
        undo(school, copy, returned, now=moment - timedelta(hours=1))
    assert refusal.value.code == RefusalCode.UNDO_TOO_LATE
    with pytest.raises(DBAPIError, match="never changes"):
        school.write(lambda s: s.execute(update(ReturnedFeedback).values(final_at=moment + UNDOABLE)))
    assert school.read(lambda s: s.scalars(select(OutboxItem)).all()) != []


def test_the_learner_says_whether_she_has_understood_and_may_change_her_mind(
    school: School, copy: str
) -> None:
    returned = school.write(lambda s: give(s, copy, now=NOW))

    def say(understood: bool, now: datetime, who: factories.Who = factories.samira) -> None:
        school.write(lambda s: returns.record_understanding(s, who(s), returned, understood, now=now))

    with pytest.raises(Absent):
        say(True, NOW)
    later = NOW + UNDOABLE
    for stranger in (factories.oksana, factories.nadia):
        with pytest.raises(Absent):
            say(True, later, stranger)
    say(False, later)
    say(True, later + SECOND)
    row = school.read(lambda s: s.scalars(select(ReturnedFeedback)).one())
    assert (row.understood, row.understood_at, row.seen_at) == (True, later + SECOND, later)
    assert state_count(school, later) == 0


def state_count(school: School, now: datetime) -> int:
    return school.read(lambda s: notices.count_unseen(s, factories.samira(s), now=now))


@pytest.mark.parametrize("other", ["undo", "worker", "return"])
def test_whatever_comes_at_the_same_moment_as_an_undo_waits_for_it(
    school: School, copy: str, moment: datetime, other: str
) -> None:
    """A second press, a worker that takes the message, a colleague who returns the same page."""
    returned = school.write(lambda s: give(s, copy, now=moment))
    school.write(factories.luc)
    inside, done, ends = threading.Event(), threading.Event(), list[object]()
    item = school.read(lambda s: s.scalars(select(OutboxItem.id)).one())

    def undo_first(session: Session) -> bool:
        nadia = factories.nadia(session)
        attempt = attempts.queued_attempt_for(session, nadia, copy)
        undone = returns.undo_return(session, attempt, nadia, returned, now=moment)
        inside.set()
        done.wait(0.5)
        return undone

    def return_again(session: Session) -> str:
        luc = factories.luc(session)
        attempt = attempts.queued_attempt_for(session, luc, copy)
        words = FeedbackDraft("Encore")
        return correction.return_feedback(
            session, attempt, luc, words, WORDS.stamps(), returns=1, redo=False, now=moment
        ).id

    def second() -> None:
        inside.wait(10)
        try:
            if other == "undo":
                ends.append(undo(school, copy, returned, now=moment))
            elif other == "worker":
                ends.append(school.write(lambda s: outbox.claim_item(s, item, now=moment + UNDOABLE)))
            else:
                ends.append(school.write(return_again))
        except Refused as refusal:
            ends.append(refusal.code)
        done.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert school.write(undo_first)
    thread.join(30)
    assert ends == [RefusalCode.ALREADY_RETURNED if other == "return" else False]
    assert school.read(lambda s: s.scalars(select(ReturnedFeedback)).all()) == []
    assert school.read(consistency.find_homework_faults) == []
