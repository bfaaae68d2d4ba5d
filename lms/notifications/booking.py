"""E-mails and SMS about appointments: made, moved, cancelled, retimed, offered, and reminders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Settings
from lms.adapters.ical.event import Mailbox, build_invitation
from lms.domain.booking import queries, waitlist
from lms.domain.booking.reminders import SOON
from lms.domain.calendars import feeds
from lms.domain.errors import Absent
from lms.domain.outbox import is_addressed
from lms.domain.people.contact import mail_address
from lms.links import absolute_url
from lms.models import Booking, BookingState, Organisation, OutboxItem
from lms.notifications import Content, Facts, InFeed, MailRenderer, SmsRenderer
from lms.notifications.appointment import calendar_event

CalendarChannel = Literal["invitation", "words", "feed"]

# A calendar may not read its feed again in time for an appointment nearer than this: a mail is sent instead.
NEAR = timedelta(hours=24)


@dataclass(frozen=True)
class Kind:
    """A kind of message: the state of the booking in which it makes sense, and its effect on a calendar."""

    state: BookingState
    method: Literal["REQUEST", "CANCEL"] | None = None
    # Whether a calendar that reads the feed makes the e-mail unnecessary.
    in_feed: bool = False
    # The link of an SMS: the name of one of the facts.
    leads: str = "link"


KINDS: Mapping[str, Kind] = {
    "booking_made": Kind(BookingState.BOOKED, "REQUEST", in_feed=True),
    "booking_moved": Kind(BookingState.BOOKED, "REQUEST", in_feed=True),
    "booking_cancelled": Kind(BookingState.CANCELLED, "CANCEL", in_feed=True, leads="again"),
    "booking_retimed": Kind(BookingState.BOOKED, "REQUEST"),
    "booking_reminder": Kind(BookingState.BOOKED),
    "booking_soon": Kind(BookingState.BOOKED),
    "booking_offer": Kind(BookingState.OFFERED, leads="offer"),
}


# What somebody else changed: worth saying until the appointment begins.
CHANGES = ("booking_made", "booking_moved", "booking_cancelled")
# What somebody of the team has to say in person to a learner whom no channel reaches. A reminder would come
# too late for that.
IN_PERSON = (*CHANGES, "booking_offer")


def facts(booking: Booking, item: OutboxItem, settings: Settings, now: datetime) -> Facts | None:
    """Return the values for the templates; None when the message is no longer true.

    Runs no query: the booking is loaded with its people and its room.
    """
    if not _still_true(booking, item, now):
        return None
    teaches = booking.teacher_id == item.person_id
    today = _local_day(now, settings)
    addresses = {
        "link": absolute_url(settings, "bookings.door", id=booking.id),
        "page": absolute_url(settings, "bookings.show", id=booking.id),
        "again": absolute_url(settings, "bookings.new"),
        "offer": absolute_url(settings, "waitlist.offer", id=booking.id),
    }
    return {
        **addresses,
        # The page behind the link asks a person who left for a login that is over.
        "leads": addresses[KINDS[item.kind].leads] if item.person.is_active else "",
        "booking": booking,
        "teaches": teaches,
        # Mails to the teacher contain only the first name of the learner.
        "other": (booking.learner if teaches else booking.teacher).short_name,
        "today": _local_day(booking.starts, settings) == today,
        "tomorrow": _local_day(booking.starts, settings) == today + timedelta(days=1),
    }


def _still_true(booking: Booking, item: OutboxItem, now: datetime) -> bool:
    kind = KINDS[item.kind]
    if booking.state != kind.state:
        return False
    if kind.state == BookingState.OFFERED:
        return booking.expires_at is not None and booking.expires_at > now
    if booking.sequence != item.sequence:
        return False
    if item.kind == "booking_reminder" and booking.starts - now <= SOON:
        return False  # the second reminder says it
    return kind.state == BookingState.CANCELLED or booking.starts > now


# -- e-mail --------------------------------------------------------------------------------------


def write(session: Session, item: OutboxItem, settings: Settings, now: datetime) -> Content | None:
    """Return the content of the e-mail, with an invitation where one is needed; None when it is not sent.

    Raises `InFeed` when a calendar feed shows the change.
    """
    booking = _booking(session, item)
    found = facts(booking, item, settings, now) if booking else None
    if booking is None or found is None:
        return None
    method = KINDS[item.kind].method
    if method is None:
        return Content(found)
    channel = _calendar_channel(session, item, booking, now)
    if channel == "feed":
        raise InFeed
    if channel == "words":
        return Content(found)
    return Content(found, _invitation(session, item, booking, settings), method)


def calendar_channel(
    item: OutboxItem, booking: Booking, *, live: bool, invited: bool, near: bool
) -> CalendarChannel:
    """Return how a change reaches a calendar: by an invitation, a mail without one, or the feed alone.

    `live`: a calendar reads the person's feed. `invited`: a calendar got an invitation to this appointment
    before, so its event would become stale without another one. `near`: the appointment begins, or began
    before the move, so soon that a calendar may not read the feed again in time.
    """
    if not live or invited:
        return "invitation"
    teaches = booking.teacher_id == item.person_id
    is_own_act = item.person_id == {
        "booking_made": booking.booked_by_id,
        "booking_cancelled": booking.cancelled_by_id,
    }.get(item.kind)
    # A learner is always notified of what others changed.
    if KINDS[item.kind].in_feed and not near and (teaches or is_own_act):
        return "feed"
    return "words"


def _calendar_channel(session: Session, item: OutboxItem, booking: Booking, now: datetime) -> CalendarChannel:
    if not feeds.has_active_feed(session, item.person_id, now=now):
        return "invitation"
    moments = (
        [booking.starts, _earlier_start(session, item)] if item.kind == "booking_moved" else [booking.starts]
    )
    return calendar_channel(
        item,
        booking,
        live=True,
        invited=_invited(session, item),
        near=any(moment is None or moment - now <= NEAR for moment in moments),
    )


def _invited(session: Session, item: OutboxItem) -> bool:
    earlier = select(OutboxItem.id).where(
        OutboxItem.about_id == item.about_id, OutboxItem.person_id == item.person_id, OutboxItem.invited
    )
    return session.scalar(earlier.limit(1)) is not None


def _earlier_start(session: Session, item: OutboxItem) -> datetime | None:
    """Return the start before the move, when the last reminder expired; None: too near for a reminder."""
    return session.scalar(
        select(OutboxItem.expires_at).where(
            OutboxItem.about_id == item.about_id,
            OutboxItem.kind == "booking_soon",
            OutboxItem.sequence == item.sequence - 1,
        )
    )


def _invitation(session: Session, item: OutboxItem, booking: Booking, settings: Settings) -> bytes:
    organisation = session.get_one(Organisation, 1)
    teaches = booking.teacher_id == item.person_id
    return build_invitation(
        calendar_event(booking, organisation, settings, teaches=teaches),
        organizer=Mailbox(organisation.name, settings.mail_from),
        attendee=Mailbox(item.person.name, mail_address(item.person) or ""),
    )


# -- SMS -----------------------------------------------------------------------------------------


def look(session: Session, item: OutboxItem, settings: Settings, now: datetime) -> Facts | None:
    """Return the values for an SMS; None when it is not sent."""
    booking = _booking(session, item)
    return text_facts(booking, item, settings, now) if booking else None


def text_facts(booking: Booking, item: OutboxItem, settings: Settings, now: datetime) -> Facts | None:
    """Return the values as `facts` does, for an SMS or a message sent by hand.

    None also for a past appointment, and for what the person did: the screen has shown it.
    """
    if booking.starts <= now:
        return None
    actors = {"booking_made": booking.booked_by_id, "booking_cancelled": booking.cancelled_by_id}
    return None if actors.get(item.kind) == item.person_id else facts(booking, item, settings, now)


def hand_deadline(session: Session, item: OutboxItem, settings: Settings, now: datetime) -> datetime | None:
    """Return until when somebody of the team can send the message by hand; None when it is not sent.

    A change is worth saying until the appointment begins; a reminder or an offer as long as its row.
    """
    booking = _booking(session, item)
    if booking is None or not is_addressed(item) or text_facts(booking, item, settings, now) is None:
        return None
    return booking.starts if item.kind in CHANGES else item.expires_at


def _booking(session: Session, item: OutboxItem) -> Booking | None:
    find = (
        waitlist.offer_for if KINDS[item.kind].state == BookingState.OFFERED else queries.own_appointment_for
    )
    try:
        return find(session, item.person, item.about_id)
    except Absent:
        return None


def _local_day(moment: datetime, settings: Settings) -> datetime:
    return moment.astimezone(settings.time_zone).replace(hour=0, minute=0, second=0, tzinfo=None)


MAIL_RENDERERS: dict[str, MailRenderer] = dict.fromkeys(KINDS, write)
# Templates mail/<kind>.sms.txt. None for a retimed booking: the hour on the clock stays the same.
SMS_RENDERERS: dict[str, SmsRenderer] = dict.fromkeys(KINDS.keys() - {"booking_retimed"}, look)
