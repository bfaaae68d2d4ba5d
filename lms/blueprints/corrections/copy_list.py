"""The lists of copies, and the way along one: the address carries the list and its search."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import has_request_context, request, url_for
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lms.access import me
from lms.blueprints.corrections.correction_page import MAIL, NO_MAIL
from lms.clock import now
from lms.domain.homework import copies, queue
from lms.domain.homework.copies import CopyList, CopyPage, ReturnedCopy
from lms.domain.homework.digest import LONG
from lms.domain.homework.queue import QueuePlace, QueueState
from lms.domain.people.directory import LevelCount, levels
from lms.models import Attempt
from lms.web.paging import asked_state

NAMES: dict[CopyList, LazyString] = {
    CopyList.WAITING: _l("À corriger"),
    CopyList.REDO: _l("À refaire"),
    CopyList.RETURNED: _l("Rendues"),
}
# What every address of these pages carries along.
_CARRIED = ("list", "q")
_LONGEST = 80


@dataclass(frozen=True)
class ListPage:
    """A page of a list: the copies, the addresses of the pages beside it, and how many there are in all.

    `begin`: how many stand before the page; None where nobody counts. `mails`: a sentence by id of a return.
    `long_before`: what was sent before then waits for long.
    """

    which: CopyList
    text: str
    copies: Sequence[queue.WaitingAttempt | ReturnedCopy]
    previous: str | None
    following: str | None
    begin: int | None
    is_partial: bool
    counts: Sequence[LevelCount]
    mails: dict[str, LazyString]
    long_before: datetime

    @property
    def is_queue(self) -> bool:
        return self.which == CopyList.WAITING

    @property
    def is_redo(self) -> bool:
        return self.which == CopyList.REDO

    def address_of(self, which: CopyList, level: str | None) -> str:
        """Return the address of another list with the same search."""
        return url_for("corrections.index", list=None if which == CopyList.WAITING else which, level=level)


def asked_list() -> CopyList:
    """Return the list that the address asks for; what waits, for a value that is none."""
    value = request.args.get("list", "")
    return CopyList(value) if value in set(CopyList) else CopyList.WAITING


def asked_text() -> str:
    """Return what the address looks for."""
    return request.args.get("q", "").strip()[:_LONGEST]


def carry_list(endpoint: str, values: dict[str, Any]) -> None:
    """Put the list and its search into the addresses of the pages that lead along it."""
    if has_request_context() and request.blueprint in ("corrections", "marks"):
        for name in _CARRIED:
            if value := request.args.get(name, "")[:_LONGEST]:
                values.setdefault(name, value)


def build_list(session: Session, level: str | None, *, before: str | None, after: str | None) -> ListPage:
    """Read the page of the list that the address asks for."""
    which, text, state = asked_list(), asked_text(), asked_state(QueueState)
    search = copies.read_search(session, text)
    begin, counts = None, []
    if which != CopyList.WAITING:
        found = copies.returned_page(session, which, search, level, before=before, after=after)
        counts = [LevelCount(each.id, each.name, 0) for each in levels(session)]
        shown: Sequence[Any] = copies.with_mails(session, found.copies)  # type: ignore[arg-type]
    elif search is not None:
        counts = queue.counts_by_level(session, me(), state)
        found = copies.waiting_page(session, me(), search, level, state, before=before, after=after)
        shown = found.copies
    else:
        counts = queue.counts_by_level(session, me(), state)
        waiting = queue.queue_page(session, me(), level, state, before=before, after=after)
        begin, shown = waiting.begin, waiting.attempts
        found = CopyPage(shown, waiting.before, waiting.after)
    if before and not shown:  # what stood before has left the list
        return build_list(session, level, before=None, after=None)
    kept: dict[str, Any] = {"level": level, "state": state if which == CopyList.WAITING else None}
    return ListPage(
        which=which,
        text=text,
        copies=shown,
        previous=found.before and url_for("corrections.index", before=found.before, **kept),
        following=found.after and url_for("corrections.index", after=found.after, **kept),
        begin=begin,
        is_partial=found.is_partial,
        counts=counts,
        long_before=now() - LONG,
        mails={each.returned_id: MAIL.get(each.mail, NO_MAIL) for each in shown}
        if which != CopyList.WAITING
        else {},
    )


def find_place(session: Session, attempt: Attempt, level: str | None, *, now: datetime) -> QueuePlace:
    """Return the place of a copy in the queue, with its neighbours in the list from which it was opened."""
    which, search = asked_list(), copies.read_search(session, asked_text())
    if which == CopyList.WAITING and search is None:
        return queue.find_place(session, me(), attempt, level, now=now)
    before, after, viewer = copies.find_beside(session, me(), which, attempt.id, search, level, now=now)
    # Nobody counts this list.
    return QueuePlace(before, after, first=None, number=0, total=0, is_waiting=False, viewer=viewer)
