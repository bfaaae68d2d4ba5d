"""The addresses of our mailbox: for the answers to one homework, and for mails that come back."""

from __future__ import annotations

from config import Settings
from lms.domain.homework.reply_address import make_bounce_token, make_reply_token
from lms.models import Person


def reply_address(settings: Settings, learner: Person, assignment_id: str) -> str | None:
    """Return the address to which the learner sends this homework by e-mail; None without a mailbox.

    Where the server knows no sub-addresses it is the address of the mailbox.
    """
    if not settings.has_inbox:
        return None
    if not settings.inbox_separator:
        return settings.inbox_address
    return _sub_address(settings, make_reply_token(settings.secret_key, learner, assignment_id))


def bounce_address(settings: Settings, item_id: str) -> str | None:
    """Return the address to which a message goes back; None where the server knows no sub-addresses."""
    if not settings.has_inbox or not settings.inbox_separator:
        return None
    return _sub_address(settings, make_bounce_token(settings.secret_key, item_id))


def _sub_address(settings: Settings, token: str) -> str:
    local, _, domain = settings.inbox_address.partition("@")
    return f"{local}{settings.inbox_separator}{token}@{domain}"
