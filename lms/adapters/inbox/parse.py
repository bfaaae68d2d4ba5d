"""Parse one mail: the child process of `reading`, with little time and memory.

It reads a mail that anybody may have sent. Everything that it returns is short, and the files of the mail lie
in its work folder under numbers.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC
from email import message_from_binary_file
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from flufl.bounce import all_failures

from lms.adapters.inbox.text import clean, own_words
from lms.adapters.sandbox import limit_resources

MEMORY = 400 << 20
CPU_SECONDS = 5
MOST_PARTS = 200
MOST_DEPTH = 20
MOST_FILES = 30
HEADER_BYTES = 64 << 10
_RECIPIENTS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "resent-to")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{3,290}>")  # what is printed of ASCII, but for angle brackets
_DAEMONS = re.compile(
    r"(?i)^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|daemon)(?:[+.-].*)?@"
)
_KINDS = {"image": "photo", "audio": "voice", "video": "voice"}
_ENDINGS = {
    **dict.fromkeys(("jpg", "jpeg", "png", "heic", "heif", "webp", "gif", "avif"), "photo"),
    **dict.fromkeys(("m4a", "mp3", "aac", "ogg", "opus", "oga", "amr", "3gp", "wav", "webm", "mp4"), "voice"),
}
# A logo in a signature; no photo of a sheet is so small.
_LOGO_BYTES = 12_000
_NO_FILES = frozenset(
    ("text/calendar", "text/vcard", "text/x-vcard", "application/pgp-signature", "application/ms-tnef")
)


class TooComplicated(Exception):
    """More parts, or parts within parts, than any mail of a person has."""


def parse(source: Path, work: Path, address: str, separator: str) -> dict[str, Any]:
    """Return what the mail says, as JSON takes it; its files are in `work`."""
    with source.open("rb") as file:
        mail = message_from_binary_file(file)
    parts = list(_walk(mail))
    facts = _headers(mail, address, separator)
    plain: list[str] = []
    html: list[str] = []
    files: list[dict[str, Any]] = []
    for part, is_inner in parts:
        kind, disposition = part.get_content_type(), (part.get_content_disposition() or "")
        name = _decoded(part.get_filename() or "", 200)
        if kind in ("text/plain", "text/html") and disposition != "attachment" and not name:
            texts = plain if kind == "text/plain" else html
            if not is_inner and len(texts) < 20:
                texts.append(_text(part)[:500_000])
        elif len(files) < MOST_FILES and (found := _file(part, kind, name, work, len(files))):
            files.append(found)
    facts["text"], facts["whole_text"] = own_words("\n".join(plain), "\n".join(html))
    facts["files"] = files
    facts["bounce"] = _bounce(mail, parts) if facts["automatic"] else None
    return facts


def headers_only(source: Path, address: str, separator: str) -> dict[str, Any]:
    """Return who wrote a mail and about what, when the rest of it cannot be read."""
    with source.open("rb") as file:
        begin = file.read(HEADER_BYTES)
    head = re.split(rb"\r?\n\r?\n", begin, maxsplit=1)[0]
    found = _headers(message_from_binary_file(BytesIO(head + b"\r\n\r\n")), address, separator)
    return {**found, "text": "", "whole_text": "", "files": [], "bounce": None}


def _walk(mail: Message) -> Iterator[tuple[Message, bool]]:
    """Yield the parts in their order; True with those of a forwarded mail."""
    stack: list[tuple[Message, int, bool]] = [(mail, 0, False)]
    count = 0
    while stack:
        part, depth, is_inner = stack.pop()
        count += 1
        if count > MOST_PARTS or depth > MOST_DEPTH:
            raise TooComplicated
        inner = is_inner or part.get_content_type() == "message/rfc822"
        payload = part.get_payload()
        if isinstance(payload, list):
            stack.extend((each, depth + 1, inner) for each in reversed(payload) if isinstance(each, Message))
        if not part.is_multipart():
            yield part, is_inner


def _headers(mail: Message, address: str, separator: str) -> dict[str, Any]:
    name, sender = parseaddr(_decoded(str(mail.get("from", ""))[:2000], 600))
    return_path = str(mail.get("return-path", "?"))[:300].strip()
    return {
        "message_id": _first_id(str(mail.get("message-id", ""))),
        "answers": _ids(mail, "in-reply-to") + _ids(mail, "references"),
        "from_name": clean(name, 120).replace("\n", " "),
        "from_address": clean(sender, 254).replace("\n", "").lower() if "@" in sender else "",
        "subject": clean(_decoded(str(mail.get("subject", ""))[:2000], 300), 300).replace("\n", " "),
        "sent_at": _moment(str(mail.get("date", ""))[:100]),
        "tokens": _tokens(mail, address, separator),
        "automatic": _is_automatic(mail, sender, return_path, address),
    }


def _tokens(mail: Message, address: str, separator: str) -> list[str]:
    """Return the tokens in the addresses to which the mail was sent."""
    if not separator:
        return []
    local, _, domain = address.partition("@")
    wanted = re.compile(
        rf"(?i)(?<![\w.+-]){re.escape(local + separator)}([a-z0-9]{{27}}|[a-z0-9]{{41}})@{re.escape(domain)}"
    )
    written = "\n".join(
        str(value)[: 1 << 18] for name in _RECIPIENTS for value in (mail.get_all(name) or [])[:50]
    )
    return list(dict.fromkeys(token.lower() for token in wanted.findall(written)))[:20]


def _is_automatic(mail: Message, sender: str, return_path: str, address: str) -> bool:
    """Return whether a program has sent the mail: then nobody answers it."""
    said = str(mail.get("auto-submitted", "no")).strip().lower()[:40]
    precedence = str(mail.get("precedence", "")).strip().lower()[:40]
    return (
        not said.startswith("no")
        or precedence in ("bulk", "junk", "list", "auto_reply")
        or any(name in mail for name in ("list-id", "list-unsubscribe", "x-autoreply", "x-autorespond"))
        or return_path == "<>"
        or mail.get_content_type() == "multipart/report"
        or bool(_DAEMONS.match(sender.strip()))
        or sender.strip().lower() == address.lower()
    )


def _bounce(mail: Message, parts: list[tuple[Message, bool]]) -> dict[str, Any] | None:
    """Return the addresses that failed for good and the ids of the returned mail; None for another notice."""
    _temporary, permanent = all_failures(mail)
    failed = sorted(each.decode("ascii", "replace").lower()[:254] for each in permanent)[:20]
    if not failed:
        return None
    returned = [each for each in mail.walk() if each.get_content_type() == "message/rfc822"]
    ids = [_first_id(str(inner.get("message-id", ""))) for each in returned for inner in _inner(each)]
    for part, _ in parts:
        if part.get_content_type() == "text/rfc822-headers":
            ids += re.findall(r"(?im)^message-id:\s*(<[^<>\s]{3,290}>)", _text(part)[:HEADER_BYTES])
    return {"failed": failed, "ids": [each for each in ids if each][:5]}


def _inner(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _file(part: Message, kind: str, name: str, work: Path, number: int) -> dict[str, Any] | None:
    content = part.get_payload(decode=True)
    is_no_file = kind in _NO_FILES or kind.startswith(("multipart/", "message/"))
    if is_no_file or not isinstance(content, bytes) or not content:
        return None
    is_inline = part.get_content_disposition() != "attachment" and "content-id" in part
    if kind.startswith("image/") and is_inline and len(content) < _LOGO_BYTES:
        return None
    (work / f"part-{number}").write_bytes(content)
    asked = _ENDINGS.get(name.rpartition(".")[2].lower()) or _KINDS.get(kind.partition("/")[0], "document")
    ending = kind.partition("/")[2][:8]
    return {"number": number, "name": name or f"fichier.{ending}", "kind": asked, "size": len(content)}


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    for charset in (part.get_content_charset() or "utf-8", "utf-8", "cp1252"):
        try:
            return content[: 1 << 21].decode(charset)
        except (LookupError, ValueError):
            continue
    return content[: 1 << 21].decode("latin-1")


def _decoded(raw: str, limit: int) -> str:
    """Return a header with its encoded words decoded, whatever charset they claim."""
    found = []
    try:
        pieces = decode_header(raw)
    except Exception:  # noqa: BLE001 the library raises several kinds for a malformed word
        return raw[:limit]
    for piece, charset in pieces:
        if isinstance(piece, str):
            found.append(piece)
            continue
        try:
            found.append(piece.decode(charset or "utf-8"))
        except (LookupError, ValueError):
            found.append(piece.decode("latin-1"))
    return "".join(found)[:limit]


def _first_id(raw: str) -> str:
    found = _MESSAGE_ID.search(raw[:2000])
    return found[0] if found else ""


def _ids(mail: Message, name: str) -> list[str]:
    return _MESSAGE_ID.findall(str(mail.get(name, ""))[:8000])[-20:]


def _moment(raw: str) -> int | None:
    try:
        moment = parsedate_to_datetime(raw)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except Exception:  # noqa: BLE001 no date, or one that no calendar has
        return None


def main() -> None:
    """Parse the mail of the command line and print what it says."""
    limit_resources(memory=MEMORY, cpu_seconds=CPU_SECONDS, output=64 << 20)
    how, source, work, address, separator = sys.argv[-5:]
    try:
        if how == "headers":
            facts = headers_only(Path(source), address, separator.strip("_"))
        else:
            facts = parse(Path(source), Path(work), address, separator.strip("_"))
    except (TooComplicated, RecursionError):
        facts = {"unreadable": "parts within parts"}
    except MemoryError:
        facts = {"unreadable": "memory"}
    except OSError as error:
        facts = {"unreadable": "disk", "errno": error.errno}
    except Exception as error:  # noqa: BLE001 a mail may break any line of the libraries
        facts = {"unreadable": type(error).__name__}
    sys.stdout.buffer.write(json.dumps(facts).encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
