"""Rendering of SMS: French, the person's language on the next line, and a link.

Templates: `mail/<kind>.sms.txt`, one sentence that begins with what matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask_babel import force_locale
from sqlalchemy.orm import Session

from config import Settings
from lms.adapters.sms.message import LEFT_TO_RIGHT, plain, segments
from lms.domain.outbox import is_addressed
from lms.i18n import languages
from lms.models import Booking, Organisation, OutboxItem, Person
from lms.notifications import Facts, SmsRenderer, render_template

# What one message may cost: two segments, which hold 134 characters of other scripts.
MAX_SEGMENTS = 2


def render_sms(
    session: Session, item: OutboxItem, renderer: SmsRenderer, settings: Settings, now: datetime
) -> str | None:
    """Return the SMS for an outbox row; None when it no longer makes sense or the person left."""
    found = renderer(session, item, settings, now) if is_addressed(item) else None
    return None if found is None else text(item, found, session.get_one(Organisation, 1))


def text(item: OutboxItem, found: Facts, organisation: Organisation) -> str:
    """Return the fullest wording that fits into `MAX_SEGMENTS`, else the shortest. Runs no query."""
    wording = ""
    for lines in _wordings(item.kind, item.person, found, organisation):
        wording = plain("\n".join(filter(None, lines)))
        if segments(wording) <= MAX_SEGMENTS:
            break
    return wording


def _wordings(kind: str, person: Person, found: Facts, organisation: Organisation) -> Iterator[list[str]]:
    own = languages.shown_in(person.language).code
    french, short = _sentence(kind, "fr", found), _sentence(kind, "fr", found, full=False)
    own_full, own_short, own_dated, own_bare = (
        [] if own == "fr" else [_sentence(kind, own, found, full=full, timed=timed, dated=dated)]
        for full, timed, dated in (
            (True, True, True),
            (False, True, True),
            (False, False, True),
            (False, False, False),
        )
    )
    link = str(found["leads"])
    place = _place(found, organisation)
    if place:
        yield [french, *own_full, place, link]
    yield [french, *own_full, link]
    yield [french, *own_short, link]
    yield [short, *own_short, link]
    yield [short, *own_dated, link]
    yield [short, *own_bare, link]
    if kind == "booking_offer":
        yield [french, link]  # an offer without its link could not be accepted
    yield [short, *own_short]


def _sentence(
    kind: str, language: str, found: Facts, *, full: bool = True, timed: bool = True, dated: bool = True
) -> str:
    """Return the sentence of a message in one language.

    `full`: the whole date, with whom, and in each language the time zone; else the time zone in French only.
    Without `timed` only the French sentence has the hour: its digits are the same in every language. Without
    `dated` only the French sentence has the day: the page behind the link shows it in the person's language.
    """
    # Without the mark "10 h 00" in a right-to-left line is shown as "h 00 10".
    mark = LEFT_TO_RIGHT if languages.shown_in(language).direction == "rtl" else ""
    zoned = full or language == "fr"
    options = {"full": full, "timed": timed, "dated": dated, "zoned": zoned, "mark": mark}
    with force_locale(language):
        return render_template(f"mail/{kind}.sms.txt", {**found, "lang": language, **options})


def _place(found: Facts, organisation: Organisation) -> str:
    booking = found["booking"]
    if not isinstance(booking, Booking) or not booking.is_onsite or not booking.is_booked:
        return ""
    room = booking.room.name if booking.room else ""
    return ", ".join(part for part in (room, organisation.address, organisation.phone) if part)
