"""The forms of the page of exceptions, filled as a teacher or the coordinator would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests import factories
from tests.support.pages import Page, Visitor, filled, parse
from tests.support.school import School


def open_week(school: School) -> None:
    school.write(lambda s: factories.all_week(s, factories.nadia(s), "09:00", "12:00"))


def exceptions(browser: Visitor, **values: str) -> Page:
    """Send the form of exceptions filled like this, and return the answer."""
    return _send(browser, lambda found: "start" in found, values)


def tap(browser: Visitor, kind: str) -> Page:
    """Press the first button in the list of holidays (to open) or of bridge days (to close)."""
    return _send(browser, lambda found: found.get("kind") == kind and "start" not in found, {})


def _send(browser: Visitor, wanted: Callable[[dict[str, Any]], bool], values: dict[str, str]) -> Page:
    page = browser.get("/agenda/exceptions")
    main = page.root.all("main")[0]
    chosen = next(form for form in main.all("form") if wanted(filled(form)))
    only = Page(page.response, page.url, parse(chosen.node.html or ""))
    return browser.submit(only, values, action="/agenda/exceptions")
