"""Check calendar feeds and external calendars in the database. One line for each fault, with ids only."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from lms.models import CalendarFeed, Person, PersonRole, Role


def find_calendar_faults(session: Session) -> list[str]:
    """Return a line for each fault; empty when the feeds are consistent."""
    return list(_living_feeds(session))


def _living_feeds(session: Session) -> Iterator[str]:
    """Find feeds of people who have no appointments any more: their address needs no login."""
    has_appointments = exists().where(
        PersonRole.person_id == CalendarFeed.person_id, PersonRole.role.in_((Role.LEARNER, Role.TEACHER))
    )
    rows = session.execute(
        select(CalendarFeed.id, CalendarFeed.person_id)
        .join(Person, Person.id == CalendarFeed.person_id)
        .where(CalendarFeed.revoked_at.is_(None), or_(Person.deactivated_at.is_not(None), ~has_appointments))
        .order_by(CalendarFeed.id)
    )
    for row in rows:
        yield f"calendar feed {row.id}: can be read, and {row.person_id} neither learns nor teaches any more"
