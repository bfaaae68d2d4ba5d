"""A page of a list by its key: the page after a row, whatever came to the list or left it meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PAGE = 20


@dataclass(frozen=True)
class Cut:
    """Ids of one page of a list. `begin`: how many stand before them.

    `before`, `after`: the rows after which the pages beside it begin; None: there is no such page. "" stands
    for the beginning of the list.
    """

    ids: Sequence[str]
    begin: int = 0
    before: str | None = None
    after: str | None = None


def cut_page(ids: Sequence[str], after: str | None) -> Cut:
    """Return the page of a list that begins after a row; the first one without it, or when it has gone."""
    begin = ids.index(after) + 1 if after in ids else 0
    end = begin + PAGE
    return Cut(
        ids[begin:end],
        begin,
        before=None if begin == 0 else ids[begin - PAGE - 1] if begin > PAGE else "",
        after=ids[end - 1] if end < len(ids) else None,
    )


def row_before(ids: Sequence[str]) -> str | None:
    """Return the row after which the page with the last of these rows begins; None for the first page."""
    begin = (len(ids) - 1) // PAGE * PAGE
    return ids[begin - 1] if begin else None
