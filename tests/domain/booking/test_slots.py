from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms.domain.booking.availability_search import free_slots
from lms.domain.booking.occupancy import Occupancy
from lms.domain.booking.slots import (
    HOUR,
    Notice,
    Rule,
    Slot,
    Special,
    belgian_holidays,
    blocked_until,
    cells,
    instants,
    offered_slots,
    open_slots_at,
)
from lms.models import DayKind, Mode, RuleMode

BRUSSELS = ZoneInfo("Europe/Brussels")
MONDAY = date(2026, 11, 23)
NO_HOLIDAYS: frozenset[date] = frozenset()
QUARTER = timedelta(minutes=15)


def rule(
    teacher: str = "nadia", weekday: int = 0, start: str = "09:00", end: str = "12:00", **more: Any
) -> Rule:
    given = {"valid_from": date(2026, 1, 1), "valid_until": None, "mode": "video", "room_id": None} | more
    return Rule(teacher, weekday, time.fromisoformat(start), time.fromisoformat(end), **given)


def every_day(start: str = "09:00", end: str = "12:00", **more: Any) -> list[Rule]:
    return [rule(weekday=weekday, start=start, end=end, **more) for weekday in range(7)]


def special(
    kind: Any, start: str | None = None, end: str | None = None, teacher: str | None = None, **more: Any
) -> Special:
    dates = {"date_from": MONDAY, "date_until": MONDAY} | more
    hours = [None if text is None else time.fromisoformat(text) for text in (start, end)]
    return Special(teacher, start_wall=hours[0], end_wall=hours[1], kind=kind, **dates)


def wall(slot: Slot) -> str:
    return slot.starts.astimezone(BRUSSELS).strftime("%H:%M")


def on_monday(
    rules: list[Rule], specials: list[Special] | None = None, holidays: Any = NO_HOLIDAYS
) -> list[Slot]:
    return offered_slots(rules, specials or [], holidays, MONDAY, MONDAY, BRUSSELS, QUARTER)


def hours(
    rules: list[Rule], specials: list[Special] | None = None, day: date = MONDAY, holidays: Any = NO_HOLIDAYS
) -> list[str]:
    return [
        wall(slot) for slot in offered_slots(rules, specials or [], holidays, day, day, BRUSSELS, QUARTER)
    ]


def test_a_rule_gives_an_hour_after_each_hour_from_its_start() -> None:
    assert hours([rule(start="09:15", end="12:30")]) == ["09:15", "10:15", "11:15"]


@pytest.mark.parametrize("mode", ["onsite", "both"])
def test_hours_on_site_follow_each_other_with_the_pause_between_them(mode: str) -> None:
    on_site = rule(end="12:30", mode=mode, room_id="salle")
    assert sorted(set(hours([on_site]))) == ["09:00", "10:15", "11:30"]
    assert sorted(set(hours([replace(on_site, end_wall=time(12, 15))]))) == ["09:00", "10:15"]
    found = [slot for slot in on_monday([on_site]) if slot.mode == Mode.ONSITE]
    taken = claimed("nadia", found[0]) | claimed("salle", found[0]) | claimed("nadia", found[2])
    assert available(found, taken) == [found[1]], "no hour is lost to the one before or after it"


def test_a_rule_shorter_than_an_hour_gives_none() -> None:
    assert hours([rule(start="09:00", end="09:45")]) == []


def test_a_rule_holds_on_its_weekday_and_between_its_dates_both_included() -> None:
    until = rule(valid_from=MONDAY, valid_until=MONDAY + timedelta(days=7))
    found = offered_slots([until], [], NO_HOLIDAYS, date(2026, 11, 1), date(2027, 1, 1), BRUSSELS, QUARTER)
    assert sorted({slot.starts.date() for slot in found}) == [MONDAY, MONDAY + timedelta(days=7)]


def test_the_same_wall_hour_is_kept_in_winter_and_in_summer() -> None:
    saturday, sunday = date(2027, 3, 27), date(2027, 3, 28)
    found = offered_slots(every_day("09:00", "10:00"), [], NO_HOLIDAYS, saturday, sunday, BRUSSELS, QUARTER)
    assert [slot.starts.hour for slot in found] == [8, 7]
    assert [wall(slot) for slot in found] == ["09:00", "09:00"]


