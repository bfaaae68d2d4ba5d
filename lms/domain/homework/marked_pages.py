"""The pages of an attempt that a mail shows with the marks of a return on them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.models import Attachment, FileState, MarkKind, Rendition, ReturnedFeedback, ReturnedMark

MOST = 2
DRAWN = frozenset({MarkKind.PIN, MarkKind.PEN, MarkKind.ARROW, MarkKind.TEXT, MarkKind.HIGHLIGHT})


@dataclass(frozen=True)
class MarkedPage:
    """A stored picture of a page, the quarter turns with which it is shown, and the marks on it.

    `number`: its place among the pages of the attempt, from 1 on.
    """

    store_key: str
    turns: int
    number: int
    marks: list[ReturnedMark]


def list_marked_pages(session: Session, returned: ReturnedFeedback) -> list[MarkedPage]:
    """Return the first pages that have marks on them, in the order of the files; one statement."""
    on_page: dict[tuple[str, int], list[ReturnedMark]] = {}
    for mark in returned.marks:
        if mark["kind"] in DRAWN and mark["attachment_id"] and mark["page"]:
            on_page.setdefault((mark["attachment_id"], mark["page"]), []).append(mark)
    if not on_page:
        return []
    attempt = select(Attachment.attempt_id).where(Attachment.id == next(iter(on_page))[0])
    pages = session.execute(
        select(Rendition.store_key, Rendition.turns, Rendition.attachment_id, Rendition.page)
        .join(Attachment, Attachment.id == Rendition.attachment_id)
        .where(
            Attachment.attempt_id == attempt.scalar_subquery(),
            Attachment.state == FileState.READY,
            Rendition.purpose == "web",
        )
        .order_by(Attachment.position, Rendition.page)
    )
    found = [
        MarkedPage(key, turns, number, on_page[attachment_id, page])
        for number, (key, turns, attachment_id, page) in enumerate(pages, start=1)
        if (attachment_id, page) in on_page
    ]
    return found[:MOST]
