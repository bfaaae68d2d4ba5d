"""Have a mail parsed in a child process, and its files put into the store of received files."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lms.adapters import sandbox
from lms.adapters.media.names import clean_name
from lms.adapters.store import Store, StoreFull, file_digest, is_full
from lms.domain.homework.inbox import MailPart, ParsedMail
from lms.models import FileKind

WALL_SECONDS = 4.0
# For the headers alone, of a mail that the child could not read.
HEADER_SECONDS = 1.0
_MODULE = "lms.adapters.inbox.parse"
_log = logging.getLogger(__name__)
_NOTHING = dict.fromkeys(("message_id", "from_name", "from_address", "subject", "text", "whole_text"), "")


@dataclass(frozen=True)
class Address:
    """The address of our mailbox, and what stands between it and a token; "" for none."""

    address: str
    separator: str


def read_mail(source: Path, work: Path, received: Store, own: Address, *, now: datetime) -> ParsedMail:
    """Return what a mail says. Its files are in the store of received files then, read back.

    A mail that cannot be read says who sent it, as far as that can be read. Raises `StoreFull`.
    """
    facts = _run("whole", source, work, own, WALL_SECONDS)
    is_readable = "unreadable" not in facts
    if not is_readable:
        _log.info("a mail cannot be read: %s", facts["unreadable"])
        found = _run("headers", source, work, own, HEADER_SECONDS)
        facts = {"automatic": True} if "unreadable" in found else found
    facts = {**_NOTHING, "answers": [], "tokens": [], "files": [], "sent_at": None, "bounce": None, **facts}
    bounce = facts["bounce"] or {}
    return ParsedMail(
        is_readable=is_readable,
        message_id=facts["message_id"],
        answers=tuple(facts["answers"]),
        tokens=tuple(facts["tokens"]),
        from_address=facts["from_address"],
        from_name=facts["from_name"],
        subject=facts["subject"],
        sent_at=_moment(facts["sent_at"], now),
        text=facts["text"],
        whole_text=facts["whole_text"],
        is_automatic=bool(facts["automatic"]),
        failed_addresses=tuple(bounce.get("failed", ())),
        returned_ids=tuple(bounce.get("ids", ())),
        parts=tuple(_keep(received, work, file) for file in facts["files"]),
    )


def _run(how: str, source: Path, work: Path, own: Address, seconds: float) -> dict[str, Any]:
    # An empty argument would be lost on no system, but a `-` could be taken for an option.
    arguments = [how, str(source.resolve()), str(work.resolve()), own.address, f"_{own.separator}_"]
    try:
        answer = sandbox.run_child(_MODULE, arguments, cwd=work, wall_seconds=seconds)
        facts = json.loads(answer)
    except sandbox.ChildEnded as end:
        return {"unreadable": end.why}
    except ValueError:
        return {"unreadable": "no answer"}
    if not isinstance(facts, dict):
        return {"unreadable": "no facts"}
    if is_full(OSError(facts.get("errno") or 0, "")):
        raise StoreFull
    return facts


def _keep(received: Store, work: Path, file: dict[str, Any]) -> MailPart:
    path = work / f"part-{int(file['number'])}"
    key = received.put(path)
    digest = file_digest(path)
    if received.digest(key) != digest:
        received.delete(key)
        raise OSError(f"the store does not give back what was stored: {key}")
    return MailPart(FileKind(file["kind"]), clean_name(file["name"]), key, path.stat().st_size, digest)


def _moment(seconds: int | None, now: datetime) -> datetime | None:
    """Return when the mail was sent; None for a moment that no honest clock has shown."""
    if seconds is None or not 946_684_800 <= seconds <= now.timestamp() + 172_800:
        return None
    return datetime.fromtimestamp(seconds, UTC)