def test_nothing_is_offered_on_a_holiday() -> None:
    assert hours(every_day(), holidays={MONDAY}) == []


def test_belgian_holidays_have_names_in_the_language_of_the_page() -> None:
    assert belgian_holidays([2027])[date(2027, 7, 21)] == "Fête nationale"
    assert belgian_holidays([2027], "en")[date(2027, 7, 21)] == "National Day"
    assert belgian_holidays([2027], "ar") == belgian_holidays([2027], "fr")
    assert {day.year for day in belgian_holidays([2026, 2027])} == {2026, 2027}


def test_a_holiday_opened_for_the_service_runs_as_usual() -> None:
    assert hours(every_day(), [special("open")], holidays={MONDAY}) == ["09:00", "10:00", "11:00"]


def test_a_holiday_opened_for_some_hours_offers_only_these() -> None:
    assert hours(every_day(), [special("open", "10:00", "12:00")], holidays={MONDAY}) == ["10:00", "11:00"]


def test_a_holiday_opened_by_one_teacher_stays_closed_for_the_other() -> None:
    opened = special("open", "14:00", "16:00", teacher="luc", mode="video")
    found = on_monday([rule("nadia"), rule("luc")], [opened], {MONDAY})
    assert [(slot.teacher_id, wall(slot)) for slot in found] == [("luc", "14:00"), ("luc", "15:00")]


def test_an_extra_opening_adds_hours_on_a_day_without_rule() -> None:
    opened = special("open", "17:30", "19:30", teacher="nadia", mode="video")
    assert hours([], [opened]) == ["17:30", "18:30"]


def test_an_extra_opening_takes_no_ordinary_hour_away() -> None:
    for end, added in (("10:30", []), ("12:30", []), ("13:30", ["12:30"])):
        opened = special("open", "09:30", end, teacher="nadia", mode="video")
        assert hours([rule()], [opened]) == ["09:00", "10:00", "11:00", *added]


@pytest.mark.parametrize(
    ("start", "end", "mode", "added"),
    [
        ("12:00", "13:00", "onsite", ["12:00"]),
        ("08:00", "09:00", "onsite", []),  # its pause would take 9:00
        ("07:45", "08:45", "onsite", ["07:45"]),
        ("08:00", "09:00", "both", ["08:00"]),  # by video
        ("11:00", "12:00", "onsite", ["11:00"]),
        ("10:00", "11:00", "onsite", []),  # its pause would take 11:00
    ],
)
def test_an_extra_opening_on_site_leaves_the_ordinary_hours_their_time(
    start: str, end: str, mode: str, added: list[str]
) -> None:
    opened = special("open", start, end, teacher="nadia", mode=mode, room_id="salle")
    usual = on_monday([rule()])
    found = on_monday([rule()], [opened])
    assert set(usual) <= set(found)
    assert [wall(slot) for slot in found if slot not in usual] == added


def test_an_extra_opening_waits_for_the_pause_of_an_ordinary_hour_on_site() -> None:
    on_site = rule(end="10:00", mode="onsite", room_id="salle")
    for start, end, added in (("10:00", "11:00", []), ("10:15", "11:15", ["10:15"])):
        opened = special("open", start, end, teacher="nadia", mode="video")
        assert hours([on_site], [opened]) == ["09:00", *added]


@pytest.mark.parametrize(
    ("clock", "mode", "is_open"),
    [
        ("09:30", Mode.VIDEO, True),  # between two slots of the rule
        ("11:00", Mode.VIDEO, True),
        ("11:15", Mode.VIDEO, False),  # ends after the rule
        ("09:30", Mode.ONSITE, False),
        ("14:20", Mode.ONSITE, True),  # in the extra opening
        ("14:20", Mode.VIDEO, False),
        ("16:00", Mode.VIDEO, False),  # another teacher
    ],
)
def test_the_open_time_holds_every_hour_that_lies_within_it(clock: str, mode: Mode, is_open: bool) -> None:
    opened = special("open", "14:00", "16:00", teacher="nadia", mode="onsite", room_id="salle")
    rules = [rule(), rule("luc", start="16:00", end="17:00")]
    starts = datetime.combine(MONDAY, time.fromisoformat(clock), BRUSSELS).astimezone(UTC)

    def modes_of(*more: Special, holidays: Any = NO_HOLIDAYS) -> list[Mode]:
        found = open_slots_at(starts, "nadia", rules, [opened, *more], holidays, BRUSSELS)
        assert {(slot.teacher_id, slot.starts) for slot in found} <= {("nadia", starts)}
        return [slot.mode for slot in found]

    assert (mode in modes_of()) is is_open
    assert modes_of(special("closed", "09:00", "17:00")) == []
    assert Mode.VIDEO not in modes_of(holidays={MONDAY})
    assert (mode in modes_of(special("open"), holidays={MONDAY})) is is_open


