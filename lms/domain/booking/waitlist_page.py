"""The waitlist as the team sees it, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy.orm import Session, joinedload, lazyload

from lms.domain.booking.offers import active_entries
from lms.domain.paging import PAGE, Cut, cut_page
from lms.extensions import read_rows
from lms.models import Booking, BookingState, Person, WaitlistEntry

# Built once. A page of the waitlist: the ids, of all for a later page; the entries of the page; their offers.
_IN_ORDER = active_entries().with_only_columns(WaitlistEntry.id)
_FIRST_ONES = _IN_ORDER.limit(PAGE + 1)
_IDS: BindParameter[list[str]] = bindparam("ids", expanding=True)
_OF_PAGE = (
    select(WaitlistEntry)
    .where(WaitlistEntry.id.in_(_IDS))
    .options(
        joinedload(WaitlistEntry.learner).options(lazyload(Person.role_rows), joinedload(Person.level)),
        joinedload(WaitlistEntry.teacher).lazyload(Person.role_rows),
    )
)
_OFFERS_OF_PAGE = (
    select(Booking.waitlist_entry_id, Booking.starts, Person.short_name)
    .join(Person, Person.id == Booking.teacher_id)
    .where(Booking.waitlist_entry_id.in_(_IDS), Booking.state == BookingState.OFFERED)
)


@dataclass(frozen=True)
class WaitingLearner:
    """An entry of the waitlist with its place in it, and hour and teacher of its open offer, if any."""

    place: int
    entry: WaitlistEntry
    offered: datetime | None = None
    teacher: str = ""


def waitlist_page(session: Session, after: str | None) -> tuple[Cut, list[WaitingLearner]]:
    """Return a page of the waitlist in its order: see `cut_page`. Three statements."""
    cut = cut_page([id_ for (id_,) in read_rows(session, _IN_ORDER if after else _FIRST_ONES, {})], after)
    entries = {entry.id: entry for entry in session.scalars(_OF_PAGE, {"ids": cut.ids})}
    offers = {each: offer for each, *offer in read_rows(session, _OFFERS_OF_PAGE, {"ids": cut.ids})}
    shown = [
        WaitingLearner(place, entries[each], *offers.get(each, ()))
        for place, each in enumerate(cut.ids, start=cut.begin + 1)
    ]
    return cut, shown
