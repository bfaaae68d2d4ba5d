from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts, correction, queue
from lms.domain.homework.correction import FeedbackDraft
from lms.models import Attempt, AuditEvent, Feedback, OutboxItem, Score
from tests import factories
from tests.factories import NOW
from tests.support.school import School


@pytest.fixture
def copy(school: School) -> str:
    return school.write(lambda s: factories.sent(s, factories.samira(s), factories.assignment(s)).id)


def test_the_queue_is_oldest_first_over_all_levels_and_one_statement(school: School) -> None:
    def story(session: Session) -> str:
        work = factories.assignment(session)
        other = factories.assignment(session, factories.lesson(session, level_code="N2"))
        factories.sent(session, factories.samira(session), work, now=NOW + timedelta(hours=2))
        factories.sent(session, factories.oksana(session), other, now=NOW)
        factories.sent(session, factories.learner(session, "Tesfay"), work, now=NOW + timedelta(hours=1))
        factories.drafted(session, factories.learner(session, "Elif Yilmaz"), work, "pas encore")
        return factories.level(session).id

    level = school.write(story)
    with school.counting_statements() as sent:
        names = [copy.learner for copy in school.read(queue.list_queue)]
    assert names == ["Oksana Bondar", "Tesfay", "Samira"]
    assert len(sent) == 1
    assert [c.learner for c in school.read(lambda s: queue.list_queue(s, level))] == ["Tesfay", "Samira"]
    assert len(school.read(lambda s: queue.list_queue(s, limit=2))) == 2
    with school.counting_statements() as sent:
        counts = school.read(queue.counts_by_level)
    assert [(each.name[-1], each.number) for each in counts] == [("1", 2), ("2", 1), ("3", 0)]
    assert len(sent) == 1


def test_a_follow_up_is_marked_and_a_returned_copy_leaves_the_queue(school: School) -> None:
    def story(session: Session) -> None:
        samira, work = factories.samira(session), factories.assignment(session)
        factories.answered(session, factories.sent(session, samira, work), redo=True)
        assert queue.list_queue(session) == []
        factories.sent(session, samira, work, "Mieux")
        (copy,) = queue.list_queue(session)
        assert copy.is_follow_up
        assert session.get_one(Attempt, copy.attempt_id).number == 2

    school.write(story)


def test_after_the_last_copy_of_the_queue_comes_the_oldest(school: School) -> None:
    def story(session: Session) -> None:
        nadia, work = factories.nadia(session), factories.assignment(session)
        first, last = (
            factories.sent(session, factories.learner(session, name), work, now=NOW + timedelta(hours=hour))
            for hour, name in enumerate(("Tesfay", "Ahmad"))
        )
        assert queue.next_in_queue(session, first) == last.id
        assert queue.next_in_queue(session, last) == first.id
        factories.answered(session, last)
        assert queue.next_in_queue(session, attempts.queued_attempt_for(session, nadia, last.id)) == first.id
        factories.answered(session, first)
        assert queue.next_in_queue(session, first) is None

    school.write(story)


def save(session: Session, copy: str, who: str, answer: FeedbackDraft, version: int) -> Feedback:
    teacher = factories.luc(session) if who == "luc" else factories.nadia(session)
    attempt = attempts.queued_attempt_for(session, teacher, copy)
    return correction.save_feedback(session, attempt, teacher, answer, version, now=NOW)


def test_whoever_saves_on_an_old_version_is_told_and_the_first_text_stays(school: School, copy: str) -> None:
    assert school.write(lambda s: save(s, copy, "nadia", FeedbackDraft("Bien"), 0)).version == 1
    for old in (0, 2, -1):
        with pytest.raises(Refused, match="copy_changed"):
            school.write(partial(save, copy=copy, who="luc", answer=FeedbackDraft("Autre"), version=old))
    assert school.read(lambda s: s.scalars(select(Feedback.comment)).one()) == "Bien"
    saved = school.write(lambda s: save(s, copy, "luc", FeedbackDraft("Autre"), 1))
    assert (saved.version, saved.comment) == (2, "Autre")


