"""Pictures of what was sent: how each page is shown."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms.domain.errors import Absent
from lms.models import Attachment, Attempt, Rendition


def turn_page(session: Session, attempt: Attempt, rendition_id: str, turns: int) -> None:
    """Show a page of the attempt with these quarter turns clockwise, 0 to 3, for everybody, in each size.

    Raises `Absent` when the picture is not of the attempt.
    """
    if turns not in range(4):
        raise ValueError(f"not quarter turns: {turns}")
    found = session.execute(
        select(Rendition.attachment_id, Rendition.page)
        .join(Attachment, Attachment.id == Rendition.attachment_id)
        .where(Rendition.id == rendition_id, Attachment.attempt_id == attempt.id)
    ).one_or_none()
    if found is None:
        raise Absent
    session.execute(
        update(Rendition)
        .where(Rendition.attachment_id == found.attachment_id, Rendition.page == found.page)
        .values(turns=turns)
    )
