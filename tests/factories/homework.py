from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from io import BytesIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.domain.homework import assignments, attempts, correction, files
from lms.domain.homework.returns import UNDOABLE
from lms.extensions import new_id
from lms.models import Assignment, Attempt, Criterion, FileKind, Lesson, Person, ReturnedFeedback, Submission
from tests.factories.lessons import lesson as make_lesson
from tests.factories.people import NOW, level, nadia

TASK = "Écrivez les sept jours de la semaine sur une feuille."
ROOM = 1 << 30


def assignment(
    session: Session,
    lesson: Lesson | None = None,
    *,
    kinds: Iterable[str] = ("photo", "text", "voice", "document"),
    due_on: date | None = None,
    may_redo: bool = True,
    by: Person | None = None,
    now: datetime = NOW,
) -> Assignment:
    """Create an assignment by Nadia for a published lesson of Niveau 1."""
    task = assignments.AssignmentDraft(TASK, tuple(kinds), due_on, may_redo)
    return assignments.create_assignment(
        session, by or nadia(session), lesson or make_lesson(session), task, now=now
    )


def drafted(
    session: Session, learner: Person, assignment: Assignment, text: str = "", now: datetime = NOW
) -> Attempt:
    draft = attempts.open_draft(session, learner, assignment.id, now=now)
    attempts.write_text(session, draft, text, draft.version)
    return draft


def sent(
    session: Session,
    learner: Person,
    assignment: Assignment,
    text: str = "Lundi, mardi, mercredi.",
    now: datetime = NOW,
) -> Attempt:
    """Send an attempt that a teacher can correct."""
    draft = drafted(session, learner, assignment, text, now)
    attempts.send_attempt(session, draft, assignment, now=now)
    return draft


def assignment_of(session: Session, attempt: Attempt) -> Assignment:
    submission = session.get_one(Submission, attempt.submission_id)
    return session.get_one(Assignment, submission.assignment_id)


def answered(
    session: Session,
    attempt: Attempt,
    *,
    comment: str = "Bravo, le message est clair.",
    redo: bool = False,
    by: Person | None = None,
    now: datetime = NOW,
) -> ReturnedFeedback:
    """Return feedback to an attempt, once more where it has been returned before; it is final at `now`."""
    teacher = by or nadia(session)
    copy = attempts.queued_attempt_for(session, teacher, attempt.id)
    shown, returns = what_is_shown(session, copy)
    return correction.return_feedback(
        session,
        copy,
        teacher,
        correction.FeedbackDraft(comment),
        shown,
        returns=returns,
        redo=redo,
        now=now - UNDOABLE,
    )


def what_is_shown(session: Session, copy: Attempt) -> tuple[dict[str, str], int]:
    """Return the stamps of the feedback that a page shows now, and how often it was returned."""
    of_level = copy.submission.assignment.lesson.level_id
    rubric = correction.load_rubric(session, of_level, copy.feedback.id if copy.feedback else None)
    stored = correction.stored_draft(copy.feedback, rubric)
    return stored.stamps(), copy.feedback.returns if copy.feedback else 0


def criteria(session: Session, level_code: str = "N1") -> list[Criterion]:
    """Return the criteria of a level, creating them when there are none."""
    of = level(session, level_code)
    found = list(session.scalars(select(Criterion).where(Criterion.level_id == of.id)))
    if not found:
        for position, label in enumerate(("La tâche", "Les mots", "La grammaire"), start=1):
            found.append(Criterion(level_id=of.id, position=position, label=label))
        session.add_all(found)
        session.flush()
    return sorted(found, key=lambda criterion: criterion.position)


def stored(store: LocalStore, content: bytes = b"a sheet", kind: str = "photo") -> files.StoredFile:
    """Store a file and return it, without a row."""
    key = store.put(BytesIO(content), suffix=".jpg")
    drawn = content + b", drawn"
    picture = store.put(BytesIO(drawn), suffix=".jpg")
    made = files.StoredRendition("web", 1, picture, "image/jpeg", 30, 40, len(drawn), store.digest(picture))
    return files.StoredFile(
        kind, "devoir.jpg", key, "image/jpeg", len(content), store.digest(key), renditions=(made,)
    )


def received(content: bytes = b"a sheet", kind: FileKind = FileKind.PHOTO) -> files.ReceivedFile:
    """Return a received file whose bytes nobody looks at."""
    digest = hashlib.sha256(content).hexdigest()
    return files.ReceivedFile(kind, "IMG_1.HEIC", new_id(), len(content), digest)
