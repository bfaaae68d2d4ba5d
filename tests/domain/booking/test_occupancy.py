"""Whatever is booked, moved and cancelled: nobody and no room is in two places, and claims say so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import appointments, occupancy
from lms.domain.errors import Refused
from lms.models import Booking, BookingState, Claim, Mode, Organisation, Person
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School
from tests.support.waitlist import cancel_for_good

QUARTER = timedelta(minutes=15)
STARTS = [wall("2026-11-24", f"{hour:02}:{minute:02}") for hour in (9, 10, 11) for minute in (0, 15, 30)]


class Held(NamedTuple):
    """What the model knows of a living booking."""

    learner: int
    teacher: int
    starts: datetime
    mode: str

    @property
    def blocked_until(self) -> datetime:
        return self.starts + timedelta(hours=1) + (QUARTER if self.mode == Mode.ONSITE else timedelta(0))

    def collides(self, other: Held) -> bool:
        def meet(mine: datetime, theirs: datetime) -> bool:
            return self.starts < theirs and other.starts < mine

        ends = self.starts + timedelta(hours=1), other.starts + timedelta(hours=1)
        return (
            (self.learner == other.learner and meet(*ends))
            or (self.teacher == other.teacher and meet(self.blocked_until, other.blocked_until))
            or (self.mode == other.mode == Mode.ONSITE and meet(self.blocked_until, other.blocked_until))
        )


ways = st.sampled_from(["video", "onsite"])
booking_operations = st.tuples(
    st.just("book"), st.integers(0, 2), st.integers(0, 1), st.sampled_from(STARTS), ways
)
changes = st.tuples(st.sampled_from(["move", "cancel"]), st.integers(0, 9), st.sampled_from(STARTS), ways)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(booking_operations | changes, min_size=3, max_size=14))
def test_a_booking_is_taken_exactly_when_everybody_it_needs_is_free(
    school: School, operations: list[Any]
) -> None:
    school.write_and_undo(lambda session: _live(session, operations))


def _live(session: Session, operations: list[Any]) -> None:
    learners = [factories.learner(session, f"Learner {n}") for n in range(3)]
    teachers = [factories.nadia(session), factories.luc(session)]
    service = session.get_one(Organisation, 1)
    service.weekly_cap = service.open_cap = 20
    for teacher in teachers:
        for first in (f"{hour:02}:{minute:02}" for hour in (9, 10, 11) for minute in (0, 15, 30)):
            until = f"{int(first[:2]) + 1:02}{first[2:]}"
            factories.rule(session, teacher, 1, first, until, "both")
    model: dict[str, Held] = {}
    for operation in operations:
        _act(session, operation, model, learners, teachers)
        assert occupancy.find_mismatches(session) == []
        alive = session.scalars(select(Booking.id).where(Booking.state == BookingState.BOOKED)).all()
        assert set(alive) == set(model)


def _act(
    session: Session, operation: Any, model: dict[str, Held], learners: list[Person], teachers: list[Person]
) -> None:
    if operation[0] == "book":
        _, learner, teacher, starts, mode = operation
        wanted = Held(learner, teacher, starts, mode)
        free = not any(wanted.collides(other) for other in model.values())
        done = _done(
            session,
            lambda: appointments.book(
                session,
                learners[learner],
                learners[learner],
                teachers[teacher].id,
                starts,
                mode,
                now=NOW,
                zone=BRUSSELS,
            ),
        )
        assert (done is not None) == free
        if done is not None:
            model[done.id] = wanted
        return
    if not model:
        return
    kind, number, starts, mode = operation
    chosen = sorted(model)[number % len(model)]
    booking, old = session.get_one(Booking, chosen), model[chosen]
    by = learners[old.learner]
    if kind == "cancel":
        assert _done(session, lambda: cancel_for_good(session, by, booking, now=NOW)) is not None
        del model[chosen]
        return
    wanted = Held(old.learner, old.teacher, starts, mode)
    free = not any(wanted.collides(other) for id_, other in model.items() if id_ != chosen)
    done = _done(
        session, lambda: appointments.move(session, by, booking, starts, mode, now=NOW, zone=BRUSSELS)
    )
    assert (done is not None) == free
    if free:
        model[chosen] = wanted


def _done(session: Session, operation: Any) -> Booking | None:
    """The verb as the edge would run it: refused, it leaves nothing behind."""
    try:
        with session.begin_nested():
            made: Booking = operation()
            return made
    except Refused:
        return None


def test_a_learner_is_claimed_for_her_hour_and_the_hosts_until_they_are_free(school: School) -> None:
    school.write(lambda s: factories.all_week(s, factories.luc(s), mode="onsite"))
    made = school.write(
        lambda s: factories.booked(
            s, factories.samira(s), factories.luc(s), wall("2026-11-24", "09:00"), "onsite"
        )
    )
    rows = school.read(lambda s: s.scalars(select(Claim).where(Claim.booking_id == made.id)).all())
    counts = dict.fromkeys((made.learner_id, made.teacher_id, made.room_id), 0)
    for row in rows:
        counts[row.person_id or row.room_id] += 1
    assert counts == {made.learner_id: 4, made.teacher_id: 5, made.room_id: 5}
    organisation = school.read(factories.organisation)
    found = school.read(
        lambda s: occupancy.load_occupancy(s, organisation, made.starts, made.ends, but={made.id})
    )
    assert found.held == {}
