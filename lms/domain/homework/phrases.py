"""The comment bank: sentences that were returned twice, offered to all teachers (ADR 42).

A sentence is what stands between two line breaks, or ends with ".", "!", "?" or "…" before a space (a closing
quotation mark belongs to it): at least two words, at most `PHRASE_LENGTH` characters. Those of comments
count, and those of the notes of marks, which keep the code of the mark. A sentence with the first or last
name of the learner is never kept. The first use is remembered for `FORGOTTEN` only; from the second one, in
another copy, the sentence is a phrase.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Select, String, bindparam, case, delete, select, update
from sqlalchemy.orm import Session, aliased

from lms.domain.errors import Absent
from lms.domain.paging import Cut, cut_page
from lms.extensions import read_rows
from lms.models import Attempt, Level, Mark, MarkCode, Person, Phrase, ReturnedFeedback, Role
from lms.models.phrases import PHRASE_LENGTH
from lms.normal_forms import name_key, sentence_key

OFFERED = 6
FORGOTTEN = timedelta(days=180)
# So many phrases of a level, those used last, are ranked.
_RANKED = 300
_BREAK = re.compile(r"\s*\n\s*|(?<=[.!?…])\s+(?![\s»”)!?…])|(?<=[.!?…]\s[»”])\s+|(?<=[.!?…][»”])\s+")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class OfferedPhrase:
    """A phrase under the comment that is being written."""

    id: str
    text: str


@dataclass(frozen=True)
class PhraseRow:
    """A phrase in the list of all."""

    id: str
    text: str
    level: str
    code: MarkCode | None
    uses: int
    last_used_at: datetime
    hidden_at: datetime | None


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text that may become phrases."""
    parts = (part.strip() for part in _BREAK.split(text))
    return [part for part in parts if len(part) <= PHRASE_LENGTH and len(_WORD.findall(part)) > 1]


def learn(session: Session, returned: ReturnedFeedback, attempt: Attempt, *, now: datetime) -> None:
    """Count the sentences of feedback that is returned; two statements, and one for each new or used one."""
    used = dict(_used_sentences(returned, attempt.submission.learner.name))
    if not used:
        return
    level_id = attempt.submission.assignment.lesson.level_id
    # Two returns with the same new sentence go one after the other: the second one finds the row.
    session.execute(select(Level.id).where(Level.id == level_id).with_for_update(key_share=True)).all()
    found = session.scalars(select(Phrase).where(Phrase.level_id == level_id, Phrase.text_key.in_(used)))
    known = {phrase.text_key: phrase for phrase in found}
    for key, (text, code) in used.items():
        phrase = known.get(key)
        if phrase is not None and phrase.merged_into_id is not None:
            phrase = session.get_one(Phrase, phrase.merged_into_id)
        if phrase is None:
            phrase = Phrase(
                level_id=level_id,
                assignment_id=attempt.submission.assignment_id,
                code=code,
                text=text,
                text_key=key,
                created_by_id=returned.teacher_id,
                uses=1,
            )
            session.add(phrase)
        elif phrase.last_feedback_id == returned.feedback_id:
            continue  # the same copy, returned once more
        else:
            phrase.uses += 1
            _generalise(phrase, attempt.submission.assignment_id, code)
        phrase.last_used_at, phrase.last_feedback_id = now, returned.feedback_id
    session.flush()


def offer(
    session: Session, level_id: str, assignment_id: str, feedback_id: str | None = None
) -> list[OfferedPhrase]:
    """Return at most `OFFERED` phrases for a comment, the best first; one statement.

    First those of this assignment with a code that the draft marks, then those of this assignment, then those
    with such a code, then the others of the level; among equals the one used last.
    """
    values = {
        "level": level_id,
        "assignment": assignment_id,
        "feedback": feedback_id,
        "ranked": _RANKED,
        "limit": OFFERED,
    }
    return [OfferedPhrase(*row) for row in read_rows(session, _OFFER, values)]


def list_phrases(
    session: Session, text: str = "", after: str | None = None, *, hidden: bool = False
) -> tuple[Cut, list[PhraseRow], int]:
    """Return a page of the phrases with these words, in the order of the alphabet; two statements."""
    shown = Phrase.hidden_at.is_not(None) if hidden else Phrase.hidden_at.is_(None)
    words = name_key(text).split()
    query = select(Phrase.id, Phrase.text).where(_IS_PHRASE, shown).order_by(Phrase.text_key, Phrase.id)
    ids = [
        row.id for row in read_rows(session, query, {}) if all(word in name_key(row.text) for word in words)
    ]
    cut = cut_page(ids, after)
    return (
        cut,
        [PhraseRow(*row) for row in read_rows(session, _ROWS.where(Phrase.id.in_(cut.ids)), {})],
        len(ids),
    )


def phrase_for(session: Session, actor: Person, phrase_id: str) -> Phrase:
    """Return a phrase. Raises `Absent` for one that was merged into another, and to who is no teacher."""
    found = session.get(Phrase, phrase_id) if Role.TEACHER in actor.roles else None
    if found is None or found.merged_into_id is not None:
        raise Absent
    return found


