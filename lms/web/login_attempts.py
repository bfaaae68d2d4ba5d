"""Who an attempt to log in names, where it comes from, and what its failures are counted under."""

from __future__ import annotations

from flask import request

from lms.access import cookie
from lms.domain.people import cards, staff
from lms.domain.people.logins import digest
from lms.extensions import db
from lms.models import AccessCard
from lms.normal_forms import card_digits, email_key
from lms.web.known_browser import is_known_browser

DEVICES_KEPT = 4  # people who share a tablet

_SYSTEMS = ("iPhone", "iPad", "Android", "Windows", "Macintosh", "CrOS", "Linux")
_BROWSERS = (
    ("Edg", "Edge"),
    ("SamsungBrowser", "Samsung"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)


def named_card() -> AccessCard | None:
    """Return the card that the form names by the token of its link or by its code."""
    token, code = request.form.get("token"), card_digits(request.form.get("code", ""))
    return cards.card_by_token(db.session(), token) if token else cards.card_by_code(db.session(), code)


def device_tokens() -> list[str]:
    """Return what this device was given when PINs were entered on it, the newest first."""
    return [part for part in (cookie("device") or "").split(".") if part][:DEVICES_KEPT]


def is_device_of(card: AccessCard | None) -> bool:
    """Return whether the PIN of the card was entered on this device before."""
    devices = device_tokens()
    return bool(devices and card and cards.known_device(db.session(), card, devices))


def is_device_of_named_card() -> bool:
    """Return whether the PIN of the card that the form names was entered on this device before."""
    return is_device_of(named_card())


def card_key() -> str:
    """Return what attempts at one card are counted under, however the form names it."""
    found = named_card()
    named = request.form.get("token") or card_digits(request.form.get("code", ""))
    return found.id if found else digest(named or request.remote_addr or "")


def is_browser_of_named_account() -> bool:
    """Return whether the named member of the team has logged in on this browser before."""
    if cookie("browser") is None:
        return False
    person = staff.staff_by_email(db.session(), request.form.get("email", ""))
    return person is not None and is_known_browser(person)


def account_key() -> str:
    """Return what attempts at one account are counted under."""
    return digest(email_key(request.form.get("email", "")) or request.remote_addr or "")


def account_and_browser_key() -> str:
    """Return what one browser's attempts at an account are counted under: its address, unless it is known."""
    known = is_browser_of_named_account()
    browser = digest(cookie("browser") or "") if known else request.remote_addr or ""
    return f"{account_key()} {browser}"


def device_name() -> str:
    """Return the kind of device and the browser, as a person recognises them in a list."""
    agent = request.user_agent.string
    device = next((name for name in _SYSTEMS if name in agent), "")
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    return " · ".join(part for part in (device, browser) if part)
