"""Parts of pages that are drawn once and shown to many."""

from __future__ import annotations

from itertools import pairwise

import pytest

from lms.web.drawings import planks
from tests import factories
from tests.support.school import School


def tabs(school: School, person: str, path: str) -> tuple[str, list[str]]:
    """Return the words of the navigation, and the addresses of what it marks as the present page."""
    bar = next(nav for nav in school.visitor(person).get(path).root.all("nav") if nav.get("class"))
    return bar.text, [link.get("href") for link in bar.all("a") if link.get("aria-current")]


def test_each_reads_the_navigation_in_the_own_language_wherever_others_were_before(school: School) -> None:
    samira = school.write(lambda s: factories.samira(s).id)
    john = school.write(lambda s: factories.learner(s, "John", language="en").id)
    assert tabs(school, samira, "/homework") == ("Leçons Devoirs Rendez-vous Moi", ["/homework"])
    assert tabs(school, john, "/homework") == ("Lessons Homework Appointments Me", ["/homework"])
    assert tabs(school, samira, "/lessons") == ("Leçons Devoirs Rendez-vous Moi", ["/lessons"])


def test_the_navigation_of_the_team_depends_on_the_roles(school: School) -> None:
    nadia = school.write(lambda s: factories.nadia(s).id)
    claire = school.write(lambda s: factories.claire(s).id)
    both = school.write(
        lambda s: factories.person(s, "Anne", "teacher", "coordinator", login_email="anne@example.be").id
    )
    for person, corrects, sets_up in ((nadia, True, False), (claire, False, True), (both, True, True)):
        words, _here = tabs(school, person, "/")
        assert ("À corriger" in words, "Service" in words) == (corrects, sets_up), words


@pytest.mark.parametrize("total", [1, 7, 40])
def test_the_planks_of_a_bridge_lie_side_by_side_between_its_banks(total: int) -> None:
    path = planks(0, total, total, 36, 248, 70, 10)
    drawn = [piece.replace("Q", " ").split() for piece in path.split("M")[1:]]
    assert len(drawn) == total
    spans = [(float(points[0]), float(points[-2])) for points in drawn]
    assert all(left < right for left, right in spans)
    assert all(one[1] < other[0] for one, other in pairwise(spans))
    assert 36 <= spans[0][0] < spans[-1][1] <= 36 + 248
