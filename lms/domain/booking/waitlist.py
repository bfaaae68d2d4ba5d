"""Who found no hour waits; a freed hour is offered in the order of the line.

An offer is a booking in the state `offered`: it holds its people and its room like any other. It is made
in the transaction that freed the hour, so that nobody can be faster than who waits longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session, joinedload, lazyload

from config import BRUSSELS
from lms.domain import audit_log, outbox
from lms.domain.booking import allocation, occupancy
from lms.domain.booking.offers import Freed, everybody, promote
from lms.domain.booking.queries import with_people
from lms.domain.errors import Absent, Refused
from lms.models import AFTERNOON, EVENING, MORNING, Booking, Person, Service, WaitlistEntry

# Longer than any horizon, which has the last word.
IN_SIGHT = timedelta(days=366)

# -- the line ------------------------------------------------------------------------------------


def join(
    session: Session,
    learner: Person,
    by: Person,
    teacher_id: str | None,
    parts: int,
    mode: str | None,
    now: datetime,
) -> WaitlistEntry:
    """Wait for an hour. Who waits already says anew what would do, and keeps her place."""
    if not learner.is_learner or not learner.is_active:
        raise Refused("not_bookable")
    if not 1 <= parts <= MORNING | AFTERNOON | EVENING:
        raise Refused("no_part_of_day")
    if teacher_id is not None and not _teaches(session, teacher_id):
        raise Refused("teacher_gone")
    occupancy.hold_people(session, learner.id)
    entry = entry_of(session, learner.id)
    if entry is None:
        entry = WaitlistEntry(learner_id=learner.id, made_by_id=by.id, made_at=now, first_choice=False)
        session.add(entry)
    entry.teacher_id, entry.parts, entry.mode = teacher_id, parts, mode
    session.flush()
    audit_log.note(session, by, "waitlist_joined", "waitlist_entry", entry.id, now=now)
    return entry


def leave(session: Session, learner: Person, by: Person, now: datetime, zone: ZoneInfo = BRUSSELS) -> None:
    """Wait no longer. An hour that is being offered goes to the next."""
    hold_people(session, learner.id)
    entry = entry_of(session, learner.id)
    if entry is None:
        return
    offer = session.scalar(_open_offers().where(Booking.waitlist_entry_id == entry.id))
    _end(entry, "withdrawn", now)
    audit_log.note(session, by, "waitlist_left", "waitlist_entry", entry.id, now=now)
    if offer is not None:
        _give_back(session, offer, "declined", now)
        promote(session, Freed.by(offer), now, zone)


def entry_of(session: Session, learner_id: str) -> WaitlistEntry | None:
    """Her living wish, if she waits."""
    return session.scalar(
        select(WaitlistEntry)
        .where(WaitlistEntry.learner_id == learner_id, WaitlistEntry.ended_at.is_(None))
        .options(joinedload(WaitlistEntry.teacher).lazyload(Person.role_rows))
    )


def wait_for_whoever(session: Session, teacher: Person) -> None:
    """She is not there any more: who waited for her waits for any teacher, and keeps her place."""
    session.execute(
        update(WaitlistEntry)
        .where(WaitlistEntry.teacher_id == teacher.id, WaitlistEntry.ended_at.is_(None))
        .values(teacher_id=None)
    )


def line(session: Session) -> list[tuple[WaitlistEntry, Booking | None]]:
    """All who wait, in their order, each with the hour that is being offered to her."""
    entries = session.scalars(
        everybody().options(
            joinedload(WaitlistEntry.learner).options(lazyload(Person.role_rows), joinedload(Person.level)),
            joinedload(WaitlistEntry.teacher).lazyload(Person.role_rows),
        )
    ).all()
    offers = {offer.waitlist_entry_id: offer for offer in session.scalars(_open_offers())}
    return [(entry, offers.get(entry.id)) for entry in entries]


def found_an_hour(session: Session, learner_id: str, now: datetime) -> None:
    """Who booked an hour waits no longer, unless one is being offered to her: she still answers that."""
    entry = entry_of(session, learner_id)
    if entry is not None and not _offered(session, entry):
        _end(entry, "booked", now)


def first_choice(session: Session, lost: Booking, by: Person, now: datetime) -> None:
    """Her teacher could not come: she is asked before all others. Of several, who had booked first."""
    entry = entry_of(session, lost.learner_id)
    if entry is None:
        entry = WaitlistEntry(
            learner_id=lost.learner_id,
            parts=MORNING | AFTERNOON | EVENING,
            made_by_id=by.id,
            made_at=lost.booked_at,
        )
        session.add(entry)
    entry.first_choice = True
    session.flush()


# -- offers --------------------------------------------------------------------------------------


def offer_for(session: Session, person: Person, booking_id: str) -> Booking:
    """An hour that was offered to this learner, whatever came of it. Raises Absent otherwise."""
    offer = session.scalar(
        with_people().where(
            Booking.id == booking_id,
            Booking.learner_id == person.id,
            Booking.waitlist_entry_id.is_not(None),
        )
    )
    if offer is None:
        raise Absent
    return offer


def open_offers(session: Session, learner: Person, now: datetime) -> Sequence[Booking]:
    """The hours she may still say yes to."""
    return session.scalars(
        _open_offers()
        .where(Booking.learner_id == learner.id, Booking.expires_at > now)
        .order_by(Booking.starts)
    ).all()


def accept(session: Session, offer: Booking, by: Person, now: datetime) -> Booking:
    """Yes: the offered hour is hers. Refused with `offer_over` when the time to answer is over."""
    occupancy.hold_people(session, offer.learner_id, offer.teacher_id)
    session.refresh(offer)
    _still_open(offer, now)
    offer.state, offer.expires_at = "booked", None
    offer.booked_by_id, offer.booked_at, offer.changed_at = by.id, now, now
    entry = session.get_one(WaitlistEntry, offer.waitlist_entry_id)
    if entry.ended_at is None:
        _end(entry, "accepted", now)
    outbox.void(session, offer.id, now)
    allocation.tell(session, offer, "booking_made", now)
    audit_log.note(session, by, "booking_made", "booking", offer.id, detail="offer", now=now)
    return offer


def decline(session: Session, offer: Booking, by: Person, now: datetime, zone: ZoneInfo = BRUSSELS) -> None:
    """No: the hour goes to the next, she keeps her place and is not asked for this hour again."""
    hold_people(session, offer.learner_id, offer.teacher_id)
    session.refresh(offer)
    _still_open(offer, now)
    _give_back(session, offer, "declined", now)
    audit_log.note(session, by, "offer_declined", "booking", offer.id, now=now)
    promote(session, Freed.by(offer), now, zone)


def due_offers(session: Session, now: datetime) -> list[str]:
    """Offers whose time is over and that nobody closed yet."""
    return list(
        session.scalars(
            select(Booking.id)
            .where(Booking.state == "offered", Booking.expires_at <= now)
            .order_by(Booking.expires_at, Booking.id)
        )
    )


def expire(session: Session, offer_id: str, now: datetime, zone: ZoneInfo = BRUSSELS) -> None:
    """No answer: the hour goes to the next, and who did not answer waits no longer.

    Otherwise one silent phone at the head of the line would hold every hour for half of its time.
    """
    offer = session.get(Booking, offer_id)
    if offer is None:
        return
    hold_people(session, offer.learner_id, offer.teacher_id)
    session.refresh(offer)
    if offer.state != "offered" or offer.expires_at is None or offer.expires_at > now:
        return
    _give_back(session, offer, "expired", now)
    entry = session.get_one(WaitlistEntry, offer.waitlist_entry_id)
    if entry.ended_at is None:
        _end(entry, "lapsed", now)
    audit_log.note(session, None, "offer_expired", "booking", offer.id, now=now)
    promote(session, Freed.by(offer), now, zone)


def expire_hers(session: Session, learner: Person, now: datetime, zone: ZoneInfo = BRUSSELS) -> None:
    """What she let pass is over before she waits anew: the worker comes only once a minute."""
    late = _open_offers().where(Booking.learner_id == learner.id, Booking.expires_at <= now)
    for offer in session.scalars(late).all():
        expire(session, offer.id, now, zone)


def take_back(session: Session, offer: Booking, now: datetime, zone: ZoneInfo = BRUSSELS) -> None:
    """The teacher cannot come after all: the offer is over, who got it keeps her place.

    The room may serve another teacher, for whoever waits.
    """
    session.refresh(offer)
    if offer.state == "offered":
        _give_back(session, offer, "expired", now)
        promote(session, replace(Freed.by(offer), learner_id=None), now, zone)


def look_again(
    session: Session,
    now: datetime,
    zone: ZoneInfo = BRUSSELS,
    *,
    teacher_id: str | None = None,
    first: date | None = None,
    last: date | None = None,
) -> None:
    """Hours that nobody gave back became possible: of one teacher or of all, on some days or on all."""
    today = now.astimezone(zone).date()
    ahead = Freed.on(first or today, last or today + IN_SIGHT, zone, teacher_id)
    hold_people(session, *([teacher_id] if teacher_id else ()))
    promote(session, ahead, now, zone)


def day_in_sight(session: Session, now: datetime, zone: ZoneInfo = BRUSSELS) -> None:
    """Each day the horizon shows one more, and who waits is asked before the others look."""
    horizon = now + timedelta(days=session.get_one(Service, 1).horizon_days)
    last = horizon.astimezone(zone).date()
    look_again(session, now, zone, first=last - timedelta(days=1), last=last)


def hold_people(session: Session, *person_ids: str) -> None:
    """These people and all who wait: whoever frees an hour may have to offer it to any of them."""
    waiting = session.scalars(select(WaitlistEntry.learner_id).where(WaitlistEntry.ended_at.is_(None)))
    occupancy.hold_people(session, *person_ids, *waiting)


# -- parts ---------------------------------------------------------------------------------------


def _open_offers() -> Select[Booking]:
    return with_people().where(Booking.state == "offered")


def _offered(session: Session, entry: WaitlistEntry) -> bool:
    offer = select(Booking.id).where(Booking.waitlist_entry_id == entry.id, Booking.state == "offered")
    return session.scalar(offer) is not None


def _end(entry: WaitlistEntry, outcome: str, now: datetime) -> None:
    entry.ended_at, entry.outcome = now, outcome


def _still_open(offer: Booking, now: datetime) -> None:
    if offer.state != "offered" or offer.expires_at is None or offer.expires_at <= now:
        raise Refused("offer_over")


def _give_back(session: Session, offer: Booking, state: str, now: datetime) -> None:
    offer.state, offer.changed_at = state, now
    session.flush()
    occupancy.release(session, offer)
    outbox.void(session, offer.id, now)


def _teaches(session: Session, person_id: str) -> bool:
    person = session.get(Person, person_id)
    return person is not None and person.is_active and "teacher" in person.roles
