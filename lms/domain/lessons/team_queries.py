"""Lessons as the team lists them: those of one level, page by page, and who has done one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ScalarSelect, String, bindparam, case, exists, func, select
from sqlalchemy.orm import Session

from lms.domain.lessons.queries import ORDER
from lms.domain.paging import Cut, cut_page, row_before
from lms.extensions import read_rows
from lms.models import Assignment, Clip, ClipProgress, Lesson, LessonVisit, Level, Person


class Publication(StrEnum):
    """State of a lesson: learners see it, or only the team does."""

    PUBLISHED = "published"
    DRAFT = "draft"


@dataclass(frozen=True)
class LevelTab:
    """A level with the number of its lessons that are listed: without a filter drafts included."""

    id: str
    name: str
    cefr: str | None
    lessons: int


@dataclass(frozen=True)
class TeamLesson:
    """A lesson in the list of the team."""

    id: str
    title: str
    published_at: datetime | None
    clips: int
    without_transcript: int  # of the clips
    assignments: int


@dataclass(frozen=True)
class LessonPage:
    """A page of the lessons of one level; without levels there is none."""

    levels: Sequence[LevelTab]
    level: LevelTab | None
    cut: Cut
    lessons: Sequence[TeamLesson]


def lesson_page(
    session: Session,
    level_id: str | None,
    after: str | None = None,
    *,
    publication: Publication | None = None,
    showing: str | None = None,
) -> LessonPage:
    """Return a page of the lessons of a level, the first level without one, in two statements.

    `after`: the lesson after which the page begins. `publication`: only published lessons or only drafts.
    `showing`: a lesson that is on the page, whatever level and page were asked for.
    """
    tabs: dict[str, LevelTab] = {}
    ids: dict[str, list[str]] = {}
    for tab_id, name, cefr, lesson_id, is_published in read_rows(session, _BY_LEVEL, {}):
        listed = ids.setdefault(tab_id, [])
        # A level may have no lesson.
        if lesson_id and publication in (None, _PUBLICATION[is_published]):
            listed.append(lesson_id)
        if lesson_id and lesson_id == showing:
            level_id, after = tab_id, row_before(listed)
        tabs[tab_id] = LevelTab(tab_id, name, cefr, len(listed))
    level = tabs.get(level_id or "") or next(iter(tabs.values()), None)
    cut = cut_page(ids[level.id] if level else [], after)
    lessons = [TeamLesson(*row) for row in read_rows(session, _LISTED, {"ids": list(cut.ids)})]
    return LessonPage(list(tabs.values()), level, cut, lessons)


def count_done_by(session: Session, lesson: Lesson) -> int:
    """Return how many learners watched all clips or, without clips, went on to a later step."""
    number: int = read_rows(session, _DONE_BY, {"lesson": lesson.id})[0][0]
    return number


def _count(of: type[Clip | Assignment], *where: object) -> ScalarSelect[int]:
    return (
        select(func.count())
        .select_from(of)
        .where(of.lesson_id == Lesson.id, *where)  # type: ignore[arg-type]
        .correlate(Lesson)
        .scalar_subquery()
    )


_PUBLICATION = {True: Publication.PUBLISHED, False: Publication.DRAFT}
# Built once.
_BY_LEVEL = (
    select(Level.id, Level.name, Level.cefr, Lesson.id, Lesson.published_at.is_not(None))
    .outerjoin(Lesson, Lesson.level_id == Level.id)
    .order_by(Level.position, *ORDER)
)
_LISTED = (
    select(
        Lesson.id,
        Lesson.title,
        Lesson.published_at,
        _count(Clip),
        _count(Clip, Clip.transcript == ""),
        _count(Assignment, Assignment.withdrawn_at.is_(None)),
    )
    .where(Lesson.id.in_(bindparam("ids", expanding=True, type_=String)))
    .order_by(*ORDER)
)
_LESSON = bindparam("lesson", type_=String)
_CLIPS = select(func.count()).select_from(Clip).where(Clip.lesson_id == _LESSON).scalar_subquery()
_WATCHERS = (
    select(ClipProgress.person_id)
    .join(Clip, Clip.id == ClipProgress.clip_id)
    .join(Person, Person.id == ClipProgress.person_id)
    .where(Clip.lesson_id == _LESSON, ClipProgress.watched_at.is_not(None), Person.deactivated_at.is_(None))
    .group_by(ClipProgress.person_id)
    .having(func.count() == _CLIPS)
    .subquery()
)
_READERS = (
    select(func.count())
    .select_from(LessonVisit)
    .join(Person, Person.id == LessonVisit.person_id)
    .where(LessonVisit.lesson_id == _LESSON, LessonVisit.step != "watch", Person.deactivated_at.is_(None))
    .scalar_subquery()
)
_DONE_BY = select(
    case(
        (
            exists().where(Clip.lesson_id == _LESSON),
            select(func.count()).select_from(_WATCHERS).scalar_subquery(),
        ),
        else_=_READERS,
    )
)
