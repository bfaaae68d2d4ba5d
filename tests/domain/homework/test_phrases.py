"""The comment bank: what becomes a phrase, what is offered first, and what teachers do with phrases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.errors import Absent
from lms.domain.homework import attempts, correction, marks, phrases
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.marks import MarkContent
from lms.models import Assignment, Attempt, MarkCode, MarkKind, Phrase
from tests import factories
from tests.factories import NOW
from tests.support import plans
from tests.support.school import School


class Desk:
    """Nadia returns one copy after the other, a minute each."""

    def __init__(self, session: Session) -> None:
        self.session, self.minutes = session, 0
        self.work = factories.assignment(session)

    def give_back(self, comment: str, *, learner: str = "", work: Assignment | None = None) -> Attempt:
        self.minutes += 1
        who = factories.learner(self.session, learner or f"Zeid{self.minutes} Omran{self.minutes}")
        copy = factories.sent(self.session, who, work or self.work)
        factories.answered(self.session, copy, comment=comment, now=NOW + timedelta(minutes=self.minutes))
        return copy

    def offered(self, work: Assignment | None = None, feedback_id: str | None = None) -> list[str]:
        level = factories.level(self.session).id
        found = phrases.offer(self.session, level, (work or self.work).id, feedback_id)
        return [each.text for each in found]

    def phrase(self, text: str) -> Phrase:
        return self.session.scalars(select(Phrase).where(Phrase.text == text)).one()


def test_a_text_is_split_where_sentences_end() -> None:
    assert phrases.sentences_of(
        "Bravo, le message est clair. Regardez « à » et « a » ! Où est « la gare ? » Oui\n"
        "Encore un mot… Fini."
    ) == [
        "Bravo, le message est clair.",
        "Regardez « à » et « a » !",
        "Où est « la gare ? »",
        "Encore un mot…",
    ]
    assert phrases.sentences_of("x " * 101) == []


def test_a_sentence_that_was_returned_for_two_copies_becomes_a_phrase(school: School) -> None:
    def story(session: Session) -> None:
        desk = Desk(session)
        desk.give_back("Pensez au pluriel. Merci pour la photo.")
        assert desk.offered() == []
        desk.give_back("pensez au\u00a0pluriel. Autre chose encore.")
        assert desk.offered() == ["Pensez au pluriel."]

    school.write(story)


def test_the_same_copy_returned_twice_counts_once(school: School) -> None:
    def story(session: Session) -> None:
        desk = Desk(session)
        copy = desk.give_back("Pensez au pluriel.")
        factories.answered(session, copy, comment="Pensez au pluriel. Et relisez-vous bien.")
        assert desk.offered() == []
        assert desk.phrase("Pensez au pluriel.").uses == 1

    school.write(story)


def test_the_name_of_the_learner_never_gets_into_the_bank(school: School) -> None:
    def story(session: Session) -> None:
        desk = Desk(session)
        for name in ("Amélie Haddad", "Amelie Kaya"):
            desk.give_back(
                "Bravo AMÉLIE, c’est bien. Madame Haddad écrit bien. Bon travail à vous.", learner=name
            )
        assert desk.offered() == ["Bon travail à vous."]
        assert "Bravo" not in " ".join(session.scalars(select(Phrase.text)))

    school.write(story)


def test_phrases_of_the_assignment_and_of_the_marked_codes_come_first(school: School) -> None:
    def note(session: Session, copy: Attempt, code: MarkCode, text: str) -> str:
        nadia = factories.nadia(session)
        content = MarkContent(kind=MarkKind.RANGE, code=code, quote="mardi", note=text)
        feedback = correction.open_feedback(session, copy, nadia, returns=0, now=NOW)
        marks.add_mark(session, copy, feedback.id, nadia, f"{copy.id}{code}", content, now=NOW)
        return feedback.id

    def story(session: Session) -> None:
        desk, nadia = Desk(session), factories.nadia(session)
        other = factories.assignment(session, factories.lesson(session, "La rue"))
        desk.give_back("C’est pour la rue.", work=other)
        for number in range(2):
            who = factories.learner(session, f"Note{number} Deux{number}")
            copy = factories.sent(session, who, desk.work)
            copy = attempts.queued_attempt_for(session, nadia, copy.id)
            note(session, copy, MarkCode.AGREEMENT, "Il y en a trois.")
            shown, returns = factories.what_is_shown(session, copy)
            correction.return_feedback(
                session,
                copy,
                nadia,
                FeedbackDraft(""),
                shown,
                returns=returns,
                redo=False,
                is_confirmed=True,
                now=NOW,
            )
        for text in (
            "Un mot du devoir.",
            "Un mot du devoir.",
            "Autre mot du devoir.",
            "Autre mot du devoir.",
        ):
            desk.give_back(text)
        desk.give_back("C’est pour la rue.", work=other)
        assert desk.offered() == [
            "Autre mot du devoir.",
            "Un mot du devoir.",
            "Il y en a trois.",
            "C’est pour la rue.",
        ]
        assert desk.offered(other)[0] == "C’est pour la rue."
        copy = factories.sent(session, factories.learner(session, "Dernier Venu"), desk.work)
        copy = attempts.queued_attempt_for(session, nadia, copy.id)
        feedback_id = note(session, copy, MarkCode.AGREEMENT, "Encore un.")
        assert desk.offered(feedback_id=feedback_id)[0] == "Il y en a trois."
        for number in range(9):
            for _twice in range(2):
                desk.give_back(f"Une phrase de plus {number}.")
        assert len(desk.offered()) == phrases.OFFERED

    school.write(story)


def test_a_merged_phrase_counts_for_the_other_one_and_a_hidden_one_is_not_offered(school: School) -> None:
    def story(session: Session) -> None:
        desk = Desk(session)
        for text in ("Pensez au pluriel.", "Attention au pluriel."):
            desk.give_back(text)
            desk.give_back(text)
        one, other = desk.phrase("Pensez au pluriel."), desk.phrase("Attention au pluriel.")
        assert [row.text for row in phrases.list_others(session, one)] == [other.text]
        phrases.merge(session, one, into=other)
        assert (desk.offered(), other.uses) == ([other.text], 4)
        desk.give_back("Pensez au pluriel.")
        assert other.uses == 5
        with pytest.raises(Absent):
            phrases.phrase_for(session, factories.nadia(session), one.id)
        phrases.set_hidden(session, other, hidden=True, now=NOW)
        assert desk.offered() == []
        assert [row.text for row in phrases.list_phrases(session, hidden=True)[1]] == [other.text]
        phrases.set_hidden(session, other, hidden=False, now=NOW)
        assert desk.offered() == [other.text]

    school.write(story)


def test_a_phrase_with_the_new_text_of_another_one_takes_it_in(school: School) -> None:
    def story(session: Session) -> None:
        desk = Desk(session)
        for text in ("Pensez au plurriel.", "Pensez au pluriel.", "Bon travail à vous."):
            desk.give_back(text)
            desk.give_back(text)
        kept = phrases.change_text(session, desk.phrase("Pensez au plurriel."), "Pensez au pluriel.")
        assert (kept.text, kept.uses) == ("Pensez au pluriel.", 4)
        kept = phrases.change_text(session, desk.phrase("Bon travail à vous."), "Bon travail à tous.")
        assert set(desk.offered()) == {"Pensez au pluriel.", "Bon travail à tous."}
        _cut, rows, total = phrases.list_phrases(session, "TRAVAIL a tous")
        assert ([row.text for row in rows], total) == (["Bon travail à tous."], 1)

    school.write(story)


def test_a_sentence_used_once_is_forgotten_after_half_a_year_and_a_phrase_is_not(school: School) -> None:
    def story(session: Session) -> None:
        desk = Desk(session)
        for text in ("Une seule fois.", "Deux fois au moins.", "Deux fois au moins."):
            desk.give_back(text)
        phrases.delete_forgotten(session, now=NOW + phrases.FORGOTTEN)
        assert len(session.scalars(select(Phrase)).all()) == 2
        phrases.delete_forgotten(session, now=NOW + phrases.FORGOTTEN + timedelta(hours=1))
        assert [each.text for each in session.scalars(select(Phrase))] == ["Deux fois au moins."]

    school.write(story)


def test_only_teachers_open_a_phrase(school: School) -> None:
    def story(session: Session) -> None:
        desk = Desk(session)
        desk.give_back("Pensez au pluriel.")
        for who in (factories.claire, factories.farid, factories.samira):
            with pytest.raises(Absent):
                phrases.phrase_for(session, who(session), desk.phrase("Pensez au pluriel.").id)

    school.write(story)


def test_what_is_offered_is_found_by_an_index(school: School) -> None:
    def story(session: Session) -> None:
        desk = Desk(session)
        for number in range(40):
            desk.give_back(f"Phrase numéro {number % 20}. Une seule fois {number}.")

    school.write(story)
    plans.analyze(school)
    level = school.read(lambda s: factories.level(s).id)
    work = school.read(lambda s: s.scalars(select(Assignment.id)).one())
    with plans.reading_plans(school) as read:
        school.read(lambda s: phrases.offer(s, level, work))
    assert len(read) == 1
    assert "ix_phrase_offered" in read[0]
