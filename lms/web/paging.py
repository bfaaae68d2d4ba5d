"""What an address or a button asks of a list or a page, and the links between the pages of a list."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from flask import abort, request, url_for

from lms.domain.paging import Cut

S = TypeVar("S", bound=StrEnum)


def asked_state(states: type[S]) -> S | None:
    """Return the state that the address asks for; None for all, or for a value that is none."""
    value = request.args.get("state", "")
    return states(value) if value in set(states) else None


def asked_page() -> int:
    """Return the number of the page that the address asks for; 1 for a value that is none."""
    raw = request.args.get("page", "")
    return max(1, min(int(raw[:6]), 10_000)) if raw.isascii() and raw.isdecimal() else 1


def asked_turns() -> int:
    """Return the quarter turns, 0 to 3, that a button of a page asks for; 400 for anything else."""
    asked = request.form.get("turns", "")
    if asked not in {"0", "1", "2", "3"}:
        abort(400)
    return int(asked)


def pager_links(cut: Cut, endpoint: str, **values: str | None) -> dict[str, str | None]:
    """Return the addresses of the pages beside this one, None for none, as `ui.pager` wants them.

    `values`: what else stands in the addresses.
    """

    def address(after: str | None) -> str:
        return url_for(endpoint, **{"after": after or None, **values})  # type: ignore[arg-type]

    return {
        "previous": None if cut.before is None else address(cut.before),
        "following": None if cut.after is None else address(cut.after),
    }
