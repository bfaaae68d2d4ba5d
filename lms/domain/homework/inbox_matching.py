"""Whose homework a mail is: the proof of an address or of an answer first, then the sender, else nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from lms.domain.homework import worklist
from lms.domain.homework.reply_address import find_reply_target
from lms.domain.people.directory import has_role
from lms.models import (
    Attempt,
    Feedback,
    InboundMail,
    KnownAddress,
    OutboxItem,
    Person,
    ReturnedFeedback,
    Role,
    Submission,
)
from lms.normal_forms import email_key, name_key
from lms.refusal_codes import RefusalCode

# How long an answer to a mail of ours says for which homework it is.
ANSWERED_FOR = timedelta(days=180)
ABOUT_HOMEWORK = ("feedback_returned", "homework_received", "mail_unreadable")
_SHORTEST_TITLE = 4


class SentMail(Protocol):
    """The part of a parsed mail that decides whose it is."""

    @property
    def answers(self) -> tuple[str, ...]: ...
    @property
    def tokens(self) -> tuple[str, ...]: ...
    @property
    def from_address(self) -> str: ...
    @property
    def from_name(self) -> str: ...
    @property
    def subject(self) -> str: ...


@dataclass(frozen=True)
class Match:
    """The learner of a mail. `assignment_id` None, or `why`: it does not say for which homework, or a doubt.

    `is_verified`: more than the address of the sender speaks for the learner.
    """

    learner: Person
    assignment_id: str | None
    is_verified: bool = False
    why: RefusalCode | None = None


def match_mail(
    session: Session, mail: SentMail, secret: str, message_id_of: Callable[[str], str], *, now: datetime
) -> Match | None:
    """Return whose homework a mail is; None when nobody is recognised."""
    target = find_reply_target(session, secret, mail.tokens)
    if target is not None and not target.learner.is_active:
        return Match(target.learner, None, is_verified=True, why=RefusalCode.PERSON_DEACTIVATED)
    if target is not None and target.is_current:
        return Match(target.learner, target.assignment_id, is_verified=True)
    people = people_of_address(session, mail.from_address)
    answered = _answered(session, people, mail.answers, message_id_of, now=now)
    if answered is not None:
        return answered
    if target is not None:
        return Match(target.learner, None, why=RefusalCode.MAIL_OLD_ADDRESS)
    return _match_sender(session, people[0], mail, now=now) if len(people) == 1 else None


def _match_sender(session: Session, learner: Person, mail: SentMail, *, now: datetime) -> Match:
    """Return the match of a mail for which nothing speaks but the address of its sender."""
    if is_other_name(session, mail.from_name, learner):
        return Match(learner, None, why=RefusalCode.MAIL_DOUBTFUL)
    return Match(learner, _open_assignment(session, learner, mail.subject, now=now))


def people_of_address(session: Session, address: str) -> Sequence[Person]:
    """Return the active learners who write from this address: it is theirs, or was tied to them."""
    if not address:
        return []
    key = email_key(address)
    tied = select(KnownAddress.person_id).where(KnownAddress.address == key)
    return session.scalars(
        select(Person)
        .where(
            or_(func.lower(Person.email) == key, Person.id.in_(tied)),
            Person.deactivated_at.is_(None),
            has_role(Role.LEARNER),
        )
        .order_by(Person.name_key, Person.id)
        .limit(5)
    ).all()


def is_other_name(session: Session, shown: str, person: Person) -> bool:
    """Return whether a sender calls itself by the name of another learner than the one of the address."""
    words = set(name_key(shown).split())
    if not words or words & set(person.name_key.split()):
        return False
    others = session.scalars(
        select(Person.name_key).where(
            Person.id != person.id, Person.deactivated_at.is_(None), has_role(Role.LEARNER)
        )
    )
    return any(words & set(other.split()[:1]) for other in others)


def names_lesson(subject: str, title: str) -> bool:
    """Return whether a subject has the title of a lesson in it."""
    key = name_key(title)
    return len(key) >= _SHORTEST_TITLE and key in name_key(subject)


def _open_assignment(session: Session, learner: Person, subject: str, *, now: datetime) -> str | None:
    """Return the one homework that is meant; None when it could be several."""
    found = worklist.open_assignments(session, learner, now=now)
    named = [each for each in found if names_lesson(subject, each.lesson_title)]
    waiting = named or [each for each in found if each.is_todo or each.is_redo]
    # A draft of the page is not sent because of a mail that anybody may have written.
    is_clear = len(waiting) == 1 and waiting[0].draft_id is None
    return waiting[0].assignment.id if is_clear else None


def _answered(
    session: Session,
    people: Sequence[Person],
    answers: tuple[str, ...],
    message_id_of: Callable[[str], str],
    *,
    now: datetime,
) -> Match | None:
    """Return the match of a mail that answers one of ours, from an address that we know."""
    if not people or not answers:
        return None
    items = session.scalars(
        select(OutboxItem).where(
            OutboxItem.person_id.in_([person.id for person in people]),
            OutboxItem.kind.in_(ABOUT_HOMEWORK),
            OutboxItem.created_at > now - ANSWERED_FOR,
        )
    )
    item = next((each for each in items if message_id_of(each.dedupe) in answers), None)
    if item is None:
        return None
    learner = next(person for person in people if person.id == item.person_id)
    return Match(learner, _assignment_of_item(session, item), is_verified=True)


def _assignment_of_item(session: Session, item: OutboxItem) -> str | None:
    by_mail = select(InboundMail.assignment_id).where(
        or_(InboundMail.id == item.about_id, InboundMail.attempt_id == item.about_id)
    )
    by_feedback = (
        select(Submission.assignment_id)
        .join(Attempt, Attempt.submission_id == Submission.id)
        .join(Feedback, Feedback.attempt_id == Attempt.id)
        .join(ReturnedFeedback, ReturnedFeedback.feedback_id == Feedback.id)
        .where(ReturnedFeedback.id == item.about_id)
    )
    return session.scalar(by_feedback if item.kind == "feedback_returned" else by_mail)
