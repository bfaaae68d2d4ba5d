"""What a teacher says: one voice of the draft, whoever speaks; what was returned keeps its own."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from lms import clock
from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts, correction, played_copies, voices
from lms.domain.homework.consistency import find_homework_faults
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.files import StoredFile
from lms.domain.homework.played_copies import DueCopy, StoredCopy
from lms.domain.homework.returns import UNDOABLE
from lms.domain.stored_files import list_named_files
from lms.models import Feedback, FeedbackVoice, Person, ReturnedFeedback
from tests import factories
from tests.factories import NOW
from tests.support.school import School


@pytest.fixture
def copy(school: School) -> str:
    return school.write(lambda s: factories.sent(s, factories.samira(s), factories.assignment(s)).id)


def recording(name: str, seconds: int = 24) -> StoredFile:
    return StoredFile("voice", f"{name}.webm", f"{name}.webm", "audio/webm", 900, name[0] * 64, seconds)


def opened(session: Session, copy: str, teacher: Person) -> Feedback:
    attempt = attempts.queued_attempt_for(session, teacher, copy)
    returns = attempt.feedback.returns if attempt.feedback else 0
    return correction.open_feedback(session, attempt, teacher, returns=returns, now=NOW)


def say(
    session: Session, copy: str, name: str, shown: str = "", seconds: int = 24, by: Person | None = None
) -> list[str]:
    teacher = by or factories.nadia(session)
    feedback = opened(session, copy, teacher)
    return voices.keep_voice(session, feedback, teacher, recording(name, seconds), shown, now=NOW)


def hush(session: Session, copy: str, shown: str) -> list[str]:
    return voices.remove_voice(session, opened(session, copy, factories.nadia(session)), shown, now=NOW)


def give(
    session: Session, copy: str, shown: str, comment: str = "", *, now: datetime = NOW
) -> ReturnedFeedback:
    nadia = factories.nadia(session)
    attempt = attempts.queued_attempt_for(session, nadia, copy)
    stamps, returns = factories.what_is_shown(session, attempt)
    draft = FeedbackDraft(comment)
    return correction.return_feedback(
        session, attempt, nadia, draft, stamps, returns=returns, voice_id=shown, redo=False, now=now
    )


def of_draft(school: School) -> str:
    found = select(FeedbackVoice.id).where(FeedbackVoice.removed_at.is_(None))
    return school.read(lambda s: s.scalars(found).one_or_none()) or ""


def keys(school: School) -> set[str]:
    return {file.key for file in school.read(list_named_files)}


def test_another_voice_takes_the_place_of_the_one_that_was_shown(school: School, copy: str) -> None:
    assert school.write(lambda s: say(s, copy, "first")) == []
    assert school.write(lambda s: say(s, copy, "next", of_draft(school))) == ["first.webm"]
    assert keys(school) == {"next.webm"}


def test_the_same_voice_sent_twice_is_there_once(school: School, copy: str) -> None:
    school.write(lambda s: say(s, copy, "first"))
    assert school.write(lambda s: say(s, copy, "first")) == ["first.webm"]
    assert len(keys(school)) == 1


def test_two_teachers_never_overwrite_each_other(school: School, copy: str) -> None:
    school.write(lambda s: say(s, copy, "nadia"))
    with pytest.raises(Refused, match="field_changed"):
        school.write(lambda s: say(s, copy, "luc", by=factories.luc(s)))
    with pytest.raises(Refused, match="field_changed"):
        school.write(lambda s: hush(s, copy, ""))
    assert keys(school) == {"nadia.webm"}


@pytest.mark.parametrize(("seconds", "fits"), [(180, True), (190, True), (191, False)])
def test_three_minutes_and_what_recorders_are_late_is_the_most(
    school: School, copy: str, seconds: int, fits: bool
) -> None:
    if fits:
        school.write(lambda s: say(s, copy, "long", seconds=seconds))
    else:
        with pytest.raises(Refused, match="voice_too_long"):
            school.write(lambda s: say(s, copy, "long", seconds=seconds))
    assert bool(of_draft(school)) is fits


def test_a_voice_alone_is_an_answer(school: School, copy: str) -> None:
    with pytest.raises(Refused, match="empty_feedback"):
        school.write(lambda s: give(s, copy, ""))
    school.write(lambda s: say(s, copy, "first"))
    shown = of_draft(school)
    assert school.write(lambda s: give(s, copy, shown).voice_id) == shown


def test_nothing_is_returned_with_a_voice_that_the_page_did_not_show(school: School, copy: str) -> None:
    school.write(lambda s: say(s, copy, "luc", by=factories.luc(s)))
    with pytest.raises(Refused, match="field_changed"):
        school.write(lambda s: give(s, copy, "", "Bravo"))
    shown = of_draft(school)
    school.write(lambda s: hush(s, copy, shown))
    with pytest.raises(Refused, match="field_changed"):
        school.write(lambda s: give(s, copy, shown, "Bravo"))


def test_what_was_returned_keeps_its_voice_and_the_database_sees_to_it(school: School, copy: str) -> None:
    school.write(lambda s: say(s, copy, "first"))
    first = of_draft(school)
    school.write(lambda s: give(s, copy, first))
    with pytest.raises(DBAPIError, match="returned feedback never changes"):
        school.write(lambda s: s.execute(update(ReturnedFeedback).values(voice_id=None)))
    with pytest.raises(DBAPIError):
        school.write(lambda s: s.delete(s.get_one(FeedbackVoice, first)))
    assert school.write(lambda s: hush(s, copy, first)) == []
    assert keys(school) == {"first.webm"}
    school.write(lambda s: say(s, copy, "second"))
    second = of_draft(school)
    school.write(lambda s: give(s, copy, second))
    returned = select(ReturnedFeedback.voice_id).order_by(ReturnedFeedback.number)
    assert school.read(lambda s: s.scalars(returned).all()) == [first, second]


def test_the_night_deletes_a_removed_voice_whose_return_was_taken_back(school: School, copy: str) -> None:
    school.write(lambda s: say(s, copy, "first"))
    shown = of_draft(school)
    returned = school.write(lambda s: give(s, copy, shown, now=clock.now()).id)
    school.write(lambda s: hush(s, copy, shown))
    assert school.write(voices.delete_unused_voices) == []
    school.write(lambda s: s.delete(s.get_one(ReturnedFeedback, returned)))
    assert school.write(voices.delete_unused_voices) == ["first.webm"]
    assert keys(school) == set()


def test_the_learner_hears_what_was_returned_and_nobody_else_does(school: School, copy: str) -> None:
    school.write(lambda s: say(s, copy, "first"))
    voice = of_draft(school)

    def may_hear(session: Session, person: Person, now: datetime) -> bool:
        try:
            return voices.voice_for(session, person, voice, now=now).store_key == "first.webm"
        except Absent:
            return False

    def those_who_hear(session: Session, now: datetime = NOW) -> list[str]:
        people = [factories.samira, factories.oksana, factories.nadia, factories.luc]
        people += [factories.claire, factories.farid]
        found = [make(session) for make in people]
        return [person.first_name for person in found if may_hear(session, person, now)]

    assert school.write(those_who_hear) == ["Nadia", "Luc"]
    school.write(lambda s: give(s, copy, voice))
    assert school.write(those_who_hear) == ["Nadia", "Luc"], "it can still be taken back"
    assert school.write(lambda s: those_who_hear(s, NOW + UNDOABLE)) == ["Samira", "Nadia", "Luc"]


def test_the_check_finds_a_voice_that_stands_with_other_feedback(school: School, copy: str) -> None:
    school.write(lambda s: say(s, copy, "first"))
    shown = of_draft(school)
    school.write(lambda s: give(s, copy, shown))
    assert school.read(find_homework_faults) == []
    given = school.write(lambda s: factories.sent(s, factories.samira(s), factories.assignment(s)).id)
    other = school.write(lambda s: opened(s, given, factories.nadia(s)).id)
    school.write(lambda s: s.execute(update(FeedbackVoice).values(feedback_id=other)))
    (fault,) = school.read(find_homework_faults)
    assert "voice of other feedback" in fault


def test_the_copy_is_played_once_it_is_there(school: School, copy: str) -> None:
    school.write(lambda s: say(s, copy, "first"))
    voice = of_draft(school)

    def played(session: Session) -> tuple[str, str]:
        found = voices.voice_for(session, factories.nadia(session), voice, played=True, now=NOW)
        return found.store_key, found.mime

    assert school.write(played) == ("first.webm", "audio/webm")
    due = DueCopy(FeedbackVoice, voice, "first.webm")
    assert school.read(played_copies.next_due) == due
    school.write(lambda s: played_copies.record_copy(s, due, StoredCopy("first.m4a", 80, "c" * 64)))
    assert school.write(played) == ("first.m4a", "audio/mp4")
    assert keys(school) == {"first.webm", "first.m4a"}
    assert school.write(lambda s: hush(s, copy, voice)) == ["first.webm", "first.m4a"]
