"""The check of calendars."""

from __future__ import annotations

from sqlalchemy import update

from lms.domain.calendars import feeds
from lms.domain.calendars.consistency import find_calendar_faults
from lms.models import CalendarFeed, Person
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def test_a_feed_that_outlives_its_person_is_found(school: School) -> None:
    feed = school.write(lambda s: feeds.create_feed(s, factories.nadia(s), "token", now=NOW).id)
    assert school.read(find_calendar_faults) == []
    nadia = school.read(lambda s: factories.nadia(s).id)
    school.write(lambda s: s.execute(update(Person).where(Person.id == nadia).values(deactivated_at=NOW)))
    assert school.read(find_calendar_faults) == [
        f"calendar feed {feed}: can be read, and {nadia} neither learns nor teaches any more"
    ]
    school.write(lambda s: s.execute(update(CalendarFeed).values(revoked_at=NOW)))
    assert school.read(find_calendar_faults) == []


def test_a_feed_of_somebody_without_appointments_is_found(school: School) -> None:
    school.write(lambda s: feeds.create_feed(s, factories.farid(s), "token", now=NOW).id)
    (fault,) = school.read(find_calendar_faults)
    assert fault.startswith("calendar feed ")
