from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts, consistency, correction, queue
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.returns import UNDOABLE
from lms.models import (
    Assignment,
    Attempt,
    AuditEvent,
    Feedback,
    OutboxItem,
    Person,
    ReturnedFeedback,
    Score,
    Submission,
)
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.school import School

# When what was returned at NOW is final: the learner reads it.
FINAL = NOW + UNDOABLE


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


def save(
    session: Session, copy: str, who: str, written: FeedbackDraft, shown: FeedbackDraft | None = None
) -> Feedback:
    """Save as a teacher whose page showed the draft `shown`, by default an empty one."""
    teacher = factories.luc(session) if who == "luc" else factories.nadia(session)
    attempt = attempts.queued_attempt_for(session, teacher, copy)
    stamps = (shown or FeedbackDraft()).stamps()
    returns = attempt.feedback.returns if attempt.feedback else 0
    return correction.save_feedback(session, attempt, teacher, written, stamps, returns=returns, now=NOW)


def give(
    session: Session,
    copy: str,
    written: FeedbackDraft,
    shown: FeedbackDraft | None = None,
    *,
    returns: int = 0,
    redo: bool = False,
    now: datetime = NOW,
) -> ReturnedFeedback:
    nadia = factories.nadia(session)
    attempt = attempts.queued_attempt_for(session, nadia, copy)
    stamps = (shown or FeedbackDraft()).stamps()
    return correction.return_feedback(
        session, attempt, nadia, written, stamps, returns=returns, redo=redo, now=now
    )


def stored(school: School) -> FeedbackDraft:
    def read(session: Session) -> FeedbackDraft:
        bands = {score.criterion_id: score.band for score in session.scalars(select(Score))}
        feedback = session.scalars(select(Feedback)).one()
        return FeedbackDraft(feedback.comment, feedback.next_step, bands)

    return school.read(read)


WORDS = FeedbackDraft("Bien", "Le pluriel", {"task": 2})
REST = "next_step band-task"


@pytest.mark.parametrize(
    ("written", "shown", "merged", "clashes", "unseen"),
    [
        # nobody else has written
        (FeedbackDraft("Bravo", "Le pluriel", {"task": 2}), WORDS, ("Bravo", "Le pluriel", 2), "", ""),
        # each has written a field of one's own
        (
            FeedbackDraft("Bravo"),
            FeedbackDraft("Bien"),
            ("Bravo", "Le pluriel", 2),
            "",
            "next_step band-task",
        ),
        # both have written the same words, or the second has seen the first
        (FeedbackDraft("Bien"), FeedbackDraft(), ("Bien", "Le pluriel", 2), "", REST),
        (
            FeedbackDraft("Bien, mais"),
            FeedbackDraft(),
            ("Bien, mais", "Le pluriel", 2),
            "",
            "next_step band-task",
        ),
        # both have written other words
        (FeedbackDraft("Ah"), FeedbackDraft("Oh"), ("Ah", "Le pluriel", 2), "comment", REST),
        (WORDS, FeedbackDraft("Oh", "", {"task": 1}), ("Bien", "Le pluriel", 2), "", ""),
        (
            FeedbackDraft("Bien", "Le pluriel", {"task": 3}),
            FeedbackDraft(),
            ("Bien", "Le pluriel", 3),
            "band-task",
            "",
        ),
        # what was there is taken away
        (FeedbackDraft("", "Le pluriel"), WORDS, ("", "Le pluriel", None), "", ""),
        (
            FeedbackDraft(),
            FeedbackDraft("Oh", "", {}),
            ("", "Le pluriel", 2),
            "comment",
            "next_step band-task",
        ),
    ],
)
def test_two_drafts_become_one_field_by_field(
    written: FeedbackDraft,
    shown: FeedbackDraft,
    merged: tuple[str, str, int | None],
    clashes: str,
    unseen: str,
) -> None:
    found = correction.merge_drafts(WORDS, written, shown.stamps())
    assert (found.draft.comment, found.draft.next_step, found.draft.bands.get("task")) == merged
    assert (found.clashes, found.unseen) == (frozenset(clashes.split()), frozenset(unseen.split()))


