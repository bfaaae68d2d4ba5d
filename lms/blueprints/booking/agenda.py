"""The agenda: a teacher's week with appointments and free slots."""

# Read by the team alone.

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from flask import Blueprint, request
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.current import organisation, settings
from lms.domain.booking import (
    attendance,
    availability,
    availability_search,
    occupancy,
    queries,
    special_days,
    team_queries,
)
from lms.domain.booking.external_clashes import find_clashes
from lms.domain.booking.slots import Slot, instants
from lms.extensions import db
from lms.models import Booking, Mode, Role, RuleMode
from lms.web.pages import page

bp = Blueprint("agenda", __name__)

DAY = timedelta(days=1)
_WEEK = re.compile(r"(\d{4})-W(\d{2})")


@dataclass
class Band:
    """Consecutive free slots in the same modes."""

    starts: datetime
    ends: datetime
    modes: frozenset[Mode]

    @property
    def mode(self) -> RuleMode:
        return RuleMode.BOTH if len(self.modes) > 1 else RuleMode(*self.modes)


@dataclass
class Day:
    """Appointments and free slots of one day."""

    date: date
    booked: list[Booking] = field(default_factory=list)
    free: list[Band] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    clashes: set[str] = field(
        default_factory=set
    )  # appointments at a time that is busy in an external calendar
    to_mark: set[str] = field(default_factory=set)  # appointments whose attendance can be marked

    @property
    def entries(self) -> list[Booking | Band]:
        return sorted([*self.booked, *self.free], key=lambda entry: entry.starts)


@bp.get("/agenda")
@allow(Role.TEACHER)
def index() -> BaseResponse:
    zone = settings().time_zone
    today = now().astimezone(zone).date()
    asked = request.args.get("week")
    monday = _monday(asked, today)
    days = _week(monday)
    if asked is None and is_over(days, today, now()):
        monday += 7 * DAY
        days = _week(monday)
    shown = [day for day in days if day.date.weekday() < 5 or day.entries]
    around = [_name(monday - 7 * DAY), _name(monday + 7 * DAY)]
    return page(
        "agenda/index.html",
        days=shown,
        monday=monday,
        week=_name(monday),
        today=today,
        around=around,
        at=now(),
        undecided=team_queries.count_conflicts_for(db.session(), me(), now=now()),
    )


def _week(monday: date) -> list[Day]:
    days = [Day(monday + n * DAY) for n in range(7)]
    _fill(db.session(), days)
    return days


def is_over(days: Sequence[Day], today: date, moment: datetime) -> bool:
    """Return whether it is the weekend and this week is over: the agenda then shows the next one."""
    return today.weekday() >= 5 and not any(entry.ends > moment for day in days for entry in day.entries)


def _fill(session: Session, days: list[Day]) -> None:
    zone, person = settings().time_zone, me()
    first, last = days[0].date, days[-1].date
    by_date = {day.date: day for day in days}
    begin, end = instants(first, last, zone)
    taken = queries.appointments_between(session, person, begin, end, now=now())
    occupied = occupancy.load_occupancy(session, organisation(), begin, end, shown_at=now())
    clashes = {booking.id for booking in find_clashes(taken, occupied.elsewhere, now=now())}
    for booking in taken:
        day = by_date[booking.starts.astimezone(zone).date()]
        day.booked.append(booking)
        if attendance.can_be_marked(booking, now=now()):
            day.to_mark.add(booking.id)
        if booking.id in clashes:
            day.clashes.add(booking.id)
    for day_off, name in availability.holidays_between(first, last, str(get_locale() or "fr")):
        by_date[day_off].closed.append(name)
    for special in special_days.own_specials(session, person, first):
        for day in days:
            if special.is_closure and special.date_from <= day.date <= special.date_until:
                day.closed.append(special.reason or _("Fermé"))
    offered = availability_search.load_timetable(
        session, first, last, teacher_ids=[person.id], zone=zone
    ).offered(first, last)
    free = [slot for slot in offered if slot.starts > now() and occupied.is_free(slot)]
    for band in _bands(free, occupied.buffer):
        by_date[band.starts.astimezone(zone).date()].free.append(band)


def _bands(slots: Sequence[Slot], buffer: timedelta) -> list[Band]:
    """Join consecutive slots in the same modes; those on site also over the pause between them."""
    modes: dict[datetime, set[Mode]] = {}
    ends = {slot.starts: slot.ends for slot in slots}
    for slot in slots:
        modes.setdefault(slot.starts, set()).add(slot.mode)
    bands: list[Band] = []
    for starts in sorted(modes):
        pause = buffer if Mode.ONSITE in modes[starts] else timedelta(0)
        if bands and starts - bands[-1].ends <= pause and bands[-1].modes == modes[starts]:
            bands[-1].ends = ends[starts]
        else:
            bands.append(Band(starts, ends[starts], frozenset(modes[starts])))
    return bands


def _name(day: date) -> str:
    return f"{day.isocalendar().year}-W{day.isocalendar().week:02}"


def _monday(week: str | None, today: date) -> date:
    found = _WEEK.fullmatch(week or "")
    try:
        if found and 2020 <= int(found[1]) <= 2100:
            return date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError:
        pass
    return today - today.weekday() * DAY
