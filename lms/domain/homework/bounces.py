"""Mails of ours that come back: none goes to that address any more, until it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from lms.domain.homework.reply_address import find_returned_item
from lms.domain.people.contact import registered_address
from lms.models import OutboxItem, Outcome, Person
from lms.normal_forms import email_key

# A mail that comes back later than this is not found by its id any more.
_SENT_SINCE = timedelta(days=30)


def record_bounce(
    session: Session,
    tokens: Iterable[str],
    addresses: Iterable[str],
    returned_ids: Iterable[str],
    *,
    secret: str,
    message_id_of: Callable[[str], str],
    now: datetime,
) -> Person | None:
    """Record that a mail of ours came back, and stop the mails to that address.

    The mail is found by the address to which it went back, else by its id among those that were sent to the
    failed addresses: anybody can write that an address fails. Returns its person; None when it is none of
    ours.
    """
    failed = {email_key(address) for address in addresses}
    item = find_returned_item(session, secret, tokens)
    if item is None:
        item = _find_by_id(session, failed, set(returned_ids), message_id_of, now=now)
    if item is None:
        return None
    person = session.get_one(Person, item.person_id)
    if item.outcome == Outcome.SENT:
        item.outcome, item.closed_at, item.error = Outcome.BOUNCED, now, ""
    address = registered_address(person)
    if address is not None and email_key(address) in failed:
        person.email_bounced_at = person.email_bounced_at or now
    session.flush()
    return person


def _find_by_id(
    session: Session,
    failed: set[str],
    returned_ids: set[str],
    message_id_of: Callable[[str], str],
    *,
    now: datetime,
) -> OutboxItem | None:
    if not failed or not returned_ids:
        return None
    items = session.scalars(
        select(OutboxItem)
        .join(Person, Person.id == OutboxItem.person_id)
        .where(
            or_(func.lower(Person.email).in_(failed), Person.login_email.in_(failed)),
            OutboxItem.created_at > now - _SENT_SINCE,
        )
    )
    return next((item for item in items if message_id_of(item.dedupe) in returned_ids), None)
