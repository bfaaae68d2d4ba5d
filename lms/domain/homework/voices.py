"""Voices of teachers: a recording of the draft, frozen with each return that has it (ADR 43)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePath

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from lms.domain.errors import Absent, Refused
from lms.domain.homework import played_copies
from lms.domain.homework.files import Delivery, StoredFile
from lms.models import Attempt, Feedback, FeedbackVoice, Person, ReturnedFeedback, Role, Submission
from lms.refusal_codes import RefusalCode

MOST_SECONDS = 180
# A recorder that stops by itself is late by a slice, and players round up.
SECONDS_OVER = 10


def voice_of_draft(session: Session, feedback: Feedback) -> FeedbackVoice | None:
    """Return the voice of the draft; None when there is none."""
    return session.scalar(
        select(FeedbackVoice)
        .where(FeedbackVoice.feedback_id == feedback.id, FeedbackVoice.removed_at.is_(None))
        .execution_options(populate_existing=True)
    )


def require_shown(session: Session, feedback: Feedback | None, shown_id: str) -> FeedbackVoice | None:
    """Return the voice of the draft, which must be the one that the page showed: empty for none.

    Refusals: `field_changed`.
    """
    voice = voice_of_draft(session, feedback) if feedback else None
    if (voice.id if voice else "") != shown_id:
        raise Refused(RefusalCode.FIELD_CHANGED)
    return voice


def keep_voice(
    session: Session, feedback: Feedback, teacher: Person, new: StoredFile, shown_id: str, *, now: datetime
) -> list[str]:
    """Make a stored recording the voice of a draft that is open to be written (`correction.open_feedback`).

    `shown_id`: the voice that the page showed, which the new one replaces; empty for none. Returns the store
    keys to delete after the commit: those of the new one when the form was sent twice.
    Refusals: `field_changed`, `voice_too_long`.
    """
    if new.seconds is not None and new.seconds > MOST_SECONDS + SECONDS_OVER:
        raise Refused(RefusalCode.VOICE_TOO_LONG, number=MOST_SECONDS // 60)
    current = voice_of_draft(session, feedback)
    if current is not None and (current.sha256, current.created_by_id) == (new.sha256, teacher.id):
        return new.keys
    replaced = remove_voice(session, feedback, shown_id, now=now)
    session.add(
        FeedbackVoice(
            feedback_id=feedback.id,
            store_key=new.store_key,
            mime=new.mime,
            size=new.size,
            sha256=new.sha256,
            seconds=new.seconds,
            created_by_id=teacher.id,
            created_at=now,
            copy_due_at=now,
        )
    )
    session.flush()
    session.info.setdefault("files", []).append(feedback.id)  # a worker makes the copy
    return replaced


def remove_voice(session: Session, feedback: Feedback, shown_id: str, *, now: datetime) -> list[str]:
    """Take the voice away from the draft. Returns the store keys to delete after the commit.

    A voice that was returned stays with its return. Refusals: `field_changed`.
    """
    voice = require_shown(session, feedback, shown_id)
    if voice is None:
        return []
    if session.scalar(select(exists().where(ReturnedFeedback.voice_id == voice.id))):
        voice.removed_at = now
        session.flush()
        return []
    session.delete(voice)
    session.flush()
    return _keys([voice])


def delete_unused_voices(session: Session) -> list[str]:
    """Delete the removed voices of no return, which was taken back. Returns the store keys to delete."""
    returned = exists().where(ReturnedFeedback.voice_id == FeedbackVoice.id)
    unused = session.scalars(
        select(FeedbackVoice).where(FeedbackVoice.removed_at.is_not(None), ~returned)
    ).all()
    for voice in unused:
        session.delete(voice)
    session.flush()
    return _keys(unused)


def voice_for(
    session: Session, actor: Person, voice_id: str, *, played: bool = False, now: datetime
) -> Delivery:
    """Return a voice; `played`: its copy that plays everywhere, or the voice itself while there is none.

    Raises `Absent` when the actor may not hear it: a teacher hears every one, a learner those of returns of
    the learner's own homework that are final.
    """
    found = session.execute(
        select(FeedbackVoice, Submission.learner_id)
        .join(Feedback, Feedback.id == FeedbackVoice.feedback_id)
        .join(Attempt, Attempt.id == Feedback.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(FeedbackVoice.id == voice_id)
    ).one_or_none()
    if found is None:
        raise Absent
    voice, learner_id = found
    if Role.TEACHER not in actor.roles and not (
        actor.is_learner and actor.id == learner_id and _is_heard(session, voice, now=now)
    ):
        raise Absent
    return delivery_of(voice, played=played)


def _is_heard(session: Session, voice: FeedbackVoice, *, now: datetime) -> bool:
    """Return whether a return that is final has the voice."""
    final = exists().where(ReturnedFeedback.voice_id == voice.id, ReturnedFeedback.final_at <= now)
    return bool(session.scalar(select(final)))


def delivery_of(voice: FeedbackVoice, *, played: bool) -> Delivery:
    """Return the bytes of a voice to send; `played`: see `voice_for`."""
    if played and voice.played_key is not None:
        return Delivery(voice.played_key, played_copies.MIME, "voix.m4a", ours=True)
    suffix = PurePath(voice.store_key).suffix
    return Delivery(voice.store_key, voice.mime, f"voix{suffix}", ours=False)


def _keys(voices: Iterable[FeedbackVoice]) -> list[str]:
    return [key for voice in voices for key in (voice.store_key, voice.played_key) if key]
