"""Pictures of pages with marks, for mails: drawn in a child process, never in a request or a transaction."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from lms.adapters.mail.message import InlinePicture
from lms.adapters.media import decode
from lms.adapters.media.types import ASKED, DRAWN, RejectedFile
from lms.adapters.store import Store, StoreFull, UnknownKey
from lms.adapters.work_folder import work_folder
from lms.domain.homework.marked_pages import MarkedPage

# Of all pictures of a mail together: with their base64 and the words they stay below 150 kB.
MOST_BYTES = 74_000
_LEAST_BYTES = 12_000
_log = logging.getLogger(__name__)


def draw_pages(
    store: Store, temp: Path, pages: Iterable[MarkedPage], letters: Mapping[str, str]
) -> list[InlinePicture]:
    """Return the pages as small JPEG pictures; a page that cannot be drawn, or does not fit, is left out.

    `letters`: the letter of each code.
    """
    made: list[InlinePicture] = []
    for page in pages:
        room = MOST_BYTES - sum(len(picture.content) for picture in made)
        if room < _LEAST_BYTES:
            break
        drawn = _draw(store, temp, page, letters, room)
        if drawn is not None:
            made.append(drawn)
    return made


def _draw(
    store: Store, temp: Path, page: MarkedPage, letters: Mapping[str, str], room: int
) -> InlinePicture | None:
    asked = {
        "turns": page.turns,
        "bytes": room,
        "marks": [{**mark, "letter": letters.get(mark["code"] or "", "")} for mark in page.marks],
    }
    try:
        with work_folder(temp) as work:
            source = work / "page.jpg"
            with store.open(page.store_key) as stream, source.open("wb") as target:
                shutil.copyfileobj(stream, target)
            (work / ASKED).write_text(json.dumps(asked))
            facts = decode.run("lms.adapters.media.marked", source, work)
            if not facts["width"]:
                return None
            content = (work / DRAWN).read_bytes()
    except (RejectedFile, StoreFull, UnknownKey, OSError) as error:
        # The words of the marks stand in the mail as well: it goes without the picture.
        _log.warning("a marked page was not drawn: %s", type(error).__name__)
        return None
    return InlinePicture(f"page-{page.number}", content, facts["width"], facts["height"], page.number)
