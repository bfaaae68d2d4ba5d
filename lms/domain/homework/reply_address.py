"""Tokens in the addresses of our mailbox: for the replies to one assignment, and for mails that come back.

No table holds them: a token names what it is for, and its end proves that we have made it (ADR 40).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lms.models import OutboxItem, Person

_ID = 14
_PROOF = 12  # characters of 5 bits each; an address is not case-sensitive
_REPLY, _BOUNCE = "r", "b"
# So many earlier addresses of a person are still known.
_MOST_EPOCHS = 50


@dataclass(frozen=True)
class ReplyTarget:
    """The learner and the assignment of a reply address. `is_current`: False when it has ended."""

    learner: Person
    assignment_id: str
    is_current: bool


def make_reply_token(secret: str, learner: Person, assignment_id: str) -> str:
    """Return the token of the address to which a learner sends this homework."""
    content = f"{_REPLY}{learner.id}{assignment_id}"
    return content + _prove(secret, content, learner.mail_epoch)


def make_bounce_token(secret: str, item_id: str) -> str:
    """Return the token of the address to which a message goes back that cannot be delivered."""
    content = f"{_BOUNCE}{item_id}"
    return content + _prove(secret, content, 0)


def find_reply_target(session: Session, secret: str, tokens: Iterable[str]) -> ReplyTarget | None:
    """Return what the first token that we have made is for; None when there is none."""
    for token in tokens:
        content, proof = token[:-_PROOF], token[-_PROOF:]
        if not token.startswith(_REPLY) or len(content) != 1 + 2 * _ID:
            continue
        learner = session.get(Person, content[1 : 1 + _ID])
        if learner is None:
            continue
        for epoch in range(learner.mail_epoch, max(learner.mail_epoch - _MOST_EPOCHS, -1), -1):
            if hmac.compare_digest(proof.encode(), _prove(secret, content, epoch).encode()):
                return ReplyTarget(learner, content[1 + _ID :], epoch == learner.mail_epoch)
    return None


def find_returned_item(session: Session, secret: str, tokens: Iterable[str]) -> OutboxItem | None:
    """Return the message that has come back to one of these tokens; None when none is ours."""
    for token in tokens:
        content, proof = token[:-_PROOF], token[-_PROOF:]
        is_ours = hmac.compare_digest(proof.encode(), _prove(secret, content, 0).encode())
        if token.startswith(_BOUNCE) and len(content) == 1 + _ID and is_ours:
            return session.get(OutboxItem, content[1:])
    return None


def _prove(secret: str, content: str, epoch: int) -> str:
    key = hashlib.sha256(b"reply address\0" + secret.encode()).digest()
    digest = hmac.digest(key, f"{content}:{epoch}".encode(), "sha256")
    return base64.b32encode(digest).decode("ascii").lower()[:_PROOF]
