"""How the database finds what the pages show: never by reading a table whole that grows with time."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.clock import now
from lms.models import QueuedAttempt
from tests import factories
from tests.support import history, plans
from tests.support.engines import postgres_template, school, shared_postgres_school
from tests.support.school import School

__all__ = ["postgres_template", "school", "shared_postgres_school"]  # fixtures: both engines

LISTS = {
    "Nadia Dubois": (
        "/",
        "/corrections",
        "/corrections?after=COPY",
        "/corrections?state=draft",
        "/corrections/COPY",
        "/corrections?list=redo",
        "/corrections?list=returned",
        "/corrections?list=returned&q=pers",
        "/corrections/COPY?list=returned&q=personne+007",
        "/lessons",
        "/people",
        "/people?q=pers",
        "/agenda",
        "/agenda/availability",
        "/agenda/exceptions",
        "/agenda/conflicts",
        "/waitlist/entries",
        "/messages",
        "/me/notices",
    ),
    "Claire Renard": (
        "/",
        "/people",
        "/people/team",
        "/agenda/exceptions",
        "/agenda/conflicts",
        "/waitlist/entries",
        "/waitlist/entries?state=offered",
        "/corrections",
        "/messages",
        "/messages/failed",
        "/organisation",
    ),
    "Farid Amrani": ("/", "/people", "/messages"),
    "Samira": ("/", "/lessons", "/homework", "/bookings", "/me", "/me/notices"),
}


@pytest.fixture
def copy(school: School) -> str:
    """The id of a copy that waits, in a school with years behind it."""

    def live(session: Session) -> str:
        history.add_years(session, now=now())
        return session.scalars(select(QueuedAttempt.attempt_id)).all()[-1]

    waiting = school.write(live)
    plans.analyze(school)
    return waiting


def test_no_list_reads_a_table_whole_that_grows_with_time(school: School, copy: str) -> None:
    def ids(session: Session) -> dict[str, str]:
        everybody = (factories.nadia, factories.claire, factories.farid, factories.samira)
        return {person.name: person.id for who in everybody for person in [who(session)]}

    found = {}
    people = school.read(ids)
    for name, paths in LISTS.items():
        browser = school.visitor(people[name])
        for path in paths:
            with plans.reading_plans(school) as read:
                assert browser.get(path.replace("COPY", copy)).status == 200, path
            assert read, path
            if whole := plans.full_scans(read):
                found[f"{name} {path}"] = whole
    assert found == {}, "\n\n".join(f"{page}\n{plan}" for page, read in found.items() for plan in read)
