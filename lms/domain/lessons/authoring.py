"""Create, edit, order and publish lessons."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.errors import Refused
from lms.models import AuditAction, Clip, ClipProgress, Lesson, Level, Person, VocabItem
from lms.refusal_codes import RefusalCode


@dataclass(frozen=True)
class ClipDraft:
    """A clip as a teacher enters it: all times in seconds; `id` is None for a new clip."""

    youtube_id: str
    starts: int = 0
    ends: int | None = None
    title: str = ""
    seconds: int | None = None
    transcript: str = ""
    id: str | None = None


def create_lesson(
    session: Session,
    actor: Person,
    level: Level,
    *,
    title: str,
    goal: str = "",
    instructions: str = "",
    words: Iterable[str] = (),
    clips: Iterable[ClipDraft] = (),
    now: datetime,
) -> Lesson:
    """Create an unpublished lesson at the end of its level."""
    last = session.scalar(select(func.max(Lesson.position)).where(Lesson.level_id == level.id)) or 0
    lesson = Lesson(
        level_id=level.id,
        title=title,
        goal=goal,
        instructions=instructions,
        position=last + 1,
        created_at=now,
        created_by_id=actor.id,
        clips=[],
        words=[],
    )
    session.add(lesson)
    _set_clips(session, lesson, list(clips))
    _set_vocabulary(lesson, list(words))
    session.flush()
    return lesson


def update_lesson(
    session: Session,
    actor: Person,
    lesson: Lesson,
    *,
    title: str,
    goal: str,
    instructions: str,
    words: Sequence[str],
    clips: Sequence[ClipDraft],
    seen: str,
    now: datetime,
) -> None:
    """Change a whole lesson.

    `seen` is the fingerprint of the lesson that the page showed: when a colleague saved in between, nothing
    is overwritten.
    Refusals: `lesson_changed`, `lesson_empty`.
    """
    if seen != fingerprint(lesson):
        raise Refused(RefusalCode.LESSON_CHANGED)
    lesson.title, lesson.goal, lesson.instructions = title, goal, instructions
    _set_clips(session, lesson, clips)
    _set_vocabulary(lesson, words)
    if lesson.published_at is not None and _is_empty(lesson):
        raise Refused(RefusalCode.LESSON_EMPTY)
    audit_log.record(session, actor, AuditAction.LESSON_EDITED, "lesson", lesson.id, now=now)
    session.flush()


def fingerprint(lesson: Lesson) -> str:
    """Return a hash of everything that the edit page shows, except the order of the lesson in its level."""
    shown = (
        [lesson.title, lesson.goal, lesson.instructions],
        [word.text for word in lesson.words],
        [
            [clip.id, clip.youtube_id, clip.starts, clip.ends, clip.title, clip.seconds, clip.transcript]
            for clip in lesson.clips
        ],
    )
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:32]


def publish_lesson(session: Session, actor: Person, lesson: Lesson, *, now: datetime) -> None:
    """Publish a lesson for the learners of its level. `lesson` has its clips and words loaded.

    Refusals: `lesson_empty`.
    """
    if lesson.published_at is not None:
        return
    if _is_empty(lesson):
        raise Refused(RefusalCode.LESSON_EMPTY)
    lesson.published_at, lesson.published_by_id = now, actor.id
    audit_log.record(session, actor, AuditAction.LESSON_PUBLISHED, "lesson", lesson.id, now=now)


def unpublish_lesson(session: Session, actor: Person, lesson: Lesson, *, now: datetime) -> None:
    """Make a published lesson a draft again; the progress of learners stays."""
    if lesson.published_at is None:
        return
    lesson.published_at = lesson.published_by_id = None
    audit_log.record(session, actor, AuditAction.LESSON_UNPUBLISHED, "lesson", lesson.id, now=now)


def move_lesson(
    session: Session, actor: Person, lesson: Lesson, direction: Literal["up", "down"], *, now: datetime
) -> None:
    """Move a lesson one place up or down in its level; do nothing at either end."""
    ordered = list(
        session.scalars(
            select(Lesson)
            .where(Lesson.level_id == lesson.level_id)
            .order_by(Lesson.position, Lesson.created_at, Lesson.id)
            .with_for_update()
        )
    )
    before = ordered.index(lesson)
    after = before - 1 if direction == "up" else before + 1
    if not 0 <= after < len(ordered):
        return
    ordered[before], ordered[after] = ordered[after], ordered[before]
    for position, each in enumerate(ordered, start=1):
        each.position = position
    audit_log.record(session, actor, AuditAction.LESSON_MOVED, "lesson", lesson.id, detail=direction, now=now)


def _is_empty(lesson: Lesson) -> bool:
    return not (lesson.clips or lesson.words or lesson.instructions.strip())


def _set_clips(session: Session, lesson: Lesson, drafts: Sequence[ClipDraft]) -> None:
    known = {clip.id: clip for clip in lesson.clips}
    clips = []
    for position, draft in enumerate(drafts, start=1):
        clip = known.pop(draft.id or "", None)
        if clip is None:
            clip = Clip(lesson_id=lesson.id)
        elif clip.youtube_id != draft.youtube_id:
            # The position in the old video means nothing in the new one; a finished lesson stays finished.
            session.execute(update(ClipProgress).where(ClipProgress.clip_id == clip.id).values(seconds=0))
        clip.position = position
        clip.youtube_id, clip.starts, clip.ends = draft.youtube_id, draft.starts, draft.ends
        known_length = draft.ends - draft.starts if draft.ends else None
        clip.title, clip.seconds = draft.title, draft.seconds or known_length
        clip.transcript = draft.transcript
        clips.append(clip)
    lesson.clips = clips


def _set_vocabulary(lesson: Lesson, words: Sequence[str]) -> None:
    if [word.text for word in lesson.words] != list(words):
        lesson.words = [
            VocabItem(text=text, position=position) for position, text in enumerate(words, start=1)
        ]
