"""Picker, booking, conflicts and waitlist say the same of every hour, whatever the school."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from lms.domain.booking import allocation, appointments, conflicts, picker, stored_conflicts, waitlist
from lms.domain.booking.availability_search import SearchTerms
from lms.domain.booking.offers import NEAREST_OFFER
from lms.domain.booking.slots import HOUR, Slot
from lms.domain.calendars import external
from lms.domain.errors import Refused
from lms.models import Availability, Booking, BookingState, Mode, Organisation, Person, SpecialDay
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import School, Undo

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)  # NOW lies on the Monday
CLOCKS = [f"{hour:02}:{minute}" for hour in range(9, 12) for minute in ("00", "30")]
STARTS = [wall(day.isoformat(), clock) for day in (MONDAY, TUESDAY) for clock in CLOCKS]
MODES: tuple[Mode, ...] = (Mode.VIDEO, Mode.ONSITE)

Chosen = tuple[int, datetime, Mode]  # number of the teacher, start, mode

days = st.sampled_from([MONDAY, TUESDAY])
teachers = st.integers(0, 1)
half_hours = st.sampled_from([0, 0, 0, 1, 2, 3, 4, 7])  # since 9:00
lengths = st.integers(1, 8)
hours = st.tuples(half_hours, lengths)
modes = st.sampled_from(["video", "onsite", "both"])
rules = st.tuples(teachers, days, hours, modes, st.integers(0, 1))
closed = st.tuples(st.none() | teachers, days, st.none() | hours)
opened = st.tuples(teachers, days, hours, modes, st.integers(0, 1))
busy = st.tuples(teachers, days, hours)
taken = st.tuples(st.sampled_from([0, 0, 1, 2]), teachers, st.sampled_from(STARTS), st.sampled_from(MODES))


@dataclass
class Scene:
    """A school with its rules; learner 0 looks for an hour, or waits for one."""

    session: Session
    teachers: list[Person]
    learners: list[Person]
    actor: Person
    now: datetime

    @property
    def service(self) -> Organisation:
        return factories.organisation(self.session)

    def book(self, chosen: Chosen, learner: int = 0, *, keep: bool = False) -> str | None:
        """The refusal, if any. Unless it is kept, nothing of the booking stays."""
        number, starts, mode = chosen
        with suppress(Undo):
            try:
                with self.session.begin_nested():
                    appointments.book(
                        self.session, self.actor, self.learners[learner], self.teachers[number].id, starts,
                        mode, now=self.now, zone=BRUSSELS,
                    )  # fmt: skip
                    if not keep:
                        raise Undo
            except Refused as refusal:
                return refusal.code
        return None

    def picked(self) -> set[Chosen]:
        terms = SearchTerms(self.learners[0].id, BRUSSELS, self.actor.id)
        page = picker.load_picker_page(self.session, self.service, terms, None, now=self.now)
        numbers = {person.id: number for number, person in enumerate(self.teachers)}
        return {(numbers[one.teacher_id], one.starts, mode) for one in page.hours for mode in one.modes}

    def in_conflict(self) -> tuple[set[Chosen], set[Chosen]]:
        """The hours that an appointment cannot keep, in whatever room: rows beside all rules and claims.

        And those that it could not keep when it is moved to the same hour, or is an offer that is accepted.
        """
        rooms = [factories.room(self.session, name).id for name in ("Salle 1", "Salle 2")]
        rows = {}
        with suppress(Undo), self.session.begin_nested():
            for number, teacher in enumerate(self.teachers):
                for starts in STARTS:
                    for mode in MODES:
                        for room_id in [None] if mode == Mode.VIDEO else rooms:
                            booking = allocation.new_booking(
                                self.learners[3].id,
                                teacher.id,
                                self.actor.id,
                                BookingState.BOOKED,
                                now=self.now,
                            )
                            slot = Slot(teacher.id, starts, starts + HOUR, mode, room_id)
                            allocation.set_slot(booking, slot, self.service, zone=BRUSSELS)
                            self.session.add(booking)
                            rows[booking] = (number, starts, mode)
            self.session.flush()
            stored_conflicts.store_conflicts(self.session, now=self.now, zone=BRUSSELS)
            bad = {one.id for one in conflicts.upcoming_conflicts(self.session, None, now=self.now)}
            kept = {chosen for booking, chosen in rows.items() if booking.id not in bad}
            movable = {chosen for booking, chosen in rows.items() if self._can_stay(booking)}
            raise Undo
        return set(rows.values()) - kept, set(rows.values()) - movable

    def _can_stay(self, booking: Booking) -> bool:
        """Whether the hour of the appointment is one of the teacher, taken or not."""
        try:
            allocation.find_slot(
                self.session, self.service, booking.learner_id, booking.teacher_id, booking.starts,
                booking.mode, moving=booking, shown_at=self.now, zone=BRUSSELS,
            )  # fmt: skip
        except Refused as refusal:
            return refusal.code != "slot_gone"
        return True

    def offered_in_turn(self) -> set[tuple[int, datetime]]:
        """Every hour that is offered to learner 0, who says no each time."""
        learner = self.learners[0]
        found: set[tuple[int, datetime]] = set()
        waitlist.join_waitlist(self.session, learner, learner, None, 7, None, now=self.now)
        while True:
            waitlist.offer_new_hours(self.session, now=self.now, zone=BRUSSELS)
            offers = waitlist.open_offers(self.session, learner, now=self.now)
            if not offers:
                return found
            for offer in offers:
                number = [person.id for person in self.teachers].index(offer.teacher_id)
                assert (number, offer.starts) not in found, "nobody is asked twice"
                found.add((number, offer.starts))
                waitlist.decline_offer(self.session, learner, offer, now=self.now, zone=BRUSSELS)


def _walls(span: tuple[int, int]) -> tuple[time, time]:
    first, length = span
    begin, end = (9 * 60 + 30 * steps for steps in (first, first + length))
    return time(begin // 60, begin % 60), time(end // 60, end % 60)


@st.composite
def scenes(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "rules": draw(st.lists(rules, min_size=3, max_size=6)),
        "closed": draw(st.lists(closed, max_size=1)),
        "opened": draw(st.lists(opened, max_size=3)),
        "busy": draw(st.lists(busy, max_size=2)),
        "taken": draw(st.lists(taken, min_size=2, max_size=8)),
        "caps": draw(st.sampled_from([(1, 3), (3, 1), (3, 1), (2, 2)])),  # a week, ahead
        "lead": draw(st.sampled_from([0, 0, 2, 24])),
        "by_teacher": draw(st.booleans()),
        "now": draw(st.sampled_from([NOW, STARTS[0], STARTS[4], STARTS[4] + timedelta(seconds=1)])),
    }


# The learner has the one appointment that the cap allows, and hours are free on both days.
FULL: dict[str, Any] = {
    "rules": [(0, day, (0, 8), "video", 0) for day in (MONDAY, TUESDAY)],
    "closed": [],
    "opened": [],
    "busy": [],
    "taken": [(0, 0, wall("2026-11-24", "09:00"), "video")],
    "caps": (3, 1),
    "lead": 0,
    "by_teacher": False,
    "now": NOW,
}


def _build(session: Session, wanted: dict[str, Any]) -> Scene:
    service = factories.organisation(session)
    teachers = [factories.nadia(session), factories.luc(session)]
    learners = [factories.learner(session, f"Learner {n}") for n in range(4)]
    rooms = [factories.room(session, name).id for name in ("Salle 1", "Salle 2")]
    claire = factories.claire(session)
    for number, day, span, mode, room in wanted["rules"]:
        start, end = _walls(span)
        session.add(
            Availability(
                teacher_id=teachers[number].id, weekday=day.weekday(), start_wall=start, end_wall=end,
                valid_from=MONDAY, valid_until=TUESDAY, mode=mode,
                room_id=None if mode == Mode.VIDEO else rooms[room],
            )
        )  # fmt: skip
    special: dict[str, Any] = {"created_by_id": claire.id, "created_at": NOW}
    for number, day, hours_closed in wanted["closed"]:
        start, end = _walls(hours_closed) if hours_closed else (None, None)  # type: ignore[assignment]
        session.add(
            SpecialDay(
                teacher_id=None if number is None else teachers[number].id, kind="closed", date_from=day,
                date_until=day, start_wall=start, end_wall=end, **special,
            )
        )  # fmt: skip
    for number, day, span, mode, room in wanted["opened"]:
        start, end = _walls(span)
        session.add(
            SpecialDay(
                teacher_id=teachers[number].id, kind="open", date_from=day, date_until=day, start_wall=start,
                end_wall=end, mode=mode, room_id=None if mode == Mode.VIDEO else rooms[room], **special,
            )
        )  # fmt: skip
    session.flush()
    service.weekly_cap = service.open_cap = 9
    service.lead_hours = 0
    early = Scene(session, teachers, learners, claire, NOW - timedelta(days=2))
    for learner, *chosen in wanted["taken"]:
        early.book((chosen[0], chosen[1], chosen[2]), learner, keep=True)
    for number, teacher in enumerate(teachers):
        spans = [(day, _walls(span)) for who, day, span in wanted["busy"] if who == number]
        events = [
            external.Event(str(n), wall(str(day), f"{start:%H:%M}"), wall(str(day), f"{end:%H:%M}"))
            for n, (day, (start, end)) in enumerate(spans)
        ]
        calendar = external.add_calendar(session, teacher, f"https://{number}.example.be/x", now=NOW)
        external.store_events(session, calendar.id, events, "", now=NOW, zone=BRUSSELS)
    service.weekly_cap, service.open_cap = wanted["caps"]
    service.lead_hours = wanted["lead"]
    session.flush()
    actor = teachers[0] if wanted["by_teacher"] else learners[0]
    return Scene(session, teachers, learners, actor, wanted["now"])


# Not made smaller: a school takes a good part of a second, and shrinking one took minutes.
@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(scenes())
@example(FULL)
def test_every_hour_is_the_same_for_picker_booking_conflicts_and_waitlist(
    school: School, wanted: dict[str, Any]
) -> None:
    def live(session: Session) -> None:
        scene = _build(session, wanted)
        every = [(n, starts, mode) for n in range(2) for starts in STARTS for mode in MODES]
        refusals = {chosen: scene.book(chosen) for chosen in every}
        bookable = {chosen for chosen, code in refusals.items() if code is None}
        # Rules may begin as late as 14:00; the hours that are compared begin before noon.
        picked = {chosen for chosen in scene.picked() if chosen[1] in STARTS}
        assert picked == bookable
        gone = {chosen for chosen, code in refusals.items() if code == "slot_gone"}
        in_conflict, immovable = scene.in_conflict()
        ahead_of_now = {chosen for chosen in every if chosen[1] > scene.now}
        assert in_conflict == immovable & ahead_of_now
        decided = {chosen for chosen, code in refusals.items() if code not in ("too_soon", "too_far")}
        # Within the open time an appointment is no conflict, also where no slot begins.
        assert in_conflict & decided <= gone
        ahead = scene.now + NEAREST_OFFER
        scene.service.lead_hours = 0  # an offer has no lead time
        expected = {chosen[:2] for chosen in scene.picked() if chosen[1] >= ahead}
        assert scene.offered_in_turn() == expected

    school.write_and_undo(live)
