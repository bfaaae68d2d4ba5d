"""A message for a phone: French, the person's language on the next line, and where to look.

Templates: `mail/<kind>.sms.txt`, one sentence that begins with what matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask_babel import force_locale
from sqlalchemy.orm import Session

from config import Settings
from lms.adapters.sms.message import LEFT_TO_RIGHT, plain, segments
from lms.i18n import languages
from lms.models import Booking, Organisation, OutboxItem, Person
from lms.notifications import Facts, SmsRenderer, render

# What one message may cost: two pages of a text, which in other scripts is 134 letters.
MOST_PAGES = 2


def compose(
    session: Session, item: OutboxItem, look: SmsRenderer, settings: Settings, now: datetime
) -> str | None:
    """The text for an outbox row, or None when it no longer makes sense: also to somebody who left."""
    found = look(session, item, settings, now) if item.person.is_active else None
    return None if found is None else text(item, found, session.get_one(Organisation, 1))


def text(item: OutboxItem, found: Facts, service: Organisation) -> str:
    """The fullest of its wordings that is not too long. Asks the database nothing."""
    said = ""
    for lines in _wordings(item.kind, item.person, found, service):
        said = plain("\n".join(lines))
        if segments(said) <= MOST_PAGES:
            break
    return said


def _wordings(kind: str, person: Person, found: Facts, service: Organisation) -> Iterator[list[str]]:
    own = languages.shown_in(person.language).code
    french, short = _said(kind, "fr", found), _said(kind, "fr", found, full=False)
    hers, hers_short, hers_day, hers_word = (
        [] if own == "fr" else [_said(kind, own, found, full=full, timed=timed, dated=dated)]
        for full, timed, dated in (
            (True, True, True),
            (False, True, True),
            (False, False, True),
            (False, False, False),
        )
    )
    link = str(found["leads"])
    place = _place(found, service)
    if place:
        yield [french, *hers, place, link]
    yield [french, *hers, link]
    yield [french, *hers_short, link]
    yield [short, *hers_short, link]
    yield [short, *hers_day, link]
    yield [short, *hers_word, link]
    if kind == "booking_offer":
        yield [french, link]  # without the way to say yes it is no offer
    yield [short, *hers_short]


def _said(
    kind: str, language: str, found: Facts, *, full: bool = True, timed: bool = True, dated: bool = True
) -> str:
    """`full`: the whole date, with whom, and in each language whose clock it is; else in French only.

    Without `timed` the hour stands in French only: its digits are the same for everybody. Without
    `dated` the day too: the page behind the link says it in her language.
    """
    # Without it "10 h 00" in a line from right to left is shown as "h 00 10".
    mark = LEFT_TO_RIGHT if languages.shown_in(language).direction == "rtl" else ""
    zoned = full or language == "fr"
    how = {"full": full, "timed": timed, "dated": dated, "zoned": zoned, "mark": mark}
    with force_locale(language):
        return render(f"mail/{kind}.sms.txt", {**found, "lang": language, **how})


def _place(found: Facts, service: Organisation) -> str:
    booking = found["booking"]
    if not isinstance(booking, Booking) or booking.mode != "onsite" or booking.state != "booked":
        return ""
    room = booking.room.name if booking.room else ""
    return ", ".join(part for part in (room, service.address, service.phone) if part)
