"""A page of a list by its key: the page after a row, whatever came to the list or left it meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, String, bindparam, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from lms.extensions import read_rows

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


class KeyedList:
    """A list of which the database reads one page, however long it is. Its statements are built once.

    `key`: the columns of its order, none of them ever NULL; the last one is the id. `latest_first`: from
    the largest key to the smallest.
    """

    def __init__(
        self,
        query: Select[str],
        *key: ColumnElement[Any] | InstrumentedAttribute[Any],
        latest_first: bool = False,
    ) -> None:
        place = tuple_(*(bindparam(f"key_{n}", type_=column.type) for n, column in enumerate(key)))
        rising, falling = tuple(key), tuple(column.desc() for column in key)
        forward = query.order_by(*(falling if latest_first else rising)).limit(PAGE + 1)
        backward = query.order_by(*(rising if latest_first else falling)).limit(PAGE + 1)
        self._first = forward
        self._following = forward.where(tuple_(*key) < place if latest_first else tuple_(*key) > place)
        self._until = backward.where(tuple_(*key) >= place if latest_first else tuple_(*key) <= place)
        self._key = query.with_only_columns(*key).where(key[-1] == bindparam("after", type_=String))

    def read_page(self, session: Session, values: Mapping[str, object], after: str | None) -> Cut:
        """Return what `cut_page` returns but `begin`: in one statement, in three for a later page."""
        place = read_rows(session, self._key, {**values, "after": after}) if after else []
        if not place:
            found = [row[0] for row in read_rows(session, self._first, values)]
            before = None
        else:
            values = {**values, **{f"key_{n}": part for n, part in enumerate(place[0])}}
            found = [row[0] for row in read_rows(session, self._following, values)]
            until = read_rows(session, self._until, values)
            before = until[PAGE][0] if len(until) > PAGE else ""
        return Cut(found[:PAGE], before=before, after=found[PAGE - 1] if len(found) > PAGE else None)
