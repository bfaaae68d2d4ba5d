"""Browsers on which a member of the team has logged in before.

They count their own wrong passwords: those of others do not keep this person out. The cookie opens nothing,
and another password ends it.
"""

from __future__ import annotations

from datetime import timedelta

from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from lms.access import TEAM_BROWSER, cookie, set_cookie
from lms.current import settings
from lms.domain.people.logins import digest
from lms.models import Person

LASTS = timedelta(days=180)
PEOPLE_KEPT = 4  # colleagues who share a computer


def remember_browser(response: Response, person: Person) -> None:
    """Set the cookie with which this browser is known to the account of the person."""
    marks = [_mark(person), *(mark for mark in _marks() if mark != _mark(person))][:PEOPLE_KEPT]
    set_cookie(response, TEAM_BROWSER, str(_signer().dumps(marks)), LASTS)


def is_known_browser(person: Person) -> bool:
    """Return whether the person has logged in on this browser with the present password."""
    return _mark(person) in _marks()


def _mark(person: Person) -> str:
    return digest(f"{person.id} {person.password_hash}")[:24]


def _marks() -> list[str]:
    try:
        found: list[str] = _signer().loads(cookie(TEAM_BROWSER) or "", max_age=int(LASTS.total_seconds()))
    except BadData:
        return []
    return found


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().secret_key, salt="known-browser")