def test_of_two_teachers_who_save_at_the_same_moment_one_is_told(school: School, copy: str) -> None:
    school.write(lambda s: (factories.nadia(s), factories.luc(s)))
    inside, done, ends = threading.Event(), threading.Event(), []

    def first(session: Session) -> str:
        save(session, copy, "nadia", FeedbackDraft("nadia"), 0)
        inside.set()
        done.wait(0.7)  # the second has pressed meanwhile, and cannot be answered before this one
        return "saved"

    def second() -> None:
        inside.wait(10)
        try:
            school.write(lambda s: save(s, copy, "luc", FeedbackDraft("luc"), 0))
        except Refused as refusal:
            ends.append(str(refusal.code))
        done.set()

    other = threading.Thread(target=second)
    other.start()
    ends.append(school.write(first))
    other.join(30)
    assert sorted(ends) == ["copy_changed", "saved"]
    assert school.read(lambda s: s.scalar(select(func.count(Feedback.id)))) == 1


def test_bands_are_set_changed_and_taken_back(school: School, copy: str) -> None:
    task, words, _ = (criterion.id for criterion in school.write(factories.criteria))

    def scores() -> dict[str, int]:
        found = school.read(lambda s: s.scalars(select(Score)).all())
        return {score.criterion_id: score.band for score in found}

    school.write(lambda s: save(s, copy, "nadia", FeedbackDraft(bands={task: 3, words: 0}), 0))
    assert scores() == {task: 3, words: 0}
    school.write(lambda s: save(s, copy, "nadia", FeedbackDraft(bands={task: 1}), 1))
    assert scores() == {task: 1}
    with pytest.raises(ValueError, match="not a band"):
        school.write(lambda s: save(s, copy, "nadia", FeedbackDraft(bands={task: 4}), 2))


def test_returning_writes_answer_mail_and_journal_together_and_only_once(school: School, copy: str) -> None:
    def give(session: Session, answer: FeedbackDraft, version: int) -> str:
        nadia = factories.nadia(session)
        attempt = attempts.queued_attempt_for(session, nadia, copy)
        return correction.return_feedback(session, attempt, nadia, answer, version, redo=True, now=NOW).id

    with pytest.raises(Refused, match="empty_feedback"):
        school.write(lambda s: give(s, FeedbackDraft(next_step="Le pluriel"), 0))
    assert school.read(lambda s: s.scalars(select(Feedback)).all()) == []
    feedback = school.write(lambda s: give(s, FeedbackDraft("Presque"), 0))
    for version in (0, 1):
        with pytest.raises(Refused, match="already_returned"):
            school.write(partial(give, answer=FeedbackDraft("Encore"), version=version))
    assert school.read(lambda s: s.scalars(select(OutboxItem.about_id)).all()) == [feedback]
    (line,) = school.read(
        lambda s: s.scalars(select(AuditEvent).where(AuditEvent.object_kind == "feedback")).all()
    )
    assert (line.action, line.object_id, line.detail) == ("feedback_returned", feedback, "redo")
    assert school.read(lambda s: correction.mail_outcomes(s, [feedback, "other"])) == {feedback: "waiting"}


def test_copies_are_for_teachers_and_only_once_they_are_sent(school: School, copy: str) -> None:
    def look(session: Session) -> None:
        for person in (factories.samira(session), factories.claire(session), factories.farid(session)):
            with pytest.raises(Absent):
                attempts.queued_attempt_for(session, person, copy)
        draft = factories.drafted(
            session, factories.samira(session), factories.assignment(session), "Bonjour"
        )
        with pytest.raises(Absent):
            attempts.queued_attempt_for(session, factories.nadia(session), draft.id)

    school.write(look)