def test_two_teachers_on_different_fields_both_keep_theirs(school: School, copy: str) -> None:
    task, words, _ = (criterion.id for criterion in school.write(factories.criteria))
    school.write(lambda s: save(s, copy, "nadia", FeedbackDraft("Bien", bands={task: 3})))
    school.write(lambda s: save(s, copy, "luc", FeedbackDraft(next_step="Le pluriel", bands={words: 1})))
    assert stored(school) == FeedbackDraft("Bien", "Le pluriel", {task: 3, words: 1})


def test_who_writes_into_the_field_of_a_colleague_is_told_and_the_first_text_stays(
    school: School, copy: str
) -> None:
    school.write(lambda s: save(s, copy, "nadia", FeedbackDraft("Bien")))
    with pytest.raises(Refused, match="field_changed"):
        school.write(lambda s: save(s, copy, "luc", FeedbackDraft("Autre")))
    assert stored(school).comment == "Bien"
    school.write(lambda s: save(s, copy, "luc", FeedbackDraft("Autre"), FeedbackDraft("Bien")))
    assert stored(school).comment == "Autre"


def test_a_page_whose_answer_was_lost_saves_again_what_it_had_saved(school: School, copy: str) -> None:
    for text in ("Bien", "Bien", "Bien, continuez"):
        school.write(partial(save, copy=copy, who="nadia", written=FeedbackDraft(text)))
    assert stored(school).comment == "Bien, continuez"


def test_what_nobody_has_changed_is_not_written(school: School, copy: str) -> None:
    school.write(lambda s: save(s, copy, "nadia", FeedbackDraft("Bien")))
    school.write(lambda s: save(s, copy, "luc", FeedbackDraft("Bien"), FeedbackDraft("Bien")))
    assert school.read(lambda s: s.scalars(select(Person.name).join(Feedback)).one()) == "Nadia Dubois"


def test_of_two_teachers_who_save_at_the_same_moment_one_is_told(school: School) -> None:
    copy = school.write(lambda s: factories.sent(s, factories.samira(s), factories.assignment(s)).id)
    school.write(lambda s: (factories.nadia(s), factories.luc(s)))
    inside, done, ends = threading.Event(), threading.Event(), []

    def first(session: Session) -> str:
        save(session, copy, "nadia", FeedbackDraft("nadia"))
        inside.set()
        done.wait(0.7)  # the second has pressed meanwhile, and cannot be answered before this one
        return "saved"

    def second() -> None:
        inside.wait(10)
        try:
            school.write(lambda s: save(s, copy, "luc", FeedbackDraft("luc")))
        except Refused as refusal:
            ends.append(str(refusal.code))
        done.set()

    other = threading.Thread(target=second)
    other.start()
    ends.append(school.write(first))
    other.join(30)
    assert sorted(ends) == ["field_changed", "saved"]
    assert school.read(lambda s: s.scalar(select(func.count(Feedback.id)))) == 1


def test_bands_are_set_changed_and_taken_back(school: School, copy: str) -> None:
    task, words, _ = (criterion.id for criterion in school.write(factories.criteria))
    first = FeedbackDraft(bands={task: 3, words: 0})
    school.write(lambda s: save(s, copy, "nadia", first))
    assert stored(school).bands == {task: 3, words: 0}
    school.write(lambda s: save(s, copy, "nadia", FeedbackDraft(bands={task: 1}), first))
    assert stored(school).bands == {task: 1}
    with pytest.raises(ValueError, match="not a band"):
        school.write(lambda s: save(s, copy, "nadia", FeedbackDraft(bands={task: 4}), stored(school)))


def test_returning_writes_answer_mail_and_journal_together_and_only_once(school: School, copy: str) -> None:
    with pytest.raises(Refused, match="empty_feedback"):
        school.write(lambda s: give(s, copy, FeedbackDraft(next_step="Le pluriel")))
    assert school.read(lambda s: s.scalars(select(Feedback)).all()) == []
    returned = school.write(lambda s: give(s, copy, FeedbackDraft("Presque"), redo=True).id)
    for shown in (FeedbackDraft(), FeedbackDraft("Presque")):
        with pytest.raises(Refused, match="already_returned"):
            school.write(partial(give, copy=copy, written=FeedbackDraft("Encore"), shown=shown))
    assert school.read(lambda s: s.scalars(select(OutboxItem.about_id)).all()) == [returned]
    (line,) = school.read(
        lambda s: s.scalars(select(AuditEvent).where(AuditEvent.object_kind == "feedback")).all()
    )
    assert (line.action, line.object_id, line.detail) == ("feedback_returned", returned, "redo")
    assert school.read(lambda s: correction.mail_outcomes(s, [returned, "other"])) == {returned: "waiting"}


