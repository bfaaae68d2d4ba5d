"""The teacher's week, her hours, and the days that differ."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from lms import clock
from lms.blueprints import agenda
from lms.models import Person
from tests import make
from tests.house import House
from tests.pages import Visitor

MONDAY = make.coming_monday()
WEEK = f"{MONDAY.isocalendar().year}-W{MONDAY.isocalendar().week:02}"


def at(hour: str, days: int = 0) -> datetime:
    return make.wall((MONDAY + timedelta(days=days)).isoformat(), hour)


def visitor(house: House, who: Callable[[Session], Person]) -> Visitor:
    return house.visitor(house.write(lambda s: who(s).id))


def booked(house: House, starts: datetime, who: Any = make.samira) -> str:
    return house.write(lambda s: make.booked(s, who(s), make.nadia(s), starts, now=clock.now()).id)


def open_week(house: House) -> None:
    house.write(lambda s: make.all_week(s, make.nadia(s), "09:00", "12:00"))


def test_the_week_shows_appointments_in_front_and_free_hours_behind(house: House) -> None:
    open_week(house)
    booked(house, at("10:00"))
    page = visitor(house, make.nadia).get(f"/agenda?week={WEEK}")
    monday = page.root.all("ol")[0].text
    assert monday.index("9 h 00 – 10 h 00") < monday.index("Samira") < monday.index("11 h 00 – 12 h 00")
    assert "10 h 00 Samira" in monday


def test_an_empty_week_says_what_to_do(house: House) -> None:
    page = visitor(house, make.nadia).get("/agenda")
    assert "/agenda/availability" in page.links().values()


@pytest.mark.parametrize(
    ("today", "last_ends", "over"),
    [
        ("2026-11-20", "2026-11-18", False),  # a Friday
        ("2026-11-22", "2026-11-18", True),  # a Sunday, the last appointment was on Wednesday
        ("2026-11-21", "2026-11-22", False),  # a Saturday, somebody comes on Sunday
    ],
)
def test_on_a_free_weekend_the_agenda_opens_on_the_week_that_comes(
    today: str, last_ends: str, over: bool
) -> None:
    ends = make.wall(last_ends, "11:00")
    band = agenda.Band(ends - timedelta(hours=1), ends, frozenset({"video"}))
    days = [agenda.Day(ends.date(), free=[band])]
    assert agenda.is_over(days, date.fromisoformat(today), make.wall(today, "09:00")) is over


@pytest.mark.parametrize("week", ["x", "2026-W99", "9999-W01", "2026-W53&week=", "%00"])
def test_a_week_that_is_none_is_this_week(house: House, week: str) -> None:
    assert visitor(house, make.nadia).get(f"/agenda?week={week}").status == 200


def test_the_week_asks_as_much_for_one_appointment_as_for_many(house: House) -> None:
    open_week(house)
    browser = visitor(house, make.nadia)
    counts = []
    for number in range(1, 5):
        starts = at("10:00", days=number)
        house.write(
            lambda s, n=number, at=starts: make.booked(
                s, make.learner(s, f"Learner {n}"), make.nadia(s), at, now=clock.now()
            )
        )
        browser.get(f"/agenda?week={WEEK}")
        with house.counting_statements() as sent:
            browser.get(f"/agenda?week={WEEK}")
        counts.append(len(sent))
    assert len(set(counts)) == 1
    assert counts[0] <= 8
