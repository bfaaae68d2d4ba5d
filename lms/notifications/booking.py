"""What is said of an appointment: made, moved, cancelled, offered, tomorrow, soon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Settings
from lms.adapters.ical import event
from lms.domain.booking import queries, waitlist
from lms.domain.booking.reminders import SOON
from lms.domain.calendars import feeds
from lms.domain.errors import Absent
from lms.domain.people.contact import mail_address
from lms.models import Booking, Organisation, OutboxItem
from lms.notifications import Content, Facts, InFeed, MailRenderer, SmsRenderer
from lms.notifications.appointment import words

Way = Literal["invitation", "words", "feed"]

# Nearer than this a calendar may not have read its feed again: then a mail tells of every change.
NEAR = timedelta(hours=24)


@dataclass(frozen=True)
class Kind:
    """In which state of the booking it may be said, and what it does to a calendar."""

    state: Literal["booked", "cancelled", "offered"]
    method: Literal["REQUEST", "CANCEL"] | None = None
    # What a subscribed calendar tells by itself. Of the others the words themselves matter.
    in_feed: bool = False
    # Where a text on a phone leads: the name of one of its facts.
    leads: str = "link"


KINDS: Mapping[str, Kind] = {
    "booking_made": Kind("booked", "REQUEST", in_feed=True),
    "booking_moved": Kind("booked", "REQUEST", in_feed=True),
    "booking_cancelled": Kind("cancelled", "CANCEL", in_feed=True, leads="again"),
    "booking_retimed": Kind("booked", "REQUEST"),
    "booking_reminder": Kind("booked"),
    "booking_soon": Kind("booked"),
    "booking_offer": Kind("offered", leads="offer"),
}


def facts(booking: Booking, item: OutboxItem, settings: Settings, now: datetime) -> Facts | None:
    """Looked at again: what is no longer true is not told, and None says so.

    Asks the database nothing: the booking comes with its people and its room.
    """
    if not _still_true(booking, item, now):
        return None
    teaches = booking.teacher_id == item.person_id
    today = _wall_day(now, settings)
    base = settings.base_url
    addresses = {
        "link": f"{base}/s/{booking.id}",
        "page": f"{base}/bookings/{booking.id}",
        "again": f"{base}/bookings/new",
        "offer": f"{base}/offers/{booking.id}",
    }
    return {
        **addresses,
        "leads": addresses[KINDS[item.kind].leads],
        "booking": booking,
        "teaches": teaches,
        # The teacher's mailbox learns the first name of the learner and nothing more.
        "other": (booking.learner if teaches else booking.teacher).first_name,
        "today": _wall_day(booking.starts, settings) == today,
        "tomorrow": _wall_day(booking.starts, settings) == today + timedelta(days=1),
    }


def _still_true(booking: Booking, item: OutboxItem, now: datetime) -> bool:
    kind = KINDS[item.kind]
    if booking.state != kind.state:
        return False
    if kind.state == "offered":
        return booking.expires_at is not None and booking.expires_at > now
    if booking.sequence != item.sequence:
        return False
    if item.kind == "booking_reminder" and booking.starts - now <= SOON:
        return False  # the second one tells it
    return kind.state == "cancelled" or booking.starts > now


# -- by mail -------------------------------------------------------------------------------------


def write(session: Session, item: OutboxItem, settings: Settings, now: datetime) -> Content | None:
    booking = _booking(session, item)
    found = facts(booking, item, settings, now) if booking else None
    if booking is None or found is None:
        return None
    method = KINDS[item.kind].method
    if method is None:
        return Content(found)
    way = _way(session, item, booking, now)
    if way == "feed":
        raise InFeed
    if way == "words":
        return Content(found)
    return Content(found, _invitation(session, item, booking, settings, method), method)


def way(item: OutboxItem, booking: Booking, *, live: bool, invited: bool, near: bool) -> Way:
    """How a change reaches her calendar, and whether she is told of it by mail.

    `live`: a calendar of hers reads her feed. `invited`: it got this appointment by mail before, so its
    event would stay there, out of date, if the mails ended. `near`: the hour, or the one it had before,
    is so near that a calendar may not have asked again in time.
    """
    if not live or invited:
        return "invitation"
    teaches = booking.teacher_id == item.person_id
    herself = item.person_id == {
        "booking_made": booking.booked_by_id,
        "booking_cancelled": booking.cancelled_by_id,
    }.get(item.kind)
    # What others changed a learner is always told.
    if KINDS[item.kind].in_feed and not near and (teaches or herself):
        return "feed"
    return "words"


def _way(session: Session, item: OutboxItem, booking: Booking, now: datetime) -> Way:
    if not feeds.has_active_feed(session, item.person_id, now=now):
        return "invitation"
    hours = (
        [booking.starts, _hour_before(session, item)] if item.kind == "booking_moved" else [booking.starts]
    )
    return way(
        item,
        booking,
        live=True,
        invited=_invited(session, item),
        near=any(hour is None or hour - now <= NEAR for hour in hours),
    )


def _invited(session: Session, item: OutboxItem) -> bool:
    earlier = select(OutboxItem.id).where(
        OutboxItem.about_id == item.about_id, OutboxItem.person_id == item.person_id, OutboxItem.invited
    )
    return session.scalar(earlier.limit(1)) is not None


def _hour_before(session: Session, item: OutboxItem) -> datetime | None:
    """The hour it had before the move: its last reminder was good until then. None: too near for one."""
    return session.scalar(
        select(OutboxItem.expires_at).where(
            OutboxItem.about_id == item.about_id,
            OutboxItem.kind == "booking_soon",
            OutboxItem.sequence == item.sequence - 1,
        )
    )


def _invitation(
    session: Session,
    item: OutboxItem,
    booking: Booking,
    settings: Settings,
    method: Literal["REQUEST", "CANCEL"],
) -> bytes:
    service = session.get_one(Organisation, 1)
    said = words(booking, service, settings.base_url, teaches=booking.teacher_id == item.person_id)
    return event.build_invitation(
        method,
        uid=booking.uid,
        sequence=booking.sequence,
        made_at=item.made_at,
        starts=booking.starts,
        ends=booking.ends,
        summary=said.summary,
        description=said.description,
        location=said.location,
        organizer_name=service.name,
        organizer_email=settings.mail_from,
        attendee_name=item.person.name,
        attendee_email=mail_address(item.person) or "",
        url=said.url,
    )


# -- on a phone ----------------------------------------------------------------------------------


def look(session: Session, item: OutboxItem, settings: Settings, now: datetime) -> Facts | None:
    booking = _booking(session, item)
    return text_facts(booking, item, settings, now) if booking else None


def text_facts(booking: Booking, item: OutboxItem, settings: Settings, now: datetime) -> Facts | None:
    """Like `facts`, for a text: what she did herself she saw on the screen, and what is past is past."""
    if booking.starts <= now:
        return None
    by = {"booking_made": booking.booked_by_id, "booking_cancelled": booking.cancelled_by_id}
    return None if by.get(item.kind) == item.person_id else facts(booking, item, settings, now)


def _booking(session: Session, item: OutboxItem) -> Booking | None:
    find = waitlist.offer_for if KINDS[item.kind].state == "offered" else queries.own_appointment_for
    try:
        return find(session, item.person, item.about_id)
    except Absent:
        return None


def _wall_day(moment: datetime, settings: Settings) -> datetime:
    return moment.astimezone(settings.time_zone).replace(hour=0, minute=0, second=0, tzinfo=None)


MAIL_RENDERERS: dict[str, MailRenderer] = dict.fromkeys(KINDS, write)
# For a phone: mail/<kind>.sms.txt. That a calendar was put right is nothing to whom it says the same hour.
SMS_RENDERERS: dict[str, SmsRenderer] = dict.fromkeys(KINDS.keys() - {"booking_retimed"}, look)
