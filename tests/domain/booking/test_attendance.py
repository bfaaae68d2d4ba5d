from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import appointments, attendance
from lms.domain.errors import Absent, Refused
from lms.models import AppointmentRecord, Attendance, AuditEvent, Booking, Person
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School

TUESDAY = wall("2026-11-24", "10:00")
AFTER = TUESDAY + timedelta(hours=1)


@pytest.fixture
def held(school: School) -> str:
    """Samira with Nadia on Tuesday."""

    def prepared(session: Session) -> str:
        factories.all_week(session, factories.nadia(session))
        return factories.booked(session, factories.samira(session), factories.nadia(session), TUESDAY).id

    return school.write(prepared)


def marked(
    school: School,
    booking: str,
    word: str | None,
    by: Callable[[Session], Person] = factories.nadia,
    at: Any = AFTER,
) -> Booking:
    def operation(session: Session) -> Booking:
        found = session.get_one(Booking, booking)
        attendance.mark_attendance(session, by(session), found, word, now=at)
        return found

    return school.write(operation)


def refusal(operation: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        operation()
    return caught.value.code


def cancelled(school: School, booking: str, by: Callable[[Session], Person], at: datetime) -> None:
    school.write(
        lambda s: appointments.cancel(s, by(s), s.get_one(Booking, booking), "", now=at, zone=BRUSSELS)
    )


@pytest.mark.parametrize("word", ["done", "no_show", "late_cancel", "excused"])
def test_what_became_of_a_session_is_kept_with_who_said_so_and_when(
    school: School, held: str, word: str
) -> None:
    found = marked(school, held, word)
    nadia = school.write(factories.nadia).id
    assert (found.attendance, found.record.marked_at, found.record.marked_by_id) == (word, AFTER, nadia)


def test_a_session_that_runs_can_be_marked_and_one_ahead_cannot(school: School, held: str) -> None:
    assert refusal(lambda: marked(school, held, "done", at=TUESDAY - timedelta(minutes=1))) == "not_begun"
    assert marked(school, held, "done", at=TUESDAY).attendance == Attendance.DONE


def test_another_word_takes_the_place_of_the_first_and_a_choice_can_be_taken_back(
    school: School, held: str
) -> None:
    marked(school, held, "no_show")
    assert marked(school, held, "excused").attendance == Attendance.EXCUSED
    found = marked(school, held, None)
    assert (found.attendance, found.record.marked_at, found.record.marked_by_id) == (None, None, None)
    said = school.read(
        lambda s: s.scalars(select(AuditEvent.detail).where(AuditEvent.action == "attendance_marked")).all()
    )
    assert sorted(said) == ["excused", "no_show", "undone"]


def test_the_same_word_twice_is_one_deed(school: School, held: str) -> None:
    marked(school, held, "done")
    again = marked(school, held, "done", at=AFTER + timedelta(hours=1))
    assert again.record.marked_at == AFTER


def test_there_are_four_words_and_no_others(school: School, held: str) -> None:
    assert refusal(lambda: marked(school, held, "sick")) == "not_an_attendance"
    assert refusal(lambda: marked(school, held, "")) == "not_an_attendance"


@pytest.mark.parametrize("who", [factories.luc, factories.claire])
def test_a_colleague_and_the_coordinator_may_mark_too(
    school: School, held: str, who: Callable[[Session], Person]
) -> None:
    assert marked(school, held, "done", who).attendance == Attendance.DONE


@pytest.mark.parametrize("who", [factories.samira, factories.farid])
def test_the_learner_and_her_social_worker_mark_nothing(
    school: School, held: str, who: Callable[[Session], Person]
) -> None:
    with pytest.raises(Absent):
        marked(school, held, "done", who)


def test_who_cancelled_late_can_only_be_excused(school: School, held: str) -> None:
    cancelled(school, held, factories.samira, TUESDAY - timedelta(hours=1))
    for word in ("done", "no_show", "late_cancel"):
        assert refusal(partial(marked, school, held, word)) == "already_cancelled"
    assert marked(school, held, "excused").marked_attendance == Attendance.EXCUSED
    undone = marked(school, held, None)
    assert (undone.attendance, undone.marked_attendance) == (Attendance.LATE_CANCEL, None)


def test_what_was_cancelled_in_time_or_by_the_team_is_not_marked(school: School, held: str) -> None:
    cancelled(school, held, factories.nadia, TUESDAY - timedelta(hours=1))
    assert refusal(lambda: marked(school, held, "excused")) == "already_cancelled"


# -- notes ---------------------------------------------------------------------------------------


def noted(
    school: School, booking: str, private: str, step: str, by: Callable[[Session], Person] = factories.nadia
) -> AppointmentRecord:
    return school.write(
        lambda s: attendance.write_note(s, by(s), s.get_one(Booking, booking), private, step, now=AFTER)
    )


def test_a_note_is_written_and_written_anew(school: School, held: str) -> None:
    noted(school, held, "Fatiguée", "Relire la leçon 2")
    noted(school, held, "Mieux", "Écrire trois phrases")
    record = school.read(lambda s: s.get_one(AppointmentRecord, held))
    assert (record.private_note, record.next_step) == ("Mieux", "Écrire trois phrases")


@pytest.mark.parametrize("who", [factories.luc, factories.claire, factories.farid, factories.samira])
def test_only_the_teacher_of_the_session_writes_its_note(
    school: School, held: str, who: Callable[[Session], Person]
) -> None:
    with pytest.raises(Absent):
        noted(school, held, "x", "y", who)


def test_the_journal_holds_no_word_of_a_note(school: School, held: str) -> None:
    noted(school, held, "Secret", "Pas")
    lines = school.read(lambda s: s.scalars(select(AuditEvent.detail)).all())
    assert not any("Secret" in line for line in lines)


def test_the_next_steps_of_her_last_sessions_the_newest_first(school: School, held: str) -> None:
    later = school.write(
        lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), TUESDAY + timedelta(days=1)).id
    )
    others = school.write(
        lambda s: factories.booked(s, factories.oksana(s), factories.nadia(s), TUESDAY + timedelta(days=2)).id
    )
    noted(school, held, "", "Un")
    noted(school, later, "Sans suite", "Deux")
    noted(school, others, "", "Autre")
    next_one = school.write(
        lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), TUESDAY + timedelta(days=7)).id
    )

    def before(booking: str) -> list[str]:
        return school.read(
            lambda s: [step for _b, step in attendance.next_steps(s, s.get_one(Booking, booking))]
        )

    assert before(next_one) == ["Deux", "Un"]
    assert before(later) == ["Un"]