def list_others(session: Session, phrase: Phrase, text: str = "") -> list[PhraseRow]:
    """Return phrases of the level that may be merged with this one: those with most words in common first.

    `text`: words that they have.
    """
    rows = [
        PhraseRow(*row)
        for row in read_rows(
            session, _ROWS.where(_IS_PHRASE, Phrase.level_id == phrase.level_id, Phrase.id != phrase.id), {}
        )
    ]
    words, own = name_key(text).split(), set(_WORD.findall(name_key(phrase.text)))
    found = [row for row in rows if all(word in name_key(row.text) for word in words)]
    return sorted(found, key=lambda row: -len(own & set(_WORD.findall(name_key(row.text)))))[:OFFERED]


def change_text(session: Session, phrase: Phrase, text: str) -> Phrase:
    """Change the text of a phrase; return the phrase that has it then.

    That is another one, into which this one is merged, where the level has one with this text.
    """
    key = sentence_key(text)
    other = session.scalar(
        select(Phrase).where(
            Phrase.level_id == phrase.level_id, Phrase.text_key == key, Phrase.id != phrase.id
        )
    )
    if other is not None and other.merged_into_id is not None:
        other = session.get_one(Phrase, other.merged_into_id)
    if other is not None and other.id != phrase.id:
        return merge(session, phrase, into=other)
    if other is None:
        phrase.text_key = key
    phrase.text = text
    session.flush()
    return phrase


def merge(session: Session, phrase: Phrase, *, into: Phrase) -> Phrase:
    """Merge a phrase into another one of its level: its uses count there, also those to come."""
    if into.id == phrase.id or into.level_id != phrase.level_id or into.merged_into_id is not None:
        raise Absent
    session.execute(update(Phrase).where(Phrase.merged_into_id == phrase.id).values(merged_into_id=into.id))
    into.uses += phrase.uses
    into.last_used_at = max(into.last_used_at, phrase.last_used_at)
    into.hidden_at = None
    _generalise(into, phrase.assignment_id, phrase.code)
    phrase.merged_into_id = into.id
    session.flush()
    return into


def set_hidden(session: Session, phrase: Phrase, hidden: bool, *, now: datetime) -> None:
    """Offer a phrase no more, or again."""
    phrase.hidden_at = now if hidden else None
    session.flush()


def delete_forgotten(session: Session, *, now: datetime) -> None:
    """Delete the sentences that were used once, `FORGOTTEN` ago."""
    session.execute(delete(Phrase).where(Phrase.uses == 1, Phrase.last_used_at < now - FORGOTTEN))


def _used_sentences(
    returned: ReturnedFeedback, learner: str
) -> Iterator[tuple[str, tuple[str, MarkCode | None]]]:
    """Find the sentences of comment and notes by their key; a note stands for both when they are the same."""
    names = set(_WORD.findall(name_key(learner)))
    texts: list[tuple[str, MarkCode | None]] = [(returned.comment, None)]
    texts += [(mark["note"], MarkCode(mark["code"]) if mark["code"] else None) for mark in returned.marks]
    for text, code in texts:
        for sentence in sentences_of(text):
            if not names & set(_WORD.findall(name_key(sentence))):
                yield sentence_key(sentence), (sentence, code)


def _generalise(phrase: Phrase, assignment_id: str | None, code: MarkCode | None) -> None:
    if phrase.assignment_id != assignment_id:
        phrase.assignment_id = None
    if phrase.code != code:
        phrase.code = None


_IS_PHRASE = (Phrase.uses > 1) & Phrase.merged_into_id.is_(None)
_ROWS: Select[*tuple[Any, ...]] = (
    select(
        Phrase.id,
        Phrase.text,
        Level.name,
        Phrase.code,
        Phrase.uses,
        Phrase.last_used_at,
        Phrase.hidden_at,
    )
    .join(Level, Level.id == Phrase.level_id)
    .order_by(Phrase.text_key, Phrase.id)
)


def _select_offer() -> Select[str, str]:
    some = aliased(
        Phrase,
        select(Phrase)
        .where(Phrase.level_id == bindparam("level", type_=String), Phrase.hidden_at.is_(None), _IS_PHRASE)
        .order_by(Phrase.last_used_at.desc())
        .limit(bindparam("ranked", type_=Integer))
        .subquery(),
    )
    marked = select(Mark.code).where(
        Mark.feedback_id == bindparam("feedback", type_=String), Mark.removed_at.is_(None)
    )
    is_here = some.assignment_id == bindparam("assignment", type_=String)
    is_marked = some.code.in_(marked)
    rank = case((is_here & is_marked, 0), (is_here, 1), (is_marked, 2), else_=3)
    return (
        select(some.id, some.text)
        .order_by(rank, some.last_used_at.desc(), some.id)
        .limit(bindparam("limit", type_=Integer))
    )


_OFFER = _select_offer()
