"""Access cards, passwords and login sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import cycle

from sqlalchemy.orm import Session

from lms.adapters.passwords import hash_secret
from lms.domain.people import cards, logins
from lms.models import Person
from lms.models.people import LoginKind
from tests.factories.people import NOW, nadia

PASSWORD = "trois-vélos-verts"
# A hash takes long on purpose, and the tests have few passwords and PINs.
hash_once = cache(hash_secret)
# So many that no test gives two cards one PIN.
PINS = cycle(f"{number}" for number in range(2590, 9590, 70))


@dataclass(frozen=True)
class Printed:
    """A printed card and its PIN."""

    id: str
    token: str
    code: str
    pin: str


def printed_card(
    session: Session, person: Person, actor: Person | None = None, *, now: datetime = NOW
) -> Printed:
    token, pin = cards.new_secrets().token, next(PINS)
    card = cards.issue_card(session, actor or nadia(session), person, token, hash_once(pin), now=now)
    return Printed(card.id, token, card.code, pin)


def with_password(session: Session, person: Person, password: str = PASSWORD) -> Person:
    person.password_hash = hash_once(password)
    session.flush()
    return person


def entered(session: Session, person: Person, *, now: datetime = NOW) -> str:
    """Open a login session on the person's own device and return its token."""
    kind = LoginKind.STAFF if person.is_staff else LoginKind.OWN
    token = logins.open_login(session, person, kind, device="test", now=now)
    session.flush()
    return token
