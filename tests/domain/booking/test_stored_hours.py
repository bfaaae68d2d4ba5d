"""A deletion that is taken back: the hours are there again, with what adding them does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.booking import availability, stored_hours
from lms.domain.booking.availability import WeeklyHours
from lms.domain.booking.deleted_hours import UNDO_LASTS, DeletedHours
from lms.domain.errors import Absent
from lms.models import AuditEvent, Availability, Booking, Organisation, SpecialDay
from tests import factories
from tests.factories import BRUSSELS, NOW, Who
from tests.support.school import School
from tests.support.waitlist import TUESDAY, grace, offered_slots, refusal, wait

DAY = date(2026, 11, 24)
MORNING = WeeklyHours(time(9), time(12))


def delete_rule(school: School, rule_id: str) -> DeletedHours:
    return school.write(
        lambda s: availability.delete_rule(s, factories.nadia(s), rule_id, now=NOW, zone=BRUSSELS)
    )


def delete_special(school: School, special_id: str, by: Who = factories.nadia) -> DeletedHours:
    return school.write(lambda s: availability.delete_special(s, by(s), special_id, now=NOW, zone=BRUSSELS))


def restore(
    school: School, deleted: DeletedHours, by: Who = factories.nadia, after: timedelta = timedelta()
) -> None:
    school.write(
        lambda s: stored_hours.restore_hours(s, by(s), deleted, now=NOW + after, zone=BRUSSELS),
    )


def rules(school: School) -> list[tuple[str, date, date | None]]:
    return school.read(
        lambda s: [(one.id, one.valid_from, one.valid_until) for one in s.scalars(select(Availability))]
    )


def on_tuesdays(school: School) -> str:
    return school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "10:00", "11:00").id)


def closed(school: School, teacher: Who | None = factories.nadia) -> str:
    return school.write(
        lambda s: (
            factories.closed(
                s, teacher(s) if teacher else None, str(DAY), str(DAY), by=factories.claire(s)
            ).id
        )
    )


def test_a_deleted_rule_is_there_again_and_its_hour_is_offered_again(school: School) -> None:
    rule = on_tuesdays(school)
    before = rules(school)
    wait(school, grace)
    deleted = delete_rule(school, rule)
    assert rules(school) == []
    assert offered_slots(school) == {}
    restore(school, deleted)
    assert rules(school) == before
    assert offered_slots(school) == {"Grace": TUESDAY}
    details = school.read(
        lambda s: s.scalars(select(AuditEvent.detail).where(AuditEvent.object_id == rule)).all()
    )
    assert sorted(details) == ["deleted", "restored"]


def test_a_day_off_that_is_there_again_withdraws_what_was_offered_meanwhile(school: School) -> None:
    on_tuesdays(school)
    day = closed(school)
    wait(school, grace)
    before = school.read(lambda s: s.get_one(SpecialDay, day).created_at)
    deleted = delete_special(school, day)
    assert offered_slots(school) == {"Grace": TUESDAY}
    restore(school, deleted)
    assert school.read(lambda s: s.get_one(SpecialDay, day).created_at) == before
    open_offers = select(Booking.starts).where(Booking.state == "offered", Booking.starts == TUESDAY)
    assert school.read(lambda s: s.scalars(open_offers).all()) == []


def test_extra_hours_that_are_there_again_are_offered_again(school: School) -> None:
    extra = school.write(lambda s: factories.opened(s, factories.nadia(s), str(DAY), "10:00", "11:00").id)
    wait(school, grace)
    deleted = delete_special(school, extra)
    restore(school, deleted)
    assert offered_slots(school) == {"Grace": TUESDAY}


def test_pressed_twice_or_written_anew_meanwhile_it_is_one_rule(school: School) -> None:
    rule = on_tuesdays(school)
    deleted = delete_rule(school, rule)
    until = date(2026, 12, 31)
    school.write(
        lambda s: availability.add_rule(
            s, factories.nadia(s), 1, WeeklyHours(time(10), time(11)), DAY, until, now=NOW, zone=BRUSSELS
        )
    )
    for _ in range(2):
        restore(school, deleted)
        assert rules(school) == [(rule, date(2026, 1, 1), None)]


def test_what_was_restored_and_then_ended_stays_ended(school: School) -> None:
    rule = on_tuesdays(school)
    deleted = delete_rule(school, rule)
    restore(school, deleted)
    school.write(lambda s: availability.end_rule(s, factories.nadia(s), rule, DAY, now=NOW, zone=BRUSSELS))
    restore(school, deleted)
    assert rules(school) == [(rule, date(2026, 1, 1), DAY)]


def test_the_same_day_off_written_anew_meanwhile_is_one_day_off(school: School) -> None:
    deleted = delete_special(school, closed(school))
    again = closed(school)
    restore(school, deleted)
    assert school.read(lambda s: s.scalars(select(SpecialDay.id)).all()) == [again]


def test_a_room_that_was_closed_meanwhile_stays_closed(school: School) -> None:
    def in_a_room(session: Session) -> tuple[str, DeletedHours]:
        nadia = factories.nadia(session)
        rule = factories.rule(session, nadia, 1, "10:00", "11:00", mode="onsite")
        deleted = availability.delete_rule(session, nadia, rule.id, now=NOW, zone=BRUSSELS)
        factories.room(session).closed_at = NOW
        return rule.id, deleted

    rule, deleted = school.write(in_a_room)
    restore(school, deleted)
    assert school.read(lambda s: s.get_one(Availability, rule).room_id) is not None
    assert school.read(lambda s: factories.room(s).closed_at) == NOW


def test_it_is_too_late_after_ten_minutes(school: School) -> None:
    deleted = delete_rule(school, on_tuesdays(school))
    assert refusal(lambda: restore(school, deleted, after=UNDO_LASTS)) == "deletion_final"
    restore(school, deleted, after=UNDO_LASTS - timedelta(seconds=1))
    assert len(rules(school)) == 1


@pytest.mark.parametrize(
    ("delete", "by"),
    [
        (lambda school: delete_rule(school, on_tuesdays(school)), factories.luc),
        # A coordinator closes and opens days for others, but does not change their weekly hours.
        (lambda school: delete_rule(school, on_tuesdays(school)), factories.claire),
        (lambda school: delete_special(school, closed(school)), factories.luc),
        (lambda school: delete_special(school, closed(school, None), factories.claire), factories.nadia),
    ],
)
def test_only_who_could_delete_it_restores_it(
    school: School, delete: Callable[[School], DeletedHours], by: Who
) -> None:
    deleted = delete(school)
    with pytest.raises(Absent):
        restore(school, deleted, by)
    assert rules(school) == []


# SQLite has one writer at a time: there is nothing to lock.
@pytest.mark.parametrize("school", ["postgresql"], indirect=True)
def test_of_two_presses_at_once_the_second_one_waits(school: School) -> None:
    deleted = delete_rule(school, on_tuesdays(school))
    unlocked = select(Organisation.id).with_for_update(key_share=True, skip_locked=True)

    def press(session: Session) -> list[int]:
        stored_hours.restore_hours(session, factories.nadia(session), deleted, now=NOW, zone=BRUSSELS)
        with school.engine.connect() as other:
            return list(other.scalars(unlocked))

    assert school.write(press) == []
    restore(school, deleted)
    assert len(rules(school)) == 1
