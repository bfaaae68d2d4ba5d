from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.booking import appointments, attendance
from lms.domain.errors import Absent, Refused
from lms.models import AuditEvent, Booking, Person, SessionNote
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import House

TUESDAY = wall("2026-11-24", "10:00")
AFTER = TUESDAY + timedelta(hours=1)


@pytest.fixture
def held(house: House) -> str:
    """Samira with Nadia on Tuesday."""

    def prepared(session: Session) -> str:
        factories.all_week(session, factories.nadia(session))
        return factories.booked(session, factories.samira(session), factories.nadia(session), TUESDAY).id

    return house.write(prepared)


def marked(
    house: House,
    booking: str,
    word: str | None,
    by: Callable[[Session], Person] = factories.nadia,
    at: Any = AFTER,
) -> Booking:
    def deed(session: Session) -> Booking:
        found = session.get_one(Booking, booking)
        attendance.mark(session, found, by(session), word, at)
        return found

    return house.write(deed)


def refusal(deed: Callable[[], object]) -> str:
    with pytest.raises(Refused) as no:
        deed()
    return no.value.code


def cancelled(house: House, booking: str, by: Callable[[Session], Person], at: datetime) -> None:
    house.write(lambda s: appointments.cancel(s, s.get_one(Booking, booking), by(s), "", at))


@pytest.mark.parametrize("word", ["done", "no_show", "late_cancel", "excused"])
def test_what_became_of_a_session_is_kept_with_who_said_so_and_when(
    house: House, held: str, word: str
) -> None:
    found = marked(house, held, word)
    nadia = house.write(factories.nadia).id
    assert (found.attendance, found.marked_at, found.marked_by_id) == (word, AFTER, nadia)


def test_a_session_that_runs_can_be_marked_and_one_ahead_cannot(house: House, held: str) -> None:
    assert refusal(lambda: marked(house, held, "done", at=TUESDAY - timedelta(minutes=1))) == "not_begun"
    assert marked(house, held, "done", at=TUESDAY).attendance == "done"


def test_another_word_takes_the_place_of_the_first_and_a_choice_can_be_taken_back(
    house: House, held: str
) -> None:
    marked(house, held, "no_show")
    assert marked(house, held, "excused").attendance == "excused"
    found = marked(house, held, None)
    assert (found.attendance, found.marked_at, found.marked_by_id) == (None, None, None)
    said = house.read(
        lambda s: s.scalars(select(AuditEvent.detail).where(AuditEvent.action == "attendance_marked")).all()
    )
    assert sorted(said) == ["excused", "no_show", "undone"]


def test_the_same_word_twice_is_one_deed(house: House, held: str) -> None:
    marked(house, held, "done")
    again = marked(house, held, "done", at=AFTER + timedelta(hours=1))
    assert again.marked_at == AFTER


def test_there_are_four_words_and_no_others(house: House, held: str) -> None:
    assert refusal(lambda: marked(house, held, "sick")) == "not_an_attendance"
    assert refusal(lambda: marked(house, held, "")) == "not_an_attendance"


@pytest.mark.parametrize("who", [factories.luc, factories.claire])
def test_a_colleague_and_the_coordinator_may_mark_too(
    house: House, held: str, who: Callable[[Session], Person]
) -> None:
    assert marked(house, held, "done", who).attendance == "done"


@pytest.mark.parametrize("who", [factories.samira, factories.farid])
def test_the_learner_and_her_social_worker_mark_nothing(
    house: House, held: str, who: Callable[[Session], Person]
) -> None:
    with pytest.raises(Absent):
        marked(house, held, "done", who)


def test_who_cancelled_late_can_only_be_excused(house: House, held: str) -> None:
    cancelled(house, held, factories.samira, TUESDAY - timedelta(hours=1))
    for word in ("done", "no_show", "late_cancel"):
        assert refusal(lambda word=word: marked(house, held, word)) == "already_cancelled"  # type: ignore[misc]
    assert marked(house, held, "excused").attendance == "excused"
    assert marked(house, held, None).attendance is None


