"""Helpers for tests of appointment pages: people by first name, appointments in a coming week."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms import clock
from lms.domain.booking import waitlist
from lms.models import Booking, Mode, OutboxItem, Person
from tests import factories
from tests.factories import Who, wall
from tests.support.pages import Page, Visitor
from tests.support.school import School

HOUR = timedelta(hours=1)
MONDAY = factories.coming_monday()


def at(hour: str, days: int = 0) -> datetime:
    """Return an hour of the coming Monday, or of a number of days after it."""
    return wall((MONDAY + timedelta(days=days)).isoformat(), hour)


def person_id(school: School, who: Who) -> str:
    return school.write(lambda s: who(s).id)


def visitor(school: School, who: Who = factories.samira) -> Visitor:
    return school.visitor(person_id(school, who))


def booked(
    school: School, starts: datetime, who: Who = factories.samira, teacher: Who = factories.nadia, **more: Any
) -> str:
    return school.write(lambda s: factories.booked(s, who(s), teacher(s), starts, now=clock.now(), **more).id)


def held(school: School, who: Who = factories.samira, days_ago: int = 1, hour: str = "10:00") -> str:
    """Book an appointment with Nadia that is over."""
    day = (clock.now() - timedelta(days=days_ago)).date().isoformat()
    starts = factories.wall(day, hour)

    def operation(session: Session) -> str:
        factories.opened(session, factories.nadia(session), day, "09:00", "17:00")
        return factories.booked(
            session, who(session), factories.nadia(session), starts, now=starts - timedelta(days=3)
        ).id

    return school.write(operation)


def state(school: School, booking_id: str) -> str:
    return school.read(lambda s: s.get_one(Booking, booking_id).state)


def week_and_luc(session: Session) -> None:
    """Give Nadia and Luc video hours on weekdays; Farid is the social worker of Samira."""
    factories.all_week(session, factories.nadia(session))
    factories.all_week(session, factories.luc(session))
    factories.samira(session).social_worker_id = factories.farid(session).id


def mornings(session: Session) -> None:
    """Give Nadia mornings by video, and Luc mornings in both modes."""
    factories.organisation(session).directions = "Bus 70, arrêt Pont"
    factories.all_week(session, factories.nadia(session), "09:00", "12:00")
    factories.all_week(session, factories.luc(session), "09:00", "12:00", mode="both")


def mails_of(school: School, kind: str) -> list[str]:
    return school.read(
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
    """Give Nadia one hour a week, Mondays from 9 to 10 by video: a second learner has to wait."""
    factories.organisation(session).horizon_days = (MONDAY - clock.now().date()).days + 6
    factories.rule(session, factories.nadia(session), 0, "09:00", "10:00", valid_from=MONDAY)
    factories.luc(session)


def taken(school: School, who: Any = factories.oksana) -> str:
    """Book the only hour of the week for another learner."""
    return school.write(
        lambda s: factories.booked(s, who(s), factories.nadia(s), at("09:00"), now=clock.now()).id
    )


def waits(school: School, who: Any = factories.samira, parts: int = 7, mode: Mode | None = None) -> str:
    return school.write(
        lambda s: waitlist.join_waitlist(s, who(s), who(s), None, parts, mode, now=clock.now()).id
    )
