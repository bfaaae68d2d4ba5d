"""All rows that name a stored file: of people, of mails, what is made of both, the photo of the entrance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Integer, Result, literal, select, union_all, update
from sqlalchemy.orm import Session

from lms.models import Attachment, FeedbackVoice, InboundMail, InboundPart, Organisation, Rendition


@dataclass(frozen=True)
class NamedFile:
    """A file that a row names, with its size and SHA-256; None where the row does not say them."""

    key: str
    size: int | None
    sha256: str | None


def list_named_files(session: Session) -> list[NamedFile]:
    """Return the files that rows name, in the order of their keys."""
    door = Organisation.door_photo_key
    rows: Result[tuple[str, int | None, str | None]] = session.execute(
        union_all(
            select(Attachment.store_key, Attachment.size, Attachment.sha256).where(
                Attachment.store_key.is_not(None)
            ),
            select(Rendition.store_key, Rendition.size, Rendition.sha256),
            select(FeedbackVoice.store_key, FeedbackVoice.size, FeedbackVoice.sha256),
            *(
                select(table.played_key, table.played_size, table.played_sha256).where(
                    table.played_key.is_not(None)
                )
                for table in (Attachment, FeedbackVoice)
            ),
            select(InboundMail.store_key, InboundMail.size, InboundMail.sha256).where(
                InboundMail.store_key.is_not(None)
            ),
            select(InboundPart.preview_key, InboundPart.preview_size, InboundPart.preview_sha256).where(
                InboundPart.preview_key.is_not(None)
            ),
            select(door, literal(None, Integer()), Organisation.door_photo_sha256).where(door.is_not(None)),
        )
    )
    return sorted((NamedFile(row.store_key, row.size, row.sha256) for row in rows), key=lambda file: file.key)


def record_digests(session: Session, digests: Mapping[str, str]) -> None:
    """Record the SHA-256 of files by their key, where the row does not say it yet."""
    for key, sha256 in digests.items():
        session.execute(
            update(Rendition)
            .where(Rendition.store_key == key, Rendition.sha256.is_(None))
            .values(sha256=sha256)
        )
        session.execute(
            update(Organisation)
            .where(Organisation.door_photo_key == key, Organisation.door_photo_sha256.is_(None))
            .values(door_photo_sha256=sha256)
        )
