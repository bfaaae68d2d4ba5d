"""Whatever the school does with its hours, and in whatever order: a simple model says the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.booking import (
    absence,
    appointments,
    availability,
    consistency,
    kept,
    stored_conflicts,
    stored_hours,
    waitlist,
    withdrawal,
)
from lms.domain.booking.deleted_hours import DeletedHours
from lms.domain.calendars import offboarding
from lms.domain.people import organisation, staff
from lms.models import (
    Booking,
    BookingState,
    Mode,
    Organisation,
    Person,
    Role,
    SpecialDay,
    WaitlistEntry,
    WaitlistOutcome,
)
from tests import factories
from tests.domain.booking.model import DAYS, HOUR, OPEN_CAP, STARTS, WEEKLY_CAP, Meeting, Model
from tests.factories import BRUSSELS, wall
from tests.support.narrow import present
from tests.support.school import School


class BookingModel(Model):
    """The deeds: each is done in the real school, and the model says whether it should have been."""

    deleted: tuple[int, str, DeletedHours] | None = None

    @property
    def coordinator(self) -> Person:
        return factories.claire(self.session)

    def book(self, learner: int, teacher: int, starts: datetime, mode: Mode) -> None:
        wanted = Meeting(learner, teacher, starts, mode)
        mine = {id_: meeting for id_, meeting in self.kept.items() if meeting.learner == learner}
        # What is kept for the learner is taken back or given up by it.
        again = wanted in mine.values()
        # What is offered for this hour is accepted by it, whatever the way.
        offered = tuple(
            id_
            for id_, meeting in self.meetings.items()
            if meeting.offered and replace(meeting, mode=mode, offered=False) == wanted
        )
        caps = again or self.below_caps(learner, but=offered)
        expected = self.free(wanted, but=(*mine, *offered)) and caps
        person = self.learners[learner]

        def operation() -> Booking:
            return appointments.book(
                self.session,
                person,
                person,
                self.teachers[teacher].id,
                starts,
                mode,
                now=self.now,
                zone=BRUSSELS,
            )

        self.check(operation, expected)

    def move(self, number: int, starts: datetime, mode: Mode) -> None:
        chosen = self.pick(number, offered=False)
        if chosen is None or self.meetings[chosen].starts <= self.now:
            return
        old = self.meetings[chosen]
        wanted = Meeting(old.learner, old.teacher, starts, mode)
        same = (starts, mode) == (old.starts, old.mode)
        booking, sequence = self.booking(chosen), self.booking(chosen).sequence
        by = self.learners[old.learner]
        done = self.check(
            lambda: appointments.move(self.session, by, booking, starts, mode, now=self.now, zone=BRUSSELS),
            same or self.free(wanted, but=(chosen,)),
            left=None if same else old,
        )
        assert booking.sequence == sequence + (done and not same)

    def swap(self, number: int, with_number: int) -> None:
        one, other = self.pick(number, offered=False), self.pick(with_number, offered=False)
        if one is None or other is None:
            return
        a, b = self.meetings[one], self.meetings[other]
        if a.teacher != b.teacher or a.learner == b.learner:
            expected = False
        else:
            after = (
                Meeting(a.learner, b.teacher, b.starts, b.mode),
                Meeting(b.learner, a.teacher, a.starts, a.mode),
            )
            rest = [meeting for id_, meeting in self.meetings.items() if id_ not in (one, other)]
            meets = any(new.collides(old) for new in after for old in rest)
            expected = not meets and min(a.starts, b.starts) > self.now
        teacher = self.teachers[a.teacher]
        self.check(
            lambda: appointments.swap(
                self.session, teacher, self.booking(one), self.booking(other), now=self.now, zone=BRUSSELS
            ),
            expected,
        )

    def cancel(self, number: int) -> None:
        chosen = self.pick(number, offered=False)
        if chosen is None:
            return
        old = self.meetings[chosen]
        by = self.learners[old.learner]
        # A conflicting appointment is not kept: its hour is closed.
        is_kept = old.starts > self.now and self.open(old)
        self.check(
            lambda: appointments.cancel(
                self.session, by, self.booking(chosen), "", now=self.now, zone=BRUSSELS
            ),
            old.starts > self.now,
            left=None if is_kept else old,
        )
        if is_kept:
            self.kept[chosen] = old

    def undo(self, number: int, minutes: int) -> None:
        """Take back what was cancelled, at once or after some minutes."""
        if not self.kept:
            return
        chosen = sorted(self.kept)[number % len(self.kept)]
        self.now += timedelta(minutes=minutes)
        booking, old = self.booking(chosen), self.kept[chosen]
        until, by = booking.kept_until, self.learners[old.learner]
        sequence = booking.sequence
        done = self.check(
            lambda: appointments.undo_cancellation(self.session, by, booking, now=self.now, zone=BRUSSELS),
            until is not None and until > self.now,
        )
        assert booking.is_booked == done
        assert booking.sequence == sequence + done
        assert not done or booking.attendance is None
        self.end_kept()

    def end_kept(self) -> None:
        for booking_id in kept.overdue_kept(self.session, now=self.now):
            self.check(
                lambda id_=booking_id: kept.end_kept(self.session, id_, now=self.now, zone=BRUSSELS),  # type: ignore[misc]
                True,
                left=self.kept[booking_id],
            )
        assert kept.overdue_kept(self.session, now=self.now) == []

    def join(self, learner: int, teacher: int, parts: int, mode: Mode) -> None:
        """Teacher 2 is whoever; the mode is hers when the parts are odd."""
        person = self.learners[learner]
        place = waitlist.active_entry(self.session, person.id)
        since = place.created_at if place else self.now
        wanted = self.teachers[teacher].id if teacher < 2 else None
        mode_wanted = mode if parts % 2 else None
        done = self.check(
            lambda: waitlist.join_waitlist(
                self.session, person, person, wanted, parts, mode_wanted, now=self.now
            ),
            teacher not in self.left,
        )
        if done:
            entry = present(waitlist.active_entry(self.session, person.id))
            self.silences[entry.id] = 0
            assert entry.created_at == since, "who says her wish anew keeps her place"

    def leave(self, learner: int) -> None:
        person = self.learners[learner]
        held = [m for m in self.meetings.values() if m.learner == learner and m.offered]
        self.check(
            lambda: waitlist.leave_waitlist(self.session, person, person, now=self.now, zone=BRUSSELS),
            True,
            left=held[0] if held else None,
        )
        assert waitlist.active_entry(self.session, person.id) is None

    def answer(self, number: int, yes: bool) -> None:
        chosen = self.pick(number, offered=True)
        if chosen is None:
            return
        offer, old = self.booking(chosen), self.meetings[chosen]
        answered_in_time = offer.expires_at is not None and offer.expires_at > self.now
        by = self.learners[old.learner]
        if yes:
            self.check(
                lambda: waitlist.accept_offer(self.session, by, offer, now=self.now, zone=BRUSSELS),
                answered_in_time,
            )
            assert not answered_in_time or offer.state == BookingState.BOOKED
        else:
            entry = offer.waitlist_entry_id
            if answered_in_time and entry is not None:
                self.declined.add((entry, old.teacher, old.starts))
                self.silences[entry] = 0
            self.check(
                lambda: waitlist.decline_offer(self.session, by, offer, now=self.now, zone=BRUSSELS),
                answered_in_time,
                left=old,
            )

    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.end_kept()
        for offer_id in waitlist.overdue_offers(self.session, now=self.now):
            entry = self.booking(offer_id).waitlist_entry_id
            self.check(
                lambda id_=offer_id: waitlist.expire_offer(self.session, id_, now=self.now, zone=BRUSSELS),  # type: ignore[misc]
                True,
                left=self.meetings[offer_id],
            )
            found = self.session.get_one(WaitlistEntry, entry)
            silences = self.silences[found.id] = self.silences.get(found.id, 0) + 1
            assert found.outcome == (WaitlistOutcome.LAPSED if silences == 2 else None)
        assert waitlist.overdue_offers(self.session, now=self.now) == []

    def call_off(self, teacher: int, day: str) -> None:
        if teacher in self.left:
            return
        person = self.teachers[teacher]
        hit = {
            id_: meeting
            for id_, meeting in self.meetings.items()
            if meeting.teacher == teacher
            and meeting.starts > self.now
            and meeting.starts.astimezone(BRUSSELS).date().isoformat() == day
        }
        before = {id_: (b.sequence, b.is_late_cancellation) for id_ in hit for b in [self.booking(id_)]}
        self.closed.add((teacher, day))
        today = date.fromisoformat(day)
        over = today < self.now.astimezone(BRUSSELS).date()
        if over:
            self.closed.discard((teacher, day))
        self.check(
            lambda: absence.cancel_day(self.session, person, person, today, now=self.now, zone=BRUSSELS),
            not over,
        )
        for id_, meeting in hit.items():
            booking = self.booking(id_)
            assert booking.state == (BookingState.EXPIRED if meeting.offered else BookingState.CANCELLED)
            assert not booking.is_late_cancellation
            if not meeting.offered:
                assert booking.cancelled_by_teacher
                assert booking.sequence == before[id_][0] + 1
                entry = waitlist.active_entry(self.session, booking.learner_id)
                assert entry is not None
                assert entry.first_choice

    def reopen(self, teacher: int, day: str) -> None:
        person, begin = self.teachers[teacher], wall(day, "00:00")
        closed = self.session.scalars(
            select(SpecialDay.id).where(
                SpecialDay.teacher_id == person.id, SpecialDay.date_from == date.fromisoformat(day)
            )
        ).all()
        if not closed:
            return
        if len(closed) == 1:  # closed again meanwhile, and the first deletion taken back: two rows
            self.closed.discard((teacher, day))

        def operation() -> None:
            hours = availability.delete_special(self.session, person, closed[0], now=self.now, zone=BRUSSELS)
            self.deleted = (teacher, day, hours)

        self.check(
            operation,
            True,
            freed=lambda m: (
                len(closed) == 1 and m.teacher == teacher and begin <= m.starts < begin + 24 * HOUR
            ),
        )

    def close_again(self, minutes: int) -> None:
        """Take the last deletion of a closed day back, at once or after some minutes."""
        if self.deleted is None or self.deleted[0] in self.left:
            return
        teacher, day, hours = self.deleted
        self.now += timedelta(minutes=minutes)
        self.end_kept()
        person, is_early = self.teachers[teacher], hours.until > self.now
        if is_early:
            self.closed.add((teacher, day))
        self.check(
            lambda: stored_hours.restore_hours(self.session, person, hours, now=self.now, zone=BRUSSELS),
            is_early,
        )
        self.deleted = None

    def lower_or_raise_caps(self, weekly: int, ahead: int) -> None:
        self.weekly_cap, self.open_cap = weekly, ahead

        def operation() -> None:
            values = {"weekly_cap": weekly, "open_cap": ahead}
            organisation.update_organisation(self.session, self.coordinator, values, now=self.now)
            withdrawal.withdraw_uncovered_offers(self.session, now=self.now, zone=BRUSSELS)
            waitlist.offer_new_hours(self.session, now=self.now, zone=BRUSSELS)

        agreed = {id_ for id_, meeting in self.meetings.items() if not meeting.offered}
        self.check(operation, True, freed=lambda _meeting: True)
        assert agreed == {id_ for id_, meeting in self.meetings.items() if not meeting.offered}

    def close_or_open_room(self) -> None:
        room = factories.room(self.session)
        self.room_is_open = not self.room_is_open

        def operation() -> None:
            if self.room_is_open:
                organisation.add_room(self.session, self.coordinator, room.name, now=self.now)
                waitlist.offer_new_hours(self.session, now=self.now, zone=BRUSSELS)
            else:
                organisation.close_room(self.session, self.coordinator, room.id, now=self.now)
                withdrawal.withdraw_uncovered_offers(self.session, now=self.now, zone=BRUSSELS)

        agreed = {id_ for id_, meeting in self.meetings.items() if not meeting.offered}
        self.check(operation, True, freed=lambda meeting: self.room_is_open and meeting.mode == Mode.ONSITE)
        assert agreed == {id_ for id_, meeting in self.meetings.items() if not meeting.offered}

    def lose_or_get_role(self, teacher: int) -> None:
        person = self.teachers[teacher]
        self.left ^= {teacher}
        role = Role.COORDINATOR if teacher in self.left else Role.TEACHER

        def operation() -> None:
            facts = (person.name, person.login_email or "", [role])
            staff.update_colleague(self.session, self.coordinator, person, *facts, now=self.now)
            offboarding.end_lost_roles(self.session, self.coordinator, person, now=self.now, zone=BRUSSELS)
            if person.gives_appointments:
                waitlist.offer_new_hours(self.session, teacher_id=person.id, now=self.now, zone=BRUSSELS)

        self.check(
            operation,
            True,
            freed=lambda meeting: meeting.teacher == teacher and teacher not in self.left,
        )
        ahead = [m for m in self.meetings.values() if m.teacher == teacher and m.starts > self.now]
        assert not ahead or teacher not in self.left, "nobody comes to a teacher who left"


learners, teachers, numbers = st.integers(0, 4), st.integers(0, 1), st.integers(0, 9)
starts, ways = st.sampled_from(STARTS), st.sampled_from(["video", "onsite"])
days = st.sampled_from(DAYS)
booking_operations = st.tuples(st.just("book"), learners, teachers, starts, ways)
OPERATIONS = st.one_of(
    booking_operations,
    booking_operations,
    st.tuples(st.just("move"), numbers, starts, ways),
    st.tuples(st.just("swap"), numbers, numbers),
    st.tuples(st.just("cancel"), numbers),
    st.tuples(st.just("cancel"), numbers),
    st.tuples(st.just("join"), learners, st.integers(0, 2), st.integers(1, 3), ways),
    st.tuples(st.just("undo"), numbers, st.sampled_from([0, 0, 5, 11])),
    st.tuples(st.just("join"), learners, st.just(2), st.just(7), ways),
    st.tuples(st.just("leave"), learners),
    st.tuples(st.just("answer"), numbers, st.booleans()),
    st.tuples(st.just("wait"), st.integers(1, 7)),
    st.tuples(st.just("call_off"), teachers, days),
    st.tuples(st.just("reopen"), teachers, days),
    st.tuples(st.just("close_again"), st.sampled_from([0, 0, 11])),
    st.tuples(st.just("lower_or_raise_caps"), st.integers(1, WEEKLY_CAP), st.integers(1, OPEN_CAP)),
    st.tuples(st.just("close_or_open_room")),
    st.tuples(st.just("lose_or_get_role"), teachers),
)


# Not shrunk: that takes longer than a test may.
@settings(phases=[Phase.generate], max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(OPERATIONS, min_size=5, max_size=30))
def test_the_school_does_what_a_simple_model_of_it_does(school: School, operations: list[Any]) -> None:
    def live(session: Session) -> None:
        model = _model(session)
        for name, *terms in operations:
            getattr(model, name)(*terms)
        faults = consistency.find_faults(session, now=model.now)
        assert stored_conflicts.find_conflict_faults(session, now=model.now, zone=BRUSSELS) == []
        # What was agreed for a room that was closed is to be decided, and is named.
        assert [fault for fault in faults if model.room_is_open or not fault.endswith("is closed")] == []

    school.write_and_undo(live)


def _model(session: Session) -> BookingModel:
    people = [factories.learner(session, f"Learner {n}") for n in range(5)]
    model = BookingModel(session, people, [factories.nadia(session), factories.luc(session)])
    service = session.get_one(Organisation, 1)
    service.weekly_cap, service.open_cap, service.lead_hours = WEEKLY_CAP, OPEN_CAP, 0
    for teacher in model.teachers:
        for day in (date.fromisoformat(day) for day in DAYS):
            for clock in sorted({start.astimezone(BRUSSELS).time() for start in STARTS}):
                ends = time(clock.hour + 1, clock.minute)
                factories.rule(session, teacher, day.weekday(), f"{clock:%H:%M}", f"{ends:%H:%M}", "both")
    return model


def test_a_swap_of_two_learners_is_one_deed(school: School) -> None:
    def live(session: Session) -> None:
        model = _model(session)
        model.book(0, 0, STARTS[0], Mode.VIDEO)
        model.book(1, 0, STARTS[2], Mode.ONSITE)
        model.swap(0, 1)
        assert sorted((m.learner, m.starts, m.mode) for m in model.meetings.values()) == [
            (0, STARTS[2], Mode.ONSITE),
            (1, STARTS[0], Mode.VIDEO),
        ]

    school.write(live)
