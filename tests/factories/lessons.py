from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from lms.domain.lessons import authoring
from lms.models import Clip, Lesson
from tests.factories.people import NOW, level, nadia

VIDEO = "dQw4w9WgXcQ"


def clip_draft(
    number: int = 0,
    *,
    starts: int = 0,
    ends: int | None = None,
    seconds: int | None = 160,
    id: str | None = None,  # noqa: A002 as the field is called
) -> authoring.ClipDraft:
    """Return a clip of 2 min 40 with a transcript."""
    return authoring.ClipDraft(
        youtube_id=f"{VIDEO[:-2]}{number:02d}",
        starts=starts,
        ends=ends,
        seconds=seconds,
        transcript="Bonjour. Je m’appelle Samira.",
        id=id,
    )


def lesson(
    session: Session,
    title: str = "Bonjour, je m’appelle…",
    level_code: str = "N1",
    *,
    clips: int = 1,
    words: tuple[str, ...] = ("bonjour 👋", "la ville 🏙️", "merci"),
    instructions: str = "Regardez **deux fois**.",
    published: bool = True,
    now: datetime = NOW,
) -> Lesson:
    """Create a lesson by Nadia."""
    made = authoring.create_lesson(
        session,
        nadia(session),
        level(session, level_code),
        title=title,
        goal="Je peux dire mon prénom.",
        instructions=instructions,
        words=words,
        clips=[clip_draft(number) for number in range(clips)],
        now=now,
    )
    if published:
        authoring.publish_lesson(session, nadia(session), made, now=now)
    session.flush()
    return made


def clip_of(lesson: Lesson, number: int = 0) -> Clip:
    return lesson.clips[number]
