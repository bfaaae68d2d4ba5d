"""Appointments of the real calendar, as the tests of their pages speak of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms import clock
from lms.domain.booking import waitlist
from lms.models import Booking, OutboxItem, Person
from tests import make
from tests.house import House
from tests.make import wall
from tests.pages import Page, Visitor

Who = Callable[[Session], Person]

HOUR = timedelta(hours=1)
MONDAY = make.coming_monday()


def at(hour: str, days: int = 0) -> datetime:
    """An hour of that Monday, or so many days after it."""
    return wall((MONDAY + timedelta(days=days)).isoformat(), hour)


def person_id(house: House, who: Who) -> str:
    return house.write(lambda s: who(s).id)


def visitor(house: House, who: Who = make.samira) -> Visitor:
    return house.visitor(person_id(house, who))


def booked(
    house: House, starts: datetime, who: Who = make.samira, teacher: Who = make.nadia, **more: Any
) -> str:
    return house.write(lambda s: make.booked(s, who(s), teacher(s), starts, now=clock.now(), **more).id)


def held(house: House, who: Who = make.samira, days_ago: int = 1, hour: str = "10:00") -> str:
    """A session with Nadia that is over."""
    day = (clock.now() - timedelta(days=days_ago)).date().isoformat()
    starts = make.wall(day, hour)

    def deed(session: Session) -> str:
        make.opened(session, make.nadia(session), day, "09:00", "17:00")
        return make.booked(
            session, who(session), make.nadia(session), starts, now=starts - timedelta(days=3)
        ).id

    return house.write(deed)


def state(house: House, booking_id: str) -> str:
    return house.read(lambda s: s.get_one(Booking, booking_id).state)


def week_and_luc(session: Session) -> None:
    """Nadia receives by video on weekdays, Luc too; Farid looks after Samira."""
    make.all_week(session, make.nadia(session))
    make.all_week(session, make.luc(session))
    make.samira(session).social_worker_id = make.farid(session).id


def mornings(session: Session) -> None:
    """Nadia receives by video in the morning, Luc either way."""
    make.school(session).directions = "Bus 70, arrêt Pont"
    make.all_week(session, make.nadia(session), "09:00", "12:00")
    make.all_week(session, make.luc(session), "09:00", "12:00", mode="both")


def mails_of(house: House, kind: str) -> list[str]:
    return house.read(
        lambda s: sorted(
            s.scalars(
                select(Person.name)
                .join(OutboxItem, OutboxItem.person_id == Person.id)
                .where(OutboxItem.kind == kind, OutboxItem.closed_at.is_(None))
            )
        )
    )


def token(page: Page) -> str:
    return next(field.get("value") for field in page.root.all("input") if field.get("name") == "csrf_token")


def one_hour_a_week(session: Session) -> None:
    """Nadia receives on Mondays from 9 to 10, by video: whoever comes second waits."""
    make.school(session).horizon_days = (MONDAY - clock.now().date()).days + 6
    make.rule(session, make.nadia(session), 0, "09:00", "10:00", valid_from=MONDAY)
    make.luc(session)


def taken(house: House, who: Any = make.oksana) -> str:
    """The one hour of the week, taken by somebody else."""
    return house.write(lambda s: make.booked(s, who(s), make.nadia(s), at("09:00"), now=clock.now()).id)


def waits(house: House, who: Any = make.samira, parts: int = 7, mode: str | None = None) -> str:
    return house.write(lambda s: waitlist.join(s, who(s), who(s), None, parts, mode, clock.now()).id)