def test_what_was_cancelled_in_time_or_by_the_team_is_not_marked(house: House, held: str) -> None:
    cancelled(house, held, factories.nadia, TUESDAY - timedelta(hours=1))
    assert refusal(lambda: marked(house, held, "excused")) == "already_cancelled"


# -- notes ---------------------------------------------------------------------------------------


def noted(
    house: House, booking: str, private: str, step: str, by: Callable[[Session], Person] = factories.nadia
) -> SessionNote:
    return house.write(
        lambda s: attendance.write_note(s, s.get_one(Booking, booking), by(s), private, step, AFTER)
    )


def test_a_note_is_written_and_written_anew(house: House, held: str) -> None:
    noted(house, held, "Fatiguée", "Relire la leçon 2")
    noted(house, held, "Mieux", "Écrire trois phrases")
    note = house.read(lambda s: attendance.note_for(s, s.get_one(Booking, held)))
    assert note is not None
    assert (note.private, note.next_step) == ("Mieux", "Écrire trois phrases")


@pytest.mark.parametrize("who", [factories.luc, factories.claire, factories.farid, factories.samira])
def test_only_the_teacher_of_the_session_writes_its_note(
    house: House, held: str, who: Callable[[Session], Person]
) -> None:
    with pytest.raises(Absent):
        noted(house, held, "x", "y", who)


def test_the_journal_holds_no_word_of_a_note(house: House, held: str) -> None:
    noted(house, held, "Secret", "Pas")
    lines = house.read(lambda s: s.scalars(select(AuditEvent.detail)).all())
    assert not any("Secret" in line for line in lines)


def test_the_next_steps_of_her_last_sessions_the_newest_first(house: House, held: str) -> None:
    later = house.write(
        lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), TUESDAY + timedelta(days=1)).id
    )
    others = house.write(
        lambda s: factories.booked(s, factories.oksana(s), factories.nadia(s), TUESDAY + timedelta(days=2)).id
    )
    noted(house, held, "", "Un")
    noted(house, later, "Sans suite", "Deux")
    noted(house, others, "", "Autre")
    next_one = house.write(
        lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), TUESDAY + timedelta(days=7)).id
    )

    def before(booking: str) -> list[str]:
        return house.read(
            lambda s: [step for _b, step in attendance.next_steps(s, s.get_one(Booking, booking))]
        )

    assert before(next_one) == ["Deux", "Un"]
    assert before(later) == ["Un"]


# -- questions -----------------------------------------------------------------------------------


def asked(
    house: House,
    booking: str,
    question: str,
    by: Callable[[Session], Person] = factories.samira,
    at: Any = NOW,
) -> None:
    house.write(lambda s: attendance.ask(s, s.get_one(Booking, booking), by(s), question, at))


def test_a_learner_says_what_she_wants_to_ask_until_it_begins(house: House, held: str) -> None:
    asked(house, held, "Le passé composé ?")
    asked(house, held, "Les mois ?")
    assert house.read(lambda s: s.get_one(Booking, held).question) == "Les mois ?"
    assert refusal(lambda: asked(house, held, "Trop tard", at=TUESDAY)) == "already_begun"
    with pytest.raises(Absent):
        asked(house, held, "Pas à moi", factories.oksana)
    cancelled(house, held, factories.samira, NOW)
    assert refusal(lambda: asked(house, held, "Plus rien")) == "already_cancelled"


def test_a_question_of_a_session_that_did_not_take_place_stays_open(house: House, held: str) -> None:
    asked(house, held, "Le passé composé ?")
    later = house.write(
        lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), TUESDAY + timedelta(days=1)).id
    )

    def still_open() -> list[str]:
        return house.read(
            lambda s: [one.question for one in attendance.open_questions(s, s.get_one(Booking, later))]
        )

    marked(house, held, "no_show")
    assert still_open() == ["Le passé composé ?"]
    marked(house, held, "done")
    assert still_open() == []
