"""What ends with a role: appointments, offers, preferences on the waitlist, the feed, assigned learners."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from lms.domain.booking import absence
from lms.domain.calendars import feeds
from lms.domain.people import learners
from lms.models import Person


def end_lost_roles(session: Session, actor: Person, person: Person, *, now: datetime, zone: ZoneInfo) -> int:
    """End what belongs to roles that the person no longer has; a deactivated person has none.

    Called in the transaction of each change that may take a role away: an edit of the roles, a deactivation.
    It does nothing for the roles that the person keeps. Returns the number of cancelled appointments.

    Refusals: `already_begun`, `already_cancelled`.
    """
    learners.end_assignments(session, actor, person, now=now)
    cancelled = absence.offboard(session, actor, person, now=now, zone=zone)
    if not person.gives_appointments and not person.takes_appointments:
        # The address of the feed needs no login, so it has to end with the roles.
        feeds.revoke_feed(session, actor, person, now=now)
    return cancelled
