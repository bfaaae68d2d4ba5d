"""Marks: each a row, made once, changed by whoever has seen it as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts, correction, files, marks
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.marks import MarkContent
from lms.models import Attempt, Mark, MarkCode, MarkKind
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.school import School

TEXT = "Je prend le bus."
WORD = MarkContent(MarkKind.RANGE, MarkCode.CONJUGATION, starts=3, ends=8, quote="prend", model="prends")


@pytest.fixture
def copy(school: School) -> str:
    """The id of an attempt with a photo and a text."""

    def write(session: Session) -> str:
        work = factories.assignment(session)
        draft = factories.drafted(session, factories.samira(session), work, TEXT)
        store = LocalStore(school.settings.uploads / "store")
        files.add_file(session, draft, work, factories.stored(store), now=NOW)
        attempts.send_attempt(session, draft, work, now=NOW)
        return draft.id

    return school.write(write)


def on_photo(session: Session, copy: str) -> MarkContent:
    attempt = attempts.queued_attempt_for(session, factories.nadia(session), copy)
    photo = attempt.attachments[0].id
    return MarkContent(MarkKind.PIN, MarkCode.SPELLING, photo, page=1, x=5000, y=10_000)


def add(session: Session, copy: str, content: MarkContent, key: str = "key-0001") -> Mark:
    nadia = factories.nadia(session)
    attempt = attempts.queued_attempt_for(session, nadia, copy)
    returns = attempt.feedback.returns if attempt.feedback else 0
    feedback = correction.open_feedback(session, attempt, nadia, returns=returns, now=NOW)
    return marks.add_mark(session, attempt, feedback.id, nadia, key, content, now=NOW)


def live(session: Session, copy: str) -> list[MarkContent]:
    feedback = present(attempts.queued_attempt_for(session, factories.nadia(session), copy).feedback)
    return [marks.content_of(mark) for mark in marks.list_marks(session, feedback.id)]


def test_a_mark_is_made_once_however_often_it_is_sent(school: School, copy: str) -> None:
    first = school.write(lambda s: add(s, copy, WORD).id)
    assert school.write(lambda s: add(s, copy, WORD).id) == first
    pin = school.write(lambda s: marks.content_of(add(s, copy, on_photo(s, copy), "key-0002")))
    assert sorted(school.read(lambda s: live(s, copy)), key=str) == sorted([WORD, pin], key=str)


def test_whoever_changes_a_mark_that_a_colleague_has_changed_is_told(school: School, copy: str) -> None:
    made = school.write(lambda s: add(s, copy, WORD).id)

    def change(session: Session, model: str, version: int) -> int:
        attempt = attempts.queued_attempt_for(session, factories.luc(session), copy)
        mark = marks.mark_for(session, attempt, made)
        marks.change_mark(session, attempt, mark, replace(WORD, model=model), version)
        return mark.version

    assert school.write(lambda s: change(s, "je prends", 1)) == 2
    assert school.write(lambda s: change(s, "je prends", 1)) == 2  # the answer was lost, and it is sent again
    with pytest.raises(Refused, match="field_changed"):
        school.write(lambda s: change(s, "prenez", 1))
    assert school.read(lambda s: live(s, copy)) == [replace(WORD, model="je prends")]


def test_a_removed_mark_comes_back(school: School, copy: str) -> None:
    made = school.write(lambda s: add(s, copy, WORD).id)

    def act(session: Session, is_removed: bool) -> list[MarkContent]:
        attempt = attempts.queued_attempt_for(session, factories.nadia(session), copy)
        mark = marks.mark_for(session, attempt, made)
        for _ in range(2):  # twice is once
            if is_removed:
                marks.remove_mark(session, mark, now=NOW)
            else:
                marks.restore_mark(session, mark)
        return live(session, copy)

    assert school.write(lambda s: act(s, True)) == []
    assert school.write(lambda s: act(s, False)) == [WORD]


def test_a_mark_stays_on_its_page_its_text_and_its_copy(school: School, copy: str) -> None:
    def refused(session: Session) -> None:
        pin = on_photo(session, copy)
        outside = [
            replace(pin, x=10_001),
            replace(pin, y=-1),
            replace(pin, kind=MarkKind.ARROW, w=6000, h=-100),
            replace(pin, kind=MarkKind.PEN, points=[[1, 1], [1, 10_001]]),
            replace(WORD, ends=len(TEXT) + 1),
        ]
        for content in outside:
            with pytest.raises(Refused, match="mark_out_of_page"):
                add(session, copy, content)
        for content in (replace(pin, page=2), replace(pin, attachment_id="nothing")):
            with pytest.raises(Absent):
                add(session, copy, content)
        other = factories.sent(session, factories.learner(session, "Tesfay"), factories.assignment(session))
        with pytest.raises(Absent):
            add(session, other.id, pin)
        mark = add(session, copy, pin)
        with pytest.raises(Absent):
            marks.mark_for(
                session, attempts.queued_attempt_for(session, factories.nadia(session), other.id), mark.id
            )

    school.write(refused)


def test_a_mark_has_the_place_and_words_that_its_kind_needs() -> None:
    pin = MarkContent(MarkKind.PIN, MarkCode.GOOD, "photo", page=1, x=1, y=1)
    whole = [
        pin,
        replace(pin, kind=MarkKind.HIGHLIGHT, code=None, w=10, h=10),
        replace(pin, kind=MarkKind.PEN, code=None, points=[[1, 1], [2, 2]]),
        replace(pin, kind=MarkKind.TEXT, code=None, note="Oui"),
        WORD,
        MarkContent(MarkKind.RANGE, MarkCode.WORD, quote="bus"),  # of a photo, without a script
        MarkContent(MarkKind.MOMENT, MarkCode.WORD, "voice", starts=3, ends=3),
    ]
    assert [each.is_complete for each in whole] == [True] * len(whole)
    broken = [
        replace(pin, x=None),
        replace(pin, attachment_id=None),
        replace(pin, code=None),
        replace(pin, starts=1, ends=2),
        replace(pin, kind=MarkKind.ARROW),
        replace(pin, kind=MarkKind.PEN, points=[[1, 1]]),
        replace(pin, kind=MarkKind.TEXT),
        replace(WORD, quote=""),
        replace(WORD, code=None),
        replace(WORD, ends=None),
        replace(WORD, starts=9),
        replace(WORD, x=1),
        MarkContent(MarkKind.MOMENT, MarkCode.WORD, "voice"),
    ]
    assert [each.is_complete for each in broken] == [False] * len(broken)


def test_a_copy_takes_two_hundred_marks(school: School, copy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert marks.MOST == 200
    monkeypatch.setattr(marks, "MOST", 2)
    for number in range(2):
        school.write(lambda s, number=number: add(s, copy, WORD, f"key-{number}").id)  # type: ignore[misc]
    with pytest.raises(Refused, match="too_many_marks"):
        school.write(lambda s: add(s, copy, WORD, "key-9"))


def test_a_return_keeps_the_marks_of_its_moment(school: School, copy: str) -> None:
    made = school.write(lambda s: add(s, copy, WORD).id)

    def give(session: Session, hours: int) -> list[str]:
        nadia = factories.nadia(session)
        attempt = attempts.queued_attempt_for(session, nadia, copy)
        shown, returns = factories.what_is_shown(session, attempt)
        later = NOW + timedelta(hours=hours)
        returned = correction.return_feedback(
            session,
            attempt,
            nadia,
            FeedbackDraft(),
            shown,
            returns=returns,
            redo=False,
            is_confirmed=True,
            now=later,
        )
        return [mark["model"] for mark in returned.marks]

    assert school.write(lambda s: give(s, 1)) == ["prends"]  # marks alone are an answer

    def change(session: Session) -> None:
        nadia = factories.nadia(session)
        attempt = attempts.queued_attempt_for(session, nadia, copy)
        correction.open_feedback(session, attempt, nadia, returns=1, now=NOW)
        mark = marks.mark_for(session, attempt, made)
        marks.change_mark(session, attempt, mark, replace(WORD, model="je prends"), mark.version)

    school.write(change)

    def read_models(session: Session) -> list[str]:
        attempt = attempts.queued_attempt_for(session, factories.nadia(session), copy)
        return [mark["model"] for each in present(attempt.feedback).returned for mark in each.marks]

    assert school.read(read_models) == ["prends"]
    assert school.write(lambda s: give(s, 2)) == ["je prends"]
    assert school.read(read_models) == ["prends", "je prends"]
    assert school.read(lambda s: s.get_one(Attempt, copy).text) == TEXT
