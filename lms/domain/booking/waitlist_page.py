"""The waitlist as the team sees it, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy.orm import Session, joinedload, lazyload

from lms.domain.booking.offers import active_entries
from lms.domain.paging import Cut, cut_page
from lms.extensions import read_rows
from lms.models import Booking, BookingState, Person, WaitlistEntry

# Built once. A page of the waitlist: what is in it; the open offers, which are few; the entries of the page.
_IN_ORDER = active_entries().with_only_columns(WaitlistEntry.id, Person.level_id)
_OPEN_OFFERS = (
    select(Booking.waitlist_entry_id, Booking.starts, Person.short_name)
    .join(Person, Person.id == Booking.teacher_id)
    .where(Booking.state == BookingState.OFFERED)
)
_IDS: BindParameter[list[str]] = bindparam("ids", expanding=True)
_OF_PAGE = (
    select(WaitlistEntry)
    .where(WaitlistEntry.id.in_(_IDS))
    .options(
        joinedload(WaitlistEntry.learner).options(lazyload(Person.role_rows), joinedload(Person.level)),
        joinedload(WaitlistEntry.teacher).lazyload(Person.role_rows),
    )
)


class WaitlistState(StrEnum):
    """State of an entry of the waitlist: a slot is offered to the learner now, or none is."""

    WAITING = "waiting"
    OFFERED = "offered"


@dataclass(frozen=True)
class WaitingLearner:
    """An entry of the waitlist with its place in it, and hour and teacher of its open offer, if any."""

    place: int
    entry: WaitlistEntry
    offered: datetime | None = None
    teacher: str = ""


@dataclass(frozen=True)
class WaitlistPage:
    """A page of the waitlist. `total`: how many are listed; `by_level`: how many of each level, by its id."""

    cut: Cut
    entries: Sequence[WaitingLearner]
    total: int
    by_level: Mapping[str | None, int]


def waitlist_page(
    session: Session,
    after: str | None,
    *,
    level_id: str | None = None,
    state: WaitlistState | None = None,
) -> WaitlistPage:
    """Return a page of the waitlist in its order, of one level and state or of all: see `cut_page`.

    The place of an entry is that in the whole waitlist. Three statements.
    """
    offers = {each: offer for each, *offer in read_rows(session, _OPEN_OFFERS, {})}
    rows = [
        (place, id_, level)
        for place, (id_, level) in enumerate(read_rows(session, _IN_ORDER, {}), start=1)
        if state in (None, WaitlistState.OFFERED if id_ in offers else WaitlistState.WAITING)
    ]
    places = {id_: place for place, id_, level in rows if level_id in (None, level)}
    cut = cut_page(list(places), after)
    entries = {entry.id: entry for entry in session.scalars(_OF_PAGE, {"ids": cut.ids})}
    shown = [WaitingLearner(places[id_], entries[id_], *offers.get(id_, ())) for id_ in cut.ids]
    return WaitlistPage(cut, shown, len(places), Counter(level for _place, _id, level in rows))