def test_an_hour_at_the_end_of_the_day_lies_within_the_open_time() -> None:
    late = [rule(start="22:15", end="00:00")]
    for clock, number in (("22:45", 1), ("23:00", 1), ("23:15", 0)):
        starts = datetime.combine(MONDAY, time.fromisoformat(clock), BRUSSELS).astimezone(UTC)
        assert len(open_slots_at(starts, "nadia", late, [], NO_HOLIDAYS, BRUSSELS)) == number


def test_an_extra_opening_at_the_same_hour_adds_its_mode() -> None:
    opened = special("open", "10:00", "11:00", teacher="nadia", mode="onsite", room_id="salle")
    found = on_monday([rule(end="11:00")], [opened])
    ways = [(wall(slot), slot.mode) for slot in found]
    assert ways == [("09:00", Mode.VIDEO), ("10:00", Mode.VIDEO), ("10:00", Mode.ONSITE)]


def test_an_extra_opening_may_use_an_hour_that_the_rules_do_not_offer_that_day() -> None:
    opened = special("open", "09:30", "11:30", teacher="nadia", mode="video")
    assert hours([rule()], [opened], holidays={MONDAY}) == ["09:30", "10:30"]
    closed = special("closed", "09:00", "09:30")
    assert hours([rule(end="10:00")], [opened, closed]) == ["09:30", "10:30"]


def test_an_opening_too_short_for_an_hour_takes_no_hour_away() -> None:
    opened = special("open", "10:30", "11:00", teacher="nadia", mode="video")
    assert hours([rule()], [opened]) == ["09:00", "10:00", "11:00"]


@pytest.mark.parametrize("closer", [None, "nadia"])
@pytest.mark.parametrize("opener", [None, "nadia"])
def test_closed_of_any_scope_wins_over_open_of_any_scope(opener: str | None, closer: str | None) -> None:
    both = [
        special("open", "08:00", "13:00", teacher=opener, mode="video"),
        special("closed", teacher=closer),
    ]
    assert hours([rule()], both) == []
    assert hours([rule()], both[::-1]) == []


def test_a_closure_of_some_hours_takes_the_hours_it_touches_and_no_other() -> None:
    closed = special("closed", "10:45", "12:00")
    assert hours([rule(end="14:00")], [closed]) == ["09:00", "12:00", "13:00"]


def test_a_closure_with_backward_hours_closes_the_day_rather_than_nothing() -> None:
    assert hours([rule()], [special("closed", "18:00", "08:00")]) == []


def test_a_leave_of_one_teacher_leaves_the_other_her_hours() -> None:
    away = special("closed", teacher="luc", date_from=MONDAY - timedelta(days=3), date_until=MONDAY)
    found = on_monday([rule("nadia"), rule("luc")], [away])
    assert {slot.teacher_id for slot in found} == {"nadia"}


def test_a_closed_room_leaves_the_video_hours_of_that_day() -> None:
    both = rule(mode="both", room_id="salle")
    found = on_monday([both], [special("closed", room_id="salle")])
    assert [slot.mode for slot in found] == [Mode.VIDEO] * 2


def test_overlapping_rules_of_one_teacher_give_an_hour_once() -> None:
    assert hours([rule(), rule(start="10:00", end="13:00")]) == ["09:00", "10:00", "11:00", "12:00"]


def test_both_is_one_slot_by_video_and_one_on_site() -> None:
    found = on_monday([rule(end="10:00", mode="both", room_id="salle")], [])
    assert [(slot.mode, slot.room_id) for slot in found] == [(Mode.VIDEO, None), (Mode.ONSITE, "salle")]


