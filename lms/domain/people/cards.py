"""Printed access cards: issue one or many, log in, lock, unlock, revoke."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, exists, select, update
from sqlalchemy.orm import Session, contains_eager

from lms.domain import audit_log
from lms.domain.errors import Refused
from lms.domain.people import locks, logins
from lms.domain.people.logins import digest
from lms.models import AccessCard, AuditAction, KnownDevice, LoginKind, LoginSession, Person
from lms.refusal_codes import RefusalCode

PIN_TRIES = 5
CODE_DIGITS = 8
# The PINs that people try first.
_WEAK_PINS = {"0123", "1234", "2345", "3456", "4567", "5678", "6789", "4321", "9876", "1212", "2580"}


@dataclass(frozen=True)
class Secrets:
    """Secrets of a new card: shown once and not stored."""

    token: str
    pin: str


@dataclass(frozen=True)
class NewCard:
    """A card to issue: its learner, the token of its link and the hash of its PIN."""

    person: Person
    token: str
    pin_hash: str


@dataclass(frozen=True)
class LoginAttempt:
    """An attempt to log in with a card: by its link (`by_link`) or by the code printed on it."""

    card_id: str | None
    by_link: bool
    pin_wanted: bool
    pin_right: bool
    pin_hash: str | None = None  # the hash that was compared; a new PIN in the meantime makes it void
    shared: bool = False
    device: str = ""
    language: str | None = None  # chosen on this device
    old_token: str | None = None  # of the login that was open on this device before
    device_tokens: Sequence[str] = ()  # of the cards whose PIN was entered on this device


@dataclass(frozen=True)
class LoginResult:
    """Tokens of a new login. `device_token` is None when the device is not remembered."""

    token: str
    kind: LoginKind
    device_token: str | None


def new_secrets() -> Secrets:
    """Return a random token, code and PIN for a new card."""
    return Secrets(token=secrets.token_urlsafe(18), pin=new_pin())


def new_pin() -> str:
    """Return a random PIN of four digits that is not easily guessed."""
    while True:
        pin = f"{secrets.randbelow(10_000):04d}"
        if pin not in _WEAK_PINS and len(set(pin)) > 1:
            return pin


def card_by_token(session: Session, token: str) -> AccessCard | None:
    """Return the active card with this token of its link.

    None for an unknown or revoked card, and for the card of a deactivated person.
    """
    return session.scalars(_active_cards().where(AccessCard.token_hash == digest(token))).one_or_none()


def card_by_code(session: Session, code: str) -> AccessCard | None:
    """Return the active card with this code; None as in `card_by_token`."""
    return session.scalars(_active_cards().where(AccessCard.code == code)).one_or_none()


def card_of(session: Session, person: Person) -> AccessCard | None:
    """Return the card of the person that is not revoked; None when there is none."""
    return session.scalars(
        select(AccessCard).where(AccessCard.person_id == person.id, AccessCard.revoked_at.is_(None))
    ).one_or_none()


def known_device(session: Session, card: AccessCard, device_tokens: Sequence[str]) -> KnownDevice | None:
    """Return the device with one of these tokens on which the PIN of this card was entered; None without."""
    hashes = [digest(token) for token in device_tokens]
    if not hashes:
        return None
    return session.scalars(
        select(KnownDevice).where(KnownDevice.card_id == card.id, KnownDevice.token_hash.in_(hashes)).limit(1)
    ).one_or_none()


def log_in(session: Session, attempt: LoginAttempt, *, now: datetime) -> LoginResult | Refused:
    """Log in with a card, or count a wrong PIN.

    The refusal is returned, not raised: the transaction must commit the count.
    Refusals: `card_dead`, `card_locked`, `code_wrong`, `pin_wrong`.
    """
    refusal = Refused(RefusalCode.CARD_DEAD if attempt.by_link else RefusalCode.CODE_WRONG)
    card = None
    if attempt.card_id is not None:
        card = session.scalars(
            _active_cards().where(AccessCard.id == attempt.card_id).with_for_update(of=AccessCard)
        ).one_or_none()
    if card is None or (not attempt.by_link and not attempt.pin_wanted):
        _count_for_no_card(session)
        return refusal  # a code names a card; alone it never logs in
    if attempt.pin_wanted:
        if card.locked_at is not None:
            _count_for_no_card(session)
            return Refused(RefusalCode.CARD_LOCKED) if attempt.by_link else refusal
        if not attempt.pin_right or card.pin_hash != attempt.pin_hash:
            return _wrong_pin(session, card, attempt, now=now)
        card.failed_pins = 0
    person = card.person
    _set_language(session, person, attempt.language)
    kind = LoginKind.SHARED if attempt.shared else LoginKind.OWN
    person.shared_phone = attempt.shared
    device, device_token = known_device(session, card, attempt.device_tokens), None
    if attempt.shared:
        if device is not None:
            session.delete(device)
        device = None
    elif attempt.pin_wanted and device is None:
        device_token = secrets.token_urlsafe(32)
        device = KnownDevice(card_id=card.id, token_hash=digest(device_token), created_at=now)
        session.add(device)
    session.flush()
    token = logins.open_login(
        session,
        person,
        kind,
        card=card,
        known_device=device,
        device=attempt.device,
        old_token=attempt.old_token,
        now=now,
    )
    return LoginResult(token, kind, device_token)


def people_with_card(session: Session, person_ids: Collection[str]) -> set[str]:
    """Return which of these people have a card that is not revoked."""
    active = select(AccessCard.person_id).where(AccessCard.revoked_at.is_(None))
    return set(session.scalars(active.where(AccessCard.person_id.in_(person_ids))))


def issue_card(
    session: Session, actor: Person, person: Person, token: str, pin_hash: str, *, now: datetime
) -> AccessCard:
    """Issue a new card to a learner; revoke the old one with its logins and known devices.

    Refusals: `card_not_learner`, `person_deactivated`.
    """
    return issue_cards(session, actor, [NewCard(person, token, pin_hash)], now=now)[0]


def issue_cards(
    session: Session, actor: Person, new_cards: Sequence[NewCard], *, now: datetime
) -> list[AccessCard]:
    """Issue a new card to each of these learners, in the given order; revoke the old ones as `issue_card`.

    The number of statements does not depend on the number of learners.
    Refusals: `card_not_learner`, `person_deactivated`; then nobody gets a card.
    """
    people = [new.person for new in new_cards]
    if not all(person.is_learner for person in people):
        raise Refused(RefusalCode.CARD_NOT_LEARNER)
    ids = [person.id for person in people]
    # Two people who make cards for one learner at the same time: the second card replaces the first.
    locks.lock_people(session, *ids)
    is_left = Person.id.in_(ids), Person.deactivated_at.is_not(None)
    if session.scalar(select(exists().where(*is_left))):
        raise Refused(RefusalCode.PERSON_DEACTIVATED)
    _revoke_cards(session, ids, now=now)
    issued = [
        AccessCard(
            person_id=new.person.id,
            token_hash=digest(new.token),
            code=code,
            pin_hash=new.pin_hash,
            created_at=now,
            created_by_id=actor.id,
        )
        for new, code in zip(new_cards, _new_codes(session, len(new_cards)), strict=True)
    ]
    session.add_all(issued)
    session.flush()
    for person_id in ids:
        audit_log.record(session, actor, AuditAction.CARD_ISSUED, "person", person_id, now=now)
    return issued


def unlock_card(session: Session, actor: Person, person: Person, *, now: datetime) -> None:
    """Unlock a card that wrong PINs have locked.

    Refusals: `card_missing`.
    """
    card = card_of(session, person)
    if card is None:
        raise Refused(RefusalCode.CARD_MISSING)
    if card.locked_at is None:
        return
    card.locked_at, card.failed_pins = None, 0
    audit_log.record(session, actor, AuditAction.CARD_UNLOCKED, "person", person.id, now=now)


def renew_pin(session: Session, actor: Person, person: Person, pin_hash: str, *, now: datetime) -> None:
    """Set another PIN for the same card and unlock it; end its logins, every device asks for the new PIN.

    Refusals: `card_missing`.
    """
    card = card_of(session, person)
    if card is None:
        raise Refused(RefusalCode.CARD_MISSING)
    card.pin_hash, card.locked_at, card.failed_pins = pin_hash, None, 0
    _end_logins(session, [card.id], now=now)
    audit_log.record(session, actor, AuditAction.PIN_RENEWED, "person", person.id, now=now)


def _revoke_cards(session: Session, person_ids: Collection[str], *, now: datetime) -> None:
    """Revoke the active cards of these people with their logins and known devices."""
    revoked = session.scalars(
        update(AccessCard)
        .where(AccessCard.person_id.in_(person_ids), AccessCard.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(AccessCard.id)
    ).all()
    if revoked:
        _end_logins(session, revoked, now=now)


def _end_logins(session: Session, card_ids: Collection[str], *, now: datetime) -> None:
    """End the logins with these cards and make every device ask for their PINs again."""
    session.execute(delete(KnownDevice).where(KnownDevice.card_id.in_(card_ids)))
    session.execute(
        update(LoginSession)
        .where(LoginSession.card_id.in_(card_ids), LoginSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def _active_cards() -> Select[AccessCard]:
    return (
        select(AccessCard)
        .join(AccessCard.person)
        .where(AccessCard.revoked_at.is_(None), Person.deactivated_at.is_(None))
        .options(contains_eager(AccessCard.person))
    )


def _wrong_pin(session: Session, card: AccessCard, attempt: LoginAttempt, *, now: datetime) -> Refused:
    card.failed_pins += 1
    if card.failed_pins >= PIN_TRIES:
        card.locked_at = now
        audit_log.record(session, None, AuditAction.CARD_LOCKED, "person", card.person_id, now=now)
        if attempt.by_link:
            return Refused(RefusalCode.CARD_LOCKED)
    # A person with the link holds the card. A person who types a code may be guessing, and learns nothing.
    return Refused(RefusalCode.PIN_WRONG if attempt.by_link else RefusalCode.CODE_WRONG)


def _count_for_no_card(session: Session) -> None:
    """Send the statement of a wrong PIN for no row: the time must not tell which codes exist."""
    session.execute(update(AccessCard).where(AccessCard.id == "").values(failed_pins=AccessCard.failed_pins))


def _set_language(session: Session, person: Person, language: str | None) -> None:
    """Take over the language chosen on the card page, at the very first login only."""
    if language is None or language == person.language:
        return
    if not session.scalar(select(exists().where(LoginSession.person_id == person.id))):
        person.language = language


def _new_codes(session: Session, number: int) -> list[str]:
    """Return this number of codes that no card has, revoked ones included."""
    codes: set[str] = set()
    while len(codes) < number:
        drawn = {f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}" for _ in range(number - len(codes))}
        codes |= drawn.difference(session.scalars(select(AccessCard.code).where(AccessCard.code.in_(drawn))))
    return list(codes)
