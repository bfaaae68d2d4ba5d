from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.models import AuditEvent
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def _three_operations(session: Session) -> None:
    for minute in range(3):
        audit_log.record(
            session,
            factories.claire(session),
            "level_changed",
            "person",
            "abc",
            now=NOW + timedelta(minutes=minute),
        )


def test_lines_are_numbered_in_their_order_and_the_chain_holds(school: School) -> None:
    school.write(_three_operations)
    assert school.write(audit_log.seal) == 3
    lines = school.read(lambda s: audit_log.events_for(s, "abc"))
    assert [line.number for line in lines] == [3, 2, 1]
    assert school.read(audit_log.first_broken) is None


@pytest.mark.parametrize(
    "operation",
    [
        update(AuditEvent).where(AuditEvent.number == 2).values(action="card_made"),
        delete(AuditEvent).where(AuditEvent.number == 2),
    ],
    ids=["changed", "removed"],
)
def test_a_sealed_line_that_was_tampered_with_is_named(school: School, operation: object) -> None:
    school.write(_three_operations)
    school.write(audit_log.seal)
    school.write(lambda s: s.execute(operation))  # type: ignore[call-overload]
    assert school.read(audit_log.first_broken) == 2


def test_sealing_goes_on_where_it_stopped(school: School) -> None:
    school.write(_three_operations)
    school.write(audit_log.seal)
    school.write(_three_operations)
    assert school.read(lambda s: audit_log.unsealed_since(s, now=NOW + timedelta(hours=1))) == 3
    assert school.write(audit_log.seal) == 3
    assert school.read(audit_log.first_broken) is None