def test_no_hour_on_site_is_offered_without_a_room() -> None:
    found = on_monday([rule(mode="both"), rule(start="14:00", end="15:00", mode="onsite")], [])
    assert {slot.mode for slot in found} == {Mode.VIDEO}


# -- what is free --------------------------------------------------------------------------------

NINE = datetime(2026, 11, 23, 8, tzinfo=UTC)


def at(hour: int, mode: Any = "video", teacher: str = "nadia", room: str | None = None) -> Slot:
    starts = NINE + timedelta(hours=hour - 9)
    return Slot(teacher, starts, starts + HOUR, mode, room)


def available(offered: list[Slot], taken: set[tuple[str, int]], **more: Any) -> list[Slot]:
    notice = Notice(more.pop("lead", timedelta(hours=12)), more.pop("horizon", timedelta(days=60)))
    now = more.pop("now", NINE - timedelta(days=1))
    occupied = Occupancy({}, set(), QUARTER)
    occupied.add(taken)
    return free_slots(offered, occupied, notice, now=now, **more)


def claimed(who: str, slot: Slot, buffer: timedelta = QUARTER) -> set[tuple[str, int]]:
    return {(who, cell) for cell in cells(slot.starts, blocked_until(slot, buffer))}


def test_hours_that_only_touch_do_not_collide() -> None:
    day = [at(9), at(10), at(11)]
    assert available(day, claimed("nadia", at(10))) == [at(9), at(11)]


def test_a_booking_half_an_hour_later_takes_both_hours_it_lies_in() -> None:
    later = Slot("nadia", NINE + HOUR / 2, NINE + HOUR / 2 + HOUR, Mode.VIDEO, None)
    assert available([at(9), at(10), at(11)], claimed("nadia", later)) == [at(11)]


def test_after_a_session_on_site_teacher_and_room_rest_a_quarter_of_an_hour() -> None:
    session = at(9, "onsite", room="salle")
    taken = claimed("nadia", session) | claimed("salle", session)
    offered = [at(10), at(10, "onsite", "luc", "salle"), at(10, "video", "luc"), at(11)]
    assert available(offered, taken) == [at(10, "video", "luc"), at(11)]


def test_a_session_on_site_needs_its_rest_before_the_next_booking() -> None:
    both = [at(9), at(9, "onsite", room="salle")]
    assert available(both, claimed("nadia", at(10))) == [at(9)]


def test_a_taken_room_leaves_the_hour_by_video() -> None:
    both = [at(9), at(9, "onsite", room="salle")]
    assert available(both, claimed("salle", at(9))) == [at(9)]


def test_where_two_desks_are_possible_the_free_one_is_offered_once() -> None:
    desks = [at(9, "onsite", room="a"), at(9, "onsite", room="b")]
    assert available(desks, set()) == desks[:1]
    assert available(desks, claimed("a", at(9))) == desks[1:]


def test_an_hour_at_which_the_learner_is_elsewhere_is_not_offered_to_her() -> None:
    taken = claimed("samira", at(9))
    assert available([at(9), at(10)], taken, learner_id="samira") == [at(10)]
    assert available([at(9), at(10)], taken, learner_id="oksana") == [at(9), at(10)]


def test_lead_time_and_horizon_are_included_to_the_second() -> None:
    second = timedelta(seconds=1)
    lead = {"now": NINE - timedelta(hours=12)}
    assert available([at(9)], set(), **lead) == [at(9)]
    assert available([at(9)], set(), now=lead["now"] + second) == []
    far = {"now": NINE - timedelta(days=60)}
    assert available([at(9)], set(), **far) == [at(9)]
    assert available([at(9)], set(), now=far["now"] - second) == []


def test_an_hour_that_begins_this_very_second_has_begun() -> None:
    now = {"lead": timedelta(0), "now": NINE}
    assert available([at(9), at(10)], set(), **now) == [at(10)]
    assert available([at(9)], set(), lead=timedelta(0), now=NINE - timedelta(seconds=1)) == [at(9)]


# -- whatever the rules are ----------------------------------------------------------------------

