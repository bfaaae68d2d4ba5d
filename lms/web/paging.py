"""The links between the pages of a list."""

from __future__ import annotations

from flask import url_for

from lms.domain.paging import Cut


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