# -- questions -----------------------------------------------------------------------------------


def asked(
    school: School,
    booking: str,
    question: str,
    by: Callable[[Session], Person] = factories.samira,
    at: Any = NOW,
) -> None:
    school.write(lambda s: attendance.ask_question(s, by(s), s.get_one(Booking, booking), question, now=at))


def test_a_learner_says_what_she_wants_to_ask_until_it_begins(school: School, held: str) -> None:
    asked(school, held, "Le passé composé ?")
    asked(school, held, "Les mois ?")
    assert school.read(lambda s: s.get_one(Booking, held).record.question) == "Les mois ?"
    assert refusal(lambda: asked(school, held, "Trop tard", at=TUESDAY)) == "already_begun"
    with pytest.raises(Absent):
        asked(school, held, "Pas à moi", factories.oksana)
    cancelled(school, held, factories.samira, NOW)
    assert refusal(lambda: asked(school, held, "Plus rien")) == "already_cancelled"


def test_a_question_of_a_session_that_did_not_take_place_stays_open(school: School, held: str) -> None:
    asked(school, held, "Le passé composé ?")
    later = school.write(
        lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), TUESDAY + timedelta(days=1)).id
    )

    def still_open() -> list[str]:
        return school.read(
            lambda s: [one.record.question for one in attendance.open_questions(s, s.get_one(Booking, later))]
        )

    marked(school, held, "no_show")
    assert still_open() == ["Le passé composé ?"]
    marked(school, held, "done")
    assert still_open() == []
