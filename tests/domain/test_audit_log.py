from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.models import AuditAction
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def _three_operations(session: Session) -> None:
    for minute in range(3):
        audit_log.record(
            session,
            factories.claire(session),
            AuditAction.LEVEL_CHANGED,
            "person",
            "abc",
            detail=str(minute),
            now=NOW + timedelta(minutes=minute),
        )
    audit_log.record(session, None, AuditAction.LEVEL_CHANGED, "person", "another", now=NOW)


def test_the_events_of_one_object_are_listed_the_newest_first(school: School) -> None:
    school.write(_three_operations)
    events = school.read(lambda s: audit_log.events_for(s, "abc"))
    assert [event.detail for event in events] == ["2", "1", "0"]
    assert [event.detail for event in school.read(lambda s: audit_log.events_for(s, "abc", limit=1))] == ["2"]
