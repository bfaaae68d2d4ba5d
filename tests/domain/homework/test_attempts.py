from __future__ import annotations

import threading

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts
from lms.models import Attempt, ReturnedFeedback, Submission
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def refused(code: str, operation: object) -> None:
    with pytest.raises(Refused) as refusal:
        operation()  # type: ignore[operator]
    assert refusal.value.code == code


def test_the_draft_is_one_and_the_same_until_it_is_sent(school: School) -> None:
    def story(session: Session) -> None:
        samira, work = factories.samira(session), factories.assignment(session)
        assert attempts.draft_of(session, samira, work.id) is None
        first = factories.drafted(session, samira, work, "Bonjour")
        assert attempts.open_draft(session, samira, work.id, now=NOW) is first
        attempts.send_attempt(session, first, work, now=NOW)
        assert attempts.draft_of(session, samira, work.id) is None

    school.write(story)


def test_an_older_page_never_overwrites_newer_text(school: School) -> None:
    def story(session: Session) -> None:
        draft = factories.drafted(session, factories.samira(session), factories.assignment(session))
        attempts.write_text(session, draft, "Lundi", 0)
        attempts.write_text(session, draft, "Lundi, mardi", 1)
        refused("draft_changed", lambda: attempts.write_text(session, draft, "Samedi", 1))
        assert (draft.text, draft.version) == ("Lundi, mardi", 2)
        attempts.write_text(session, draft, "", 0)  # an older page into which nothing was typed
        attempts.write_text(session, draft, "Lundi, mardi", 0)  # the same form sent again
        assert (draft.text, draft.version) == ("Lundi, mardi", 2)
        attempts.write_text(session, draft, "Lundi, mardi, mercredi", 0)  # what was stored is in it
        attempts.join_text(session, draft, "Samedi", 3)
        assert (draft.text, draft.version) == ("Lundi, mardi, mercredi\n\nSamedi", 4)
        attempts.write_text(session, draft, "", 4)
        assert (draft.text, draft.version) == ("", 5)

    school.write(story)


def test_the_database_refuses_a_second_draft_and_a_second_submission(school: School) -> None:
    ids = school.write(
        lambda s: (
            (d := factories.drafted(s, factories.samira(s), factories.assignment(s))).id,
            d.submission_id,
        )
    )

    def twin(session: Session) -> None:
        session.add(Attempt(submission_id=ids[1], number=2, text="", created_at=NOW))
        session.flush()

    with pytest.raises(IntegrityError):
        school.write(twin)

    def again(session: Session) -> None:
        there = session.get_one(Submission, ids[1])
        twin = Submission(assignment_id=there.assignment_id, learner_id=there.learner_id, created_at=NOW)
        session.add(twin)
        session.flush()

    with pytest.raises(IntegrityError):
        school.write(again)


def test_two_forms_at_the_same_moment_write_into_one_draft(school: School) -> None:
    given = school.write(lambda s: (factories.samira(s), factories.assignment(s).id)[-1])
    inside, done, drafts = threading.Event(), threading.Event(), []

    def first(session: Session) -> str:
        draft = attempts.open_draft(session, factories.samira(session), given, now=NOW)
        inside.set()
        done.wait(0.7)  # the second form has come meanwhile, and cannot be done before this one
        return draft.id

    def second() -> None:
        inside.wait(10)
        drafts.append(school.write(lambda s: attempts.open_draft(s, factories.samira(s), given, now=NOW)).id)
        done.set()

    other = threading.Thread(target=second)
    other.start()
    drafts.append(school.write(first))
    other.join(30)
    assert len(drafts) == 2
    assert len(set(drafts)) == 1


def test_a_second_attempt_waits_for_the_teacher(school: School) -> None:
    def story(session: Session) -> list[int]:
        samira, work = factories.samira(session), factories.assignment(session, may_redo=False)
        first = factories.sent(session, samira, work)
        refused("already_sent", lambda: attempts.open_draft(session, samira, work.id, now=NOW))
        factories.answered(session, first, redo=True)
        second = factories.sent(session, samira, work, "Mieux")
        factories.answered(session, second)
        refused("no_redo", lambda: attempts.open_draft(session, samira, work.id, now=NOW))
        return [first.number, second.number]

    assert school.write(story) == [1, 2]


def test_whoever_sends_again_has_seen_the_answer(school: School) -> None:
    def story(session: Session) -> None:
        samira, work = factories.samira(session), factories.assignment(session)
        factories.answered(session, factories.sent(session, samira, work))
        factories.sent(session, samira, work, "Encore mieux")

    school.write(story)
    assert school.read(lambda s: s.scalars(select(ReturnedFeedback.seen_at)).one()) == NOW


def test_nothing_is_sent_empty_or_in_a_way_nobody_asked_for(school: School) -> None:
    def story(session: Session) -> None:
        samira, work = factories.samira(session), factories.assignment(session, kinds=["photo"])
        draft = factories.drafted(session, samira, work)
        refused("nothing_to_send", lambda: attempts.send_attempt(session, draft, work, now=NOW))
        attempts.write_text(session, draft, "Un texte", draft.version)
        refused("kind_text", lambda: attempts.send_attempt(session, draft, work, now=NOW))

    school.write(story)


def test_a_submission_is_found_by_its_learner_and_by_teachers_once_it_is_sent(school: School) -> None:
    def story(session: Session) -> None:
        samira, nadia, work = (
            factories.samira(session),
            factories.nadia(session),
            factories.assignment(session),
        )
        draft = factories.drafted(session, samira, work, "Bonjour")
        found = attempts.submission_for(session, samira, draft.submission_id, now=NOW)
        assert [attempt.text for attempt in found.attempts] == ["Bonjour"]
        with pytest.raises(Absent):
            attempts.submission_for(session, nadia, draft.submission_id, now=NOW)
        attempts.send_attempt(session, draft, work, now=NOW)
        assert attempts.submission_for(session, nadia, draft.submission_id, now=NOW).learner.name == "Samira"
        for person in (factories.oksana(session), factories.claire(session), factories.farid(session)):
            with pytest.raises(Absent):
                attempts.submission_for(session, person, draft.submission_id, now=NOW)
            with pytest.raises(Absent):
                attempts.mark_feedback_seen(session, person, draft.submission_id, now=NOW)

    school.write(story)