def test_nothing_is_returned_that_the_page_did_not_show(school: School, copy: str) -> None:
    school.write(lambda s: save(s, copy, "luc", FeedbackDraft(next_step="Le pluriel")))
    with pytest.raises(Refused, match="field_changed"):
        school.write(lambda s: give(s, copy, FeedbackDraft("Bravo")))
    seen = FeedbackDraft(next_step="Le pluriel")
    returned = school.write(lambda s: give(s, copy, FeedbackDraft("Bravo", "Le pluriel"), seen))
    assert (returned.comment, returned.next_step) == ("Bravo", "Le pluriel")


def test_an_answer_that_is_returned_twice_shows_both_and_the_learner_reads_the_last(
    school: School, copy: str
) -> None:
    task = school.write(lambda s: factories.criteria(s)[0].id)
    first = FeedbackDraft("Bravo", bands={task: 1})
    school.write(lambda s: give(s, copy, first, redo=True))
    work = school.read(lambda s: s.get_one(Attempt, copy).submission_id)
    school.write(lambda s: attempts.mark_feedback_seen(s, factories.samira(s), work, now=FINAL))
    more = FeedbackDraft("Bravo, et relisez.", bands={task: 2})
    school.write(lambda s: save(s, copy, "luc", more, first))  # begins to complete it

    def what_she_reads(session: Session) -> tuple[str, bool, bool]:
        submission = attempts.submission_for(session, factories.samira(session), work, now=FINAL)
        last = present(submission.attempts[-1].last_returned)
        return last.comment, last.redo, last.seen_at is None

    assert school.read(what_she_reads) == ("Bravo", True, False)
    school.write(lambda s: give(s, copy, more, more, returns=1))
    assert school.read(what_she_reads) == ("Bravo, et relisez.", False, True)
    rows = school.read(lambda s: s.scalars(select(ReturnedFeedback).order_by(ReturnedFeedback.number)).all())
    assert [(row.number, row.comment, row.bands[0].band) for row in rows] == [
        (1, "Bravo", 1),
        (2, "Bravo, et relisez.", 2),
    ]
    assert set(school.read(lambda s: s.scalars(select(OutboxItem.about_id)).all())) == {
        row.id for row in rows
    }
    assert school.read(lambda s: s.scalars(select(Submission.redo_since)).one()) is None
    assert school.read(consistency.find_homework_faults) == []


def test_completing_an_earlier_attempt_asks_for_no_other_one(school: School, copy: str) -> None:
    first = FeedbackDraft("Presque")
    school.write(lambda s: give(s, copy, first, redo=True))
    given = school.read(lambda s: factories.assignment_of(s, s.get_one(Attempt, copy)).id)
    school.write(
        lambda s: factories.sent(s, factories.samira(s), s.get_one(Assignment, given), "Mieux", FINAL)
    )
    school.write(lambda s: give(s, copy, FeedbackDraft("Presque, lisez."), first, returns=1, redo=True))
    assert school.read(lambda s: s.scalars(select(Submission.redo_since)).one()) is None
    assert school.read(consistency.find_homework_faults) == []


def change_returned(change: Mapping[str, object], session: Session) -> None:
    session.execute(update(ReturnedFeedback).values(**change))


def test_the_database_refuses_to_change_what_was_returned(school: School) -> None:
    copy = school.write(lambda s: factories.sent(s, factories.samira(s), factories.assignment(s)).id)
    school.write(lambda s: give(s, copy, FeedbackDraft("Bravo")))
    bands: dict[str, object] = {"body": {"bands": []}}
    for change in (bands, {"comment": "Autre"}, {"number": 2}, {"redo": True}):
        with pytest.raises(DBAPIError, match="returned feedback never changes"):
            school.write(partial(change_returned, change))
    school.write(lambda s: s.execute(update(ReturnedFeedback).values(seen_at=NOW)))


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
