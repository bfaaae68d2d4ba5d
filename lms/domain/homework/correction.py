"""Feedback: the draft that the team writes together, and its returns, which never change (ADR 38)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import String, and_, bindparam, select
from sqlalchemy.orm import Session

from lms.domain import audit_log, outbox
from lms.domain.errors import Refused
from lms.domain.homework import comparison, error_profile, marks, phrases, points, queue, voices
from lms.domain.homework.answer_levels import soft_limits
from lms.domain.homework.returns import MAIL, has_later_attempt, write_return
from lms.domain.homework.signed_views import create_view
from lms.domain.people.contact import mail_address
from lms.extensions import read_rows
from lms.models import (
    Attempt,
    AuditAction,
    Criterion,
    Feedback,
    OutboxItem,
    Person,
    ReturnedBody,
    ReturnedFeedback,
    Score,
)
from lms.refusal_codes import RefusalCode

BANDS = range(4)
_BAND = "band-"


@dataclass(frozen=True)
class FeedbackDraft:
    """Feedback as the teacher enters it. `bands`: the band, 0 to 3, by criterion id."""

    comment: str = ""
    next_step: str = ""
    bands: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.comment and not self.bands

    def values(self) -> dict[str, str]:
        """Return the value of each field by its name in the form; a band that is not chosen has none."""
        bands = {f"{_BAND}{criterion_id}": str(band) for criterion_id, band in self.bands.items()}
        return {"comment": self.comment, "next_step": self.next_step, **bands}

    def stamps(self) -> dict[str, str]:
        """Return what a page that shows this draft sends back of each field: see `merge_drafts`."""
        return {name: stamp(value) for name, value in self.values().items()}


@dataclass(frozen=True)
class Merge:
    """Result of merging two drafts.

    `clashes`: fields that both have changed; `unseen`: those that only the other has.
    """

    draft: FeedbackDraft
    clashes: frozenset[str]
    unseen: frozenset[str]


@dataclass(frozen=True)
class RubricRow:
    """A criterion of a level, and the band that the draft has for it; None for none.

    `points`: the DELF points of each band.
    """

    id: str
    label: str
    band: int | None = None
    points: Sequence[float] | None = None

    @property
    def field(self) -> str:
        """Return the name of its field in the form."""
        return f"{_BAND}{self.id}"


def stamp(value: str) -> str:
    """Return a short digest of a value that a page showed; empty for an empty one."""
    return hashlib.sha256(value.encode()).hexdigest()[:16] if value else ""


def merge_drafts(stored: FeedbackDraft, written: FeedbackDraft, shown: Mapping[str, str]) -> Merge:
    """Merge what a teacher wrote into what is stored, field by field.

    `shown`: the stamps of the values that the page of the teacher showed. A field that the teacher left as it
    was shown keeps the stored value. Where both have changed it, the written value stands, and the field is a
    clash unless the written value contains the stored one.
    """
    before, after = stored.values(), written.values()
    merged, clashes, unseen = {}, set(), set()
    for name in sorted(before.keys() | after.keys()):
        old, new, seen = before.get(name, ""), after.get(name, ""), shown.get(name, "")
        is_written, is_changed = stamp(new) != seen, stamp(old) != seen
        merged[name] = new if is_written else old
        if is_changed and not is_written:
            unseen.add(name)
        elif is_changed and old not in new:
            clashes.add(name)
    bands = {name.removeprefix(_BAND): int(value) for name, value in merged.items() if _is_band(name, value)}
    draft = FeedbackDraft(merged["comment"], merged["next_step"], bands)
    return Merge(draft, frozenset(clashes), frozenset(unseen))


def load_rubric(session: Session, level_id: str, feedback_id: str | None = None) -> list[RubricRow]:
    """Return the criteria of a level in their order, with the bands of a draft; one statement."""
    return [
        RubricRow(*row) for row in read_rows(session, _RUBRIC, {"level": level_id, "feedback": feedback_id})
    ]


# Built once, because every copy that a teacher opens runs it.
_RUBRIC = (
    select(Criterion.id, Criterion.label, Score.band, Criterion.points)
    .outerjoin(
        Score,
        and_(Score.criterion_id == Criterion.id, Score.feedback_id == bindparam("feedback", type_=String)),
    )
    .where(Criterion.level_id == bindparam("level", type_=String))
    .order_by(Criterion.position)
)


def stored_draft(feedback: Feedback | None, rubric: Sequence[RubricRow]) -> FeedbackDraft:
    """Return what is stored, the bands as `load_rubric` found them; an empty draft without feedback."""
    if feedback is None:
        return FeedbackDraft()
    bands = {row.id: row.band for row in rubric if row.band is not None}
    return FeedbackDraft(feedback.comment, feedback.next_step, bands)


def save_feedback(
    session: Session,
    attempt: Attempt,
    teacher: Person,
    written: FeedbackDraft,
    shown: Mapping[str, str],
    *,
    returns: int = 0,
    now: datetime,
) -> Feedback:
    """Save the fields that the teacher has changed, and keep those of a colleague.

    `shown`: see `merge_drafts`. `returns`: how often it had been returned when the page was shown. A change
    to returned feedback opens it again: it waits in the queue, and the learner reads what was returned last.
    Refusals: `already_returned`, a colleague has returned it since; `field_changed`, both changed one field.
    """
    feedback, merge = _merge(session, attempt, written, shown, returns)
    if feedback is not None and merge.draft == _read_draft(session, feedback):
        return feedback
    saved = _store(session, attempt, feedback, teacher, merge.draft, now=now)
    _reopen(session, attempt, saved, now=now)
    return saved


def open_feedback(
    session: Session, attempt: Attempt, teacher: Person, *, returns: int, now: datetime
) -> Feedback:
    """Return the feedback to an attempt, locked, for a mark: a new draft, or one that is opened again.

    Refusals: `already_returned`.
    """
    feedback = _lock_feedback(session, attempt, returns)
    if feedback is None:
        return _store(session, attempt, None, teacher, FeedbackDraft(), now=now)
    feedback.teacher_id = teacher.id
    feedback.saved_at = now
    session.flush()
    _reopen(session, attempt, feedback, now=now)
    return feedback


def return_feedback(
    session: Session,
    attempt: Attempt,
    teacher: Person,
    written: FeedbackDraft,
    shown: Mapping[str, str],
    *,
    returns: int = 0,
    voice_id: str = "",
    redo: bool,
    shows_answers: bool = False,
    is_confirmed: bool = False,
    now: datetime,
) -> ReturnedFeedback:
    """Return feedback to the learner and notify the learner; `redo` requests another attempt.

    It can be taken back until it is final (`returns.undo_return`): nothing has left by then.
    `voice_id`: the voice that the page showed; empty for none. Nothing is returned that the page did not
    show: what a colleague has changed since is a refusal here.
    `shows_answers`: the learner sees at once how it is right. `is_confirmed`: the teacher was asked about
    the soft limits of the level.
    Refusals: `already_returned`, `field_changed`, `empty_feedback`; unless confirmed also
    `too_many_pins`, `too_many_codes`, `no_good_mark`.
    """
    feedback, merge = _merge(session, attempt, written, shown, returns)
    if merge.unseen:
        raise Refused(RefusalCode.FIELD_CHANGED)
    voice = voices.require_shown(session, feedback, voice_id)
    made = marks.list_marks(session, feedback.id) if feedback else []
    if merge.draft.is_empty and not made and voice is None:
        raise Refused(RefusalCode.EMPTY_FEEDBACK)
    over = [] if is_confirmed else soft_limits(made, attempt.submission.assignment.lesson.level.position)
    if over:
        raise over[0]
    feedback = _store(session, attempt, feedback, teacher, merge.draft, now=now)
    feedback.returns += 1
    rubric = load_rubric(session, attempt.submission.assignment.lesson.level_id, feedback.id)
    body: ReturnedBody = {
        "bands": [(row.label, row.band) for row in rubric if row.band is not None],
        "marks": [marks.freeze_mark(mark) for mark in made],
        "shows_answers": shows_answers,
    }
    if checked := comparison.freeze_checks(session, attempt):
        body["checked"] = checked
    if counted := points.count_points([(row.points, row.band) for row in rubric]):
        body["points"] = (counted.points, counted.most)
    returned = write_return(session, feedback, teacher, body, voice, redo=redo, now=now)
    feedback.reopened_at = None
    session.flush()
    if not has_later_attempt(session, attempt):
        attempt.submission.redo_since = now if redo else None
    queue.remove_attempt(session, attempt)
    outbox.post(
        session,
        MAIL,
        attempt.submission.learner,
        returned.id,
        due_at=returned.final_at,
        secret=create_view(session, returned) if mail_address(attempt.submission.learner) else None,
        actor_id=teacher.id,
        now=now,
    )
    audit_log.record(
        session,
        teacher,
        AuditAction.FEEDBACK_RETURNED,
        "feedback",
        returned.id,
        detail="redo" if redo else "finished",
        now=now,
    )
    learner, level_id = attempt.submission.learner, attempt.submission.assignment.lesson.level_id
    error_profile.count_errors(session, returned, learner.id, level_id)
    phrases.learn(session, returned, attempt, now=now)
    session.flush()
    return returned


def mail_outcomes(session: Session, returned_ids: Sequence[str]) -> dict[str, str]:
    """Return by id of a return what became of its e-mail.

    That is waiting, sent, no_address, failed, expired or void.
    """
    found = session.execute(
        select(OutboxItem.about_id, OutboxItem.outcome).where(
            and_(OutboxItem.kind == MAIL, OutboxItem.about_id.in_(list(returned_ids)))
        )
    )
    return {about_id: outcome or "waiting" for about_id, outcome in found}


def _is_band(name: str, value: str) -> bool:
    return name.startswith(_BAND) and value != ""


def _merge(
    session: Session, attempt: Attempt, written: FeedbackDraft, shown: Mapping[str, str], returns: int
) -> tuple[Feedback | None, Merge]:
    """Lock the attempt and merge; refusals: `already_returned`, `field_changed`."""
    feedback = _lock_feedback(session, attempt, returns)
    merge = merge_drafts(_read_draft(session, feedback), written, shown)
    if merge.clashes:
        raise Refused(RefusalCode.FIELD_CHANGED)
    return feedback, merge


def _lock_feedback(session: Session, attempt: Attempt, returns: int) -> Feedback | None:
    """Lock the attempt and return its feedback; refusals: `already_returned`."""
    # Two first drafts for one attempt would collide on PostgreSQL: the second one waits and sees the first.
    session.execute(select(Attempt.id).where(Attempt.id == attempt.id).with_for_update(key_share=True))
    feedback = session.scalar(
        select(Feedback).where(Feedback.attempt_id == attempt.id).execution_options(populate_existing=True)
    )
    if (feedback.returns if feedback else 0) != returns:
        raise Refused(RefusalCode.ALREADY_RETURNED)
    return feedback


def _reopen(session: Session, attempt: Attempt, feedback: Feedback, *, now: datetime) -> None:
    if not feedback.is_draft:
        feedback.reopened_at = now
        session.flush()
        queue.put_back(session, attempt)


def _read_draft(session: Session, feedback: Feedback | None) -> FeedbackDraft:
    if feedback is None:
        return FeedbackDraft()
    scores = session.scalars(select(Score).where(Score.feedback_id == feedback.id))
    bands = {score.criterion_id: score.band for score in scores}
    return FeedbackDraft(feedback.comment, feedback.next_step, bands)


def _store(
    session: Session,
    attempt: Attempt,
    feedback: Feedback | None,
    teacher: Person,
    draft: FeedbackDraft,
    *,
    now: datetime,
) -> Feedback:
    if feedback is None:
        feedback = Feedback(attempt_id=attempt.id, returns=0, created_at=now)
        session.add(feedback)
    feedback.teacher_id = teacher.id
    feedback.comment = draft.comment
    feedback.next_step = draft.next_step
    feedback.saved_at = now
    session.flush()
    _set_scores(session, feedback, draft.bands)
    return feedback


def _set_scores(session: Session, feedback: Feedback, bands: Mapping[str, int]) -> None:
    existing = {
        score.criterion_id: score
        for score in session.scalars(select(Score).where(Score.feedback_id == feedback.id))
    }
    for criterion_id, score in existing.items():
        if criterion_id not in bands:
            session.delete(score)
    for criterion_id, band in bands.items():
        if band not in BANDS:
            raise ValueError(f"not a band: {band}")
        if criterion_id in existing:
            existing[criterion_id].band = band
        else:
            session.add(Score(feedback_id=feedback.id, criterion_id=criterion_id, band=band))
    session.flush()
