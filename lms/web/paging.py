"""The links between the pages of a list."""

from __future__ import annotations

from flask import url_for

from lms.domain.paging import Cut


def pager_links(cut: Cut, endpoint: str) -> dict[str, str | None]:
    """Return the addresses of the pages beside this one, None for none, as `ui.pager` wants them."""
    return {
        "previous": None if cut.before is None else url_for(endpoint, after=cut.before or None),
        "following": None if cut.after is None else url_for(endpoint, after=cut.after),
    }
