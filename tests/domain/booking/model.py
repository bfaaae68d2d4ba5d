"""The simple model of the school: intervals and a line of people, nothing of claims, cells or statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lms.domain.booking import occupancy
from lms.domain.errors import Refused
from lms.models import Booking, BookingState, Mode, Person, WaitlistEntry
from tests.factories import BRUSSELS, NOW, wall

HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
DAYS = ("2026-11-24", "2026-11-25")
# Whole and half hours, so that a move can overlap its own old hour.
STARTS = [wall(day, clock) for day in DAYS for clock in ("09:00", "09:30", "10:00", "11:00")]
WEEKLY_CAP, OPEN_CAP = 3, 4


@dataclass
class Meeting:
    """An hour that is agreed, or offered to somebody."""

    learner: int
    teacher: int
    starts: datetime
    mode: Mode
    offered: bool = False

    @property
    def ends(self) -> datetime:
        return self.starts + HOUR

    @property
    def week(self) -> int:
        return self.starts.astimezone(BRUSSELS).isocalendar().week

    @property
    def blocked_until(self) -> datetime:
        return self.ends + (QUARTER if self.mode == Mode.ONSITE else timedelta(0))

    def collides(self, other: Meeting) -> bool:
        """One learner, one teacher, one room: each at one place at a time."""
        shared_hosts = self.teacher == other.teacher or self.mode == other.mode == Mode.ONSITE
        hosts_meet = self.starts < other.blocked_until and other.starts < self.blocked_until
        learner_meets = self.starts < other.ends and other.starts < self.ends
        return (shared_hosts and hosts_meet) or (self.learner == other.learner and learner_meets)


@dataclass
class Model:
    """What is agreed, offered and closed, and who waits, beside the real school in its transaction."""

    session: Session
    learners: list[Person]
    teachers: list[Person]
    now: datetime = NOW
    meetings: dict[str, Meeting] = field(default_factory=dict)
    kept: dict[str, Meeting] = field(default_factory=dict)  # cancelled, and kept for the learner
    silences: dict[str, int] = field(default_factory=dict)  # of a waitlist entry
    closed: set[tuple[int, str]] = field(default_factory=set)
    left: set[int] = field(default_factory=set)  # teachers who do not teach any more
    room_is_open: bool = True
    weekly_cap: int = WEEKLY_CAP
    open_cap: int = OPEN_CAP
    declined: set[tuple[str, int, datetime]] = field(default_factory=set)

    def free(self, wanted: Meeting, *, but: tuple[str, ...] = ()) -> bool:
        others = [meeting for id_, meeting in (self.meetings | self.kept).items() if id_ not in but]
        return self.open(wanted) and not any(wanted.collides(other) for other in others)

    def open(self, wanted: Meeting) -> bool:
        day = wanted.starts.astimezone(BRUSSELS).date().isoformat()
        is_closed = (wanted.teacher, day) in self.closed or wanted.teacher in self.left
        has_room = wanted.mode == Mode.VIDEO or self.room_is_open
        return wanted.starts > self.now and not is_closed and has_room

    def below_caps(self, learner: int, *, but: tuple[str, ...] = ()) -> bool:
        # Both days lie in one week; a meeting that is over still counts for it. Offers may lie later.
        mine = [
            meeting for id_, meeting in self.meetings.items() if meeting.learner == learner and id_ not in but
        ]
        ahead = [meeting for meeting in mine if meeting.ends > self.now]
        this_week = [meeting for meeting in mine if meeting.week == STARTS[0].isocalendar().week]
        return len(this_week) < self.weekly_cap and len(ahead) < self.open_cap

    def check(
        self,
        operation: Callable[[], object],
        expected: bool,
        *,
        left: Meeting | None = None,
        freed: Callable[[Meeting], bool] | None = None,
    ) -> bool:
        """The deed succeeds exactly when the model says so; refused, it leaves nothing behind."""
        line = self.line()
        done = True
        try:
            with self.session.begin_nested():
                operation()
        except Refused:
            done = False
        assert done == expected
        before = dict(self.meetings)
        self.search_again()
        new = {id_: m for id_, m in self.meetings.items() if id_ not in before and m.offered}
        if done and left is not None:
            self.fair(
                line,
                new,
                lambda m: m.collides(Meeting(-1, left.teacher, left.starts, left.mode)),
                left.learner,
            )
        if done and freed is not None:
            self.fair(line, new, freed, None)
        return done

    def search_again(self) -> None:
        """The model takes over what is agreed and offered now, and proves that nobody is in two places."""
        number = {person.id: n for n, person in enumerate([*self.teachers, *self.learners])}
        self.session.expire_all()
        rows = self.session.scalars(select(Booking).where(Booking.state.in_(("booked", "offered")))).all()
        self.meetings = {
            row.id: Meeting(
                number[row.learner_id] - len(self.teachers),
                number[row.teacher_id],
                row.starts,
                row.mode,
                row.state == BookingState.OFFERED,
            )
            for row in rows
        }
        held = set(self.session.scalars(select(Booking.id).where(Booking.kept_until.is_not(None))))
        self.kept = {id_: meeting for id_, meeting in self.kept.items() if id_ in held}
        assert occupancy.find_mismatches(self.session) == []
        meetings = [*self.meetings.values(), *self.kept.values()]
        for place, meeting in enumerate(meetings):
            assert not any(meeting.collides(other) for other in meetings[:place])
        for learner in range(len(self.learners)):
            mine = [meeting for meeting in self.meetings.values() if meeting.learner == learner]
            offered = [meeting for meeting in mine if meeting.offered]
            assert len(offered) <= 1
            # A lower cap leaves what is agreed, and takes back what is only offered.
            for week in {meeting.week for meeting in mine}:
                agreed = [meeting for meeting in mine if meeting.week == week]
                has_offer = any(meeting.offered for meeting in agreed)
                assert len(agreed) <= (self.weekly_cap if has_offer else WEEKLY_CAP)
            assert all(self.open(meeting) for meeting in offered if meeting.starts > self.now)

    def line(self) -> list[WaitlistEntry]:
        """Who waits and has nothing offered, in order."""
        rows = self.session.scalars(select(WaitlistEntry).where(WaitlistEntry.ended_at.is_(None))).all()
        offered = {m.learner for m in self.meetings.values() if m.offered}
        waiting = [row for row in rows if self.number(row) not in offered]
        return sorted(waiting, key=lambda row: (not row.first_choice, row.created_at, row.id))

    def would_take(self, entry: WaitlistEntry, meeting: Meeting) -> bool:
        part = 1 if meeting.starts.astimezone(BRUSSELS).hour < 12 else 2
        return (
            entry.teacher_id in (None, self.teachers[meeting.teacher].id)
            and entry.mode in (None, meeting.mode)
            and bool(entry.parts & part)
            and (entry.id, meeting.teacher, meeting.starts) not in self.declined
        )

    def fair(
        self,
        line: list[WaitlistEntry],
        new: dict[str, Meeting],
        freed: Callable[[Meeting], bool],
        giver: int | None,
    ) -> None:
        """Nobody is passed over, and no freed hour stays free while somebody waits who would take it."""
        served = {meeting.learner for meeting in new.values()}
        for place, entry in enumerate(line):
            learner = self.number(entry)
            if entry.ended_at is not None or learner in served or learner == giver:
                continue
            if not self.below_caps(learner):
                continue
            for hour in self.hours_for(learner):
                if freed(hour) and self.would_take(entry, hour):
                    assert not self.free(hour), "a freed hour is left although she waits for it"
                    self.asked_before(line[:place], hour, new)

    def hours_for(self, learner: int) -> list[Meeting]:
        modes: tuple[Mode, ...] = tuple(Mode)
        return [
            Meeting(learner, teacher, starts, mode)
            for teacher in range(len(self.teachers))
            for starts in STARTS
            for mode in modes
            if starts >= self.now + 3 * HOUR
        ]

    def asked_before(self, ahead: list[WaitlistEntry], hour: Meeting, new: dict[str, Meeting]) -> None:
        """Who got the hour that she would have taken stands before her, or she was busy."""
        for id_, offer in new.items():
            if (offer.teacher, offer.starts, offer.mode) == (hour.teacher, hour.starts, hour.mode):
                busy = not self.free(hour, but=(id_,))
                assert busy or offer.learner in {self.number(entry) for entry in ahead}

    def number(self, entry: WaitlistEntry) -> int:
        return [person.id for person in self.learners].index(entry.learner_id)

    def booking(self, id_: str) -> Booking:
        return self.session.get_one(Booking, id_, options=[joinedload(Booking.room)], populate_existing=True)

    def pick(self, number: int, *, offered: bool) -> str | None:
        ids = sorted(id_ for id_, meeting in self.meetings.items() if meeting.offered == offered)
        return ids[number % len(ids)] if ids else None
