"""What `./dev bench` says: one line for each measure, and at the end those that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from lms.access import cookie_name
from lms.clock import now
from lms.domain.people import logins
from lms.models import LoginKind, Person
from tests.support.school import School

failures: list[str] = []


def say(what: str, ratio: float, bound: str, limit: float) -> None:
    """Print a measure and whether it holds its bound, `at least` or `at most`."""
    passed = ratio >= limit if bound == "at least" else ratio <= limit
    if not passed:
        failures.append(what)
    print(f"{'pass' if passed else 'FAIL'}  {what}: {ratio:.2f} ({bound} {limit})", flush=True)


@dataclass(frozen=True)
class PageRow:
    """Processor time of the server for one page. `must`: its rate as a share of that of the floor, at least.

    `rounds`: seconds of the floor, of the page, and of the page of the large school, measured one after the
    other; the ratios are medians of those of the rounds, which a faster or slower moment does not change.
    `growth`: how many times as long with the large school, at most.
    """

    name: str
    must: float
    growth: float
    rounds: Sequence[Sequence[float]] = ()

    def with_rounds(self, rounds: Sequence[Sequence[float]]) -> PageRow:
        """Return the row with these rounds as well."""
        return replace(self, rounds=[*self.rounds, *rounds])

    @property
    def small(self) -> float:
        return median(small for _floor, small, _large in self.rounds)

    @property
    def large(self) -> float:
        return median(large for _floor, _small, large in self.rounds)

    @property
    def rate(self) -> float:
        return median(floor / small for floor, small, _large in self.rounds)

    @property
    def grows(self) -> float:
        return median(large / small for _floor, small, large in self.rounds)

    @property
    def passed(self) -> bool:
        return self.rate >= self.must and self.grows <= self.growth

    def line(self) -> str:
        return (
            f"{'pass' if self.passed else 'FAIL'}  {self.name:<24}{self.rate:>6.2f}{self.must:>6.2f}"
            f"{self.small * 1000:>9.2f}{self.large * 1000:>9.2f}{self.grows:>7.2f}{self.growth:>6.2f}"
        )


def table_head(large: str) -> str:
    """Return the head of the table of pages; `large` names the size of the large school."""
    return f"      {'page':<24}{'rate':>6}{'must':>6}{'ms 1x':>9}{'ms ' + large:>9}{'ratio':>7}{'limit':>6}"


def show(row: PageRow) -> None:
    """Print the row of a page."""
    if not row.passed:
        failures.append(row.name)
    print(row.line(), flush=True)


def login_cookie(school: School, name: str) -> str:
    """Return the cookies of a person who has logged in and opened a page."""
    found = school.read(lambda s: s.query(Person.id).filter_by(name=name).order_by(Person.created_at).first())
    assert found is not None, name
    login = login_cookies(school, [found[0]])[0]
    # The first page sets the cookie of the forms; a browser sends it from then on.
    page = school.app.test_client(use_cookies=False).get("/me", headers={"Cookie": login})
    assert page.status_code == 200, page.status
    made = page.headers.getlist("Set-Cookie")
    return "; ".join([login, *(cookie.split(";")[0] for cookie in made)])


def login_cookies(school: School, person_ids: list[str]) -> list[str]:
    """Return a cookie for each of the people."""
    purpose = cookie_name(school.settings, "session")
    tokens = school.write(
        lambda s: [
            logins.open_login(s, s.get_one(Person, each), LoginKind.OWN, now=now()) for each in person_ids
        ]
    )
    return [f"{purpose}={token}" for token in tokens]