quarters = st.integers(0, 95).map(lambda number: time(number // 4, number % 4 * 15))
dates = st.dates(date(2026, 1, 1), date(2035, 12, 25))
modes: st.SearchStrategy[RuleMode] = st.sampled_from(["video", RuleMode.ONSITE, "both"])
rooms = st.sampled_from([None, "salle", "bureau"])
teachers = st.sampled_from(["nadia", "luc"])
any_rules = st.builds(
    Rule, teachers, st.integers(0, 6), quarters, quarters, dates, st.none() | dates, modes, rooms
)


@st.composite
def any_specials(draw: st.DrawFn) -> Special:
    first = draw(dates)
    walls = draw(st.none() | quarters), draw(st.none() | quarters)
    return Special(
        draw(st.none() | teachers), first, first + timedelta(days=draw(st.integers(0, 5))), *walls,
        draw(st.sampled_from(DayKind)), draw(modes), draw(rooms),
    )  # fmt: skip


@given(st.lists(any_rules, max_size=8), st.lists(any_specials(), max_size=5), dates, st.randoms())
def test_whatever_the_rules_every_slot_is_an_honest_hour(
    rules: list[Rule], specials: list[Special], first: date, chance: Any
) -> None:
    last = first + timedelta(days=6)
    found = offered_slots(rules, specials, NO_HOLIDAYS, first, last, BRUSSELS, QUARTER)
    assert len(set(found)) == len(found)
    for slot in found:
        starts, ends = slot.starts.astimezone(BRUSSELS), slot.ends.astimezone(BRUSSELS)
        assert first <= starts.date() <= last
        assert slot.ends - slot.starts == HOUR
        assert ends.replace(tzinfo=None) - starts.replace(tzinfo=None) == HOUR
        assert slot.starts.timestamp() % 900 == 0
        assert (slot.mode == Mode.ONSITE) == (slot.room_id is not None)
    chance.shuffle(rules)
    chance.shuffle(specials)
    assert offered_slots(rules, specials, NO_HOLIDAYS, first, last, BRUSSELS, QUARTER) == found
    offered = available(found, set(), now=datetime(2025, 1, 1, tzinfo=UTC), horizon=timedelta(9999))
    assert len({(slot.teacher_id, slot.starts, slot.mode) for slot in offered}) == len(offered)


@given(st.lists(any_rules, max_size=8), st.lists(any_specials(), max_size=5), dates)
def test_whatever_the_rules_extra_hours_only_add(
    rules: list[Rule], specials: list[Special], first: date
) -> None:
    last = first + timedelta(days=6)
    without = [one for one in specials if one.kind == DayKind.CLOSED]
    before = offered_slots(rules, without, NO_HOLIDAYS, first, last, BRUSSELS, QUARTER)
    after = offered_slots(rules, specials, NO_HOLIDAYS, first, last, BRUSSELS, QUARTER)
    assert set(before) <= set(after)
    for extra in set(after) - set(before):
        for slot in before:
            same = slot.teacher_id != extra.teacher_id or slot.starts == extra.starts
            before_it = blocked_until(slot, QUARTER) <= extra.starts
            assert same or before_it or blocked_until(extra, QUARTER) <= slot.starts


@given(st.lists(any_rules, max_size=8), st.lists(any_specials(), max_size=5), dates)
def test_whatever_the_rules_nothing_is_offered_inside_a_closure(
    rules: list[Rule], specials: list[Special], first: date
) -> None:
    closures = [one for one in specials if one.kind == DayKind.CLOSED and one.room_id is None]
    for slot in offered_slots(
        rules, specials, NO_HOLIDAYS, first, first + timedelta(days=6), BRUSSELS, QUARTER
    ):
        starts = slot.starts.astimezone(BRUSSELS)
        for one in closures:
            if one.teacher_id in (None, slot.teacher_id) and one.date_from <= starts.date() <= one.date_until:
                assert one.start_wall is not None or one.end_wall is not None
                begin = one.start_wall or time()
                assert not begin <= starts.time() or (one.end_wall or time.max) <= starts.time()


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-11-23", 24), ("2026-10-25", 25), ("2027-03-28", 23)],
    ids=["any", "autumn", "spring"],
)
def test_a_day_lasts_from_midnight_to_midnight_on_the_wall(day: str, hours: int) -> None:
    begin, end = instants(date.fromisoformat(day), date.fromisoformat(day), BRUSSELS)
    assert end - begin == hours * HOUR
    assert begin.astimezone(BRUSSELS).isoformat()[:16] == f"{day}T00:00"
