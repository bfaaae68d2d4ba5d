"""What was deleted is remembered whole, as text that JSON can write."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from lms.domain.booking.deleted_hours import DeletedHours, remember_hours
from lms.models import Availability, SpecialDay
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def values(row: Availability | SpecialDay) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def test_a_row_comes_back_from_json_as_it_was(school: School) -> None:
    rows: list[Availability | SpecialDay] = school.write(
        lambda s: [
            factories.rule(
                s, factories.nadia(s), 0, "09:00", "12:15", mode="both", valid_until=date(2027, 1, 1)
            ),
            factories.rule(s, factories.nadia(s), 1, "09:00", "12:15"),
            factories.opened(s, factories.nadia(s), "2026-12-25", "09:00", "11:00"),
            factories.closed(s, None, "2026-11-24", "2026-11-25", by=factories.claire(s)),
        ]
    )
    for row in rows:
        deleted = remember_hours(row, now=NOW)
        read = DeletedHours(deleted.table, json.loads(json.dumps(deleted.values)), deleted.until)
        assert values(read.row()) == values(row)
