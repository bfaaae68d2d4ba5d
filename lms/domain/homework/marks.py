"""Marks of teachers on what was sent: on a page, on words of a text, at a moment of a recording (ADR 38)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from lms.domain.errors import Absent, Refused
from lms.models import (
    Attachment,
    Attempt,
    FileState,
    Mark,
    MarkCode,
    MarkKind,
    Person,
    Rendition,
    ReturnedMark,
)
from lms.refusal_codes import RefusalCode

MOST = 200
# The sides of a page, in which places are counted.
WHOLE = 10_000
_ON_PAGES = (MarkKind.PIN, MarkKind.PEN, MarkKind.ARROW, MarkKind.TEXT, MarkKind.HIGHLIGHT)


@dataclass(frozen=True)
class MarkContent:
    """A mark as the teacher makes it; the fields are those of `Mark`."""

    kind: MarkKind
    code: MarkCode | None = None
    attachment_id: str | None = None
    page: int | None = None
    x: int | None = None
    y: int | None = None
    w: int | None = None
    h: int | None = None
    points: list[list[int]] | None = None
    starts: int | None = None
    ends: int | None = None
    quote: str = ""
    model: str = ""
    note: str = ""

    @property
    def is_complete(self) -> bool:
        """Return whether the mark has the place and the words that its kind needs."""
        if self.kind in _ON_PAGES:
            has_place = self.attachment_id is not None and None not in (self.page, self.x, self.y)
            return has_place and self.starts is None and self._has_shape
        if self.page is not None or self.points or (self.x, self.y) != (None, None):
            return False
        is_span = (self.starts is None) == (self.ends is None) and 0 <= (self.starts or 0) <= (self.ends or 0)
        if self.kind == MarkKind.MOMENT:
            return is_span and self.starts is not None and self.attachment_id is not None
        return is_span and bool(self.quote) and self.code is not None

    @property
    def _has_shape(self) -> bool:
        if self.kind == MarkKind.PEN:
            return len(self.points or []) > 1
        if self.kind == MarkKind.TEXT:
            return bool(self.note)
        if self.kind == MarkKind.PIN:
            return self.code is not None
        return None not in (self.w, self.h)

    @property
    def is_on_page(self) -> bool:
        """Return whether all of it is on the page."""
        ends = [(self.x or 0) + (self.w or 0), (self.y or 0) + (self.h or 0)]
        drawn = [number for point in self.points or [] for number in point]
        return all(0 <= number <= WHOLE for number in (self.x or 0, self.y or 0, *ends, *drawn))


def list_marks(session: Session, feedback_id: str) -> list[Mark]:
    """Return the marks of a draft in the order in which they were made, without the removed ones."""
    return list(
        session.scalars(
            select(Mark)
            .where(Mark.feedback_id == feedback_id, Mark.removed_at.is_(None))
            .order_by(Mark.created_at, Mark.page, Mark.y, Mark.starts, Mark.id)
        )
    )


def add_mark(
    session: Session,
    attempt: Attempt,
    feedback_id: str,
    teacher: Person,
    client_key: str,
    content: MarkContent,
    *,
    now: datetime,
) -> Mark:
    """Add a mark; the same key again returns the mark that it made.

    Raises `Absent` when its file is not of this attempt.
    Refusals: `mark_out_of_page`, `too_many_marks`.
    """
    made = session.scalar(select(Mark).where(Mark.feedback_id == feedback_id, Mark.client_key == client_key))
    if made is not None:
        return made
    _check(session, attempt, content)
    _check_number(session, feedback_id)
    mark = Mark(
        feedback_id=feedback_id,
        client_key=client_key,
        created_by_id=teacher.id,
        created_at=now,
        version=1,
        **asdict(content),
    )
    session.add(mark)
    session.flush()
    return mark


def change_mark(session: Session, attempt: Attempt, mark: Mark, content: MarkContent, version: int) -> None:
    """Change a mark of which the page showed this version.

    Raises `Absent` when its file is not of this attempt.
    Refusals: `field_changed`, `mark_out_of_page`.
    """
    if content == content_of(mark):
        return
    if mark.version != version:
        raise Refused(RefusalCode.FIELD_CHANGED)
    _check(session, attempt, content)
    for name, value in asdict(content).items():
        setattr(mark, name, value)
    mark.version += 1
    session.flush()


def remove_mark(session: Session, mark: Mark, *, now: datetime) -> None:
    """Remove a mark, so that it can be restored; nothing happens to a removed one."""
    if mark.removed_at is None:
        mark.removed_at = now
        mark.version += 1
        session.flush()


def restore_mark(session: Session, mark: Mark) -> None:
    """Restore a removed mark; nothing happens to another one. Refusals: `too_many_marks`."""
    if mark.removed_at is not None:
        _check_number(session, mark.feedback_id)
        mark.removed_at = None
        mark.version += 1
        session.flush()


def mark_for(session: Session, attempt: Attempt, mark_id: str) -> Mark:
    """Return a mark on the attempt, removed or not. Raises `Absent` for any other."""
    feedback = attempt.feedback
    mark = session.get(Mark, mark_id, populate_existing=True)
    if mark is None or feedback is None or mark.feedback_id != feedback.id:
        raise Absent
    return mark


def freeze_mark(mark: Mark) -> ReturnedMark:
    """Return what a return keeps of a mark."""
    kept: ReturnedMark = asdict(content_of(mark))  # type: ignore[assignment]
    return kept


def content_of(mark: Mark) -> MarkContent:
    """Return the content of a mark."""
    return MarkContent(*(getattr(mark, field.name) for field in fields(MarkContent)))


def describe_mark(mark: Mark) -> dict[str, object]:
    """Return what the script of a page needs of a mark."""
    return {
        "id": mark.id,
        "key": mark.client_key,
        "version": mark.version,
        "removed": mark.removed_at is not None,
        **asdict(content_of(mark)),
    }


def _check(session: Session, attempt: Attempt, content: MarkContent) -> None:
    if content.page is not None and not content.is_on_page:
        raise Refused(RefusalCode.MARK_OUT_OF_PAGE)
    if content.kind == MarkKind.RANGE and (content.ends or 0) > len(attempt.text):
        raise Refused(RefusalCode.MARK_OUT_OF_PAGE)
    if content.attachment_id is None:
        return
    shown = exists().where(
        Attachment.id == content.attachment_id,
        Attachment.attempt_id == attempt.id,
        Attachment.state == FileState.READY,
    )
    if content.page is not None:
        shown = shown.where(Rendition.attachment_id == Attachment.id, Rendition.page == content.page)
    if not session.scalar(select(shown)):
        raise Absent


def _check_number(session: Session, feedback_id: str) -> None:
    asked = select(func.count()).where(Mark.feedback_id == feedback_id, Mark.removed_at.is_(None))
    if (session.scalar(asked) or 0) >= MOST:
        raise Refused(RefusalCode.TOO_MANY_MARKS, number=MOST)
