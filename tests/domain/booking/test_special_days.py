"""The special days that are not over, page by page."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.orm import Session

from lms.domain.booking import special_days
from lms.domain.paging import PAGE
from tests import factories
from tests.support.school import School

MONDAY = date(2026, 11, 30)


def test_what_is_over_is_left_out_and_the_others_come_by_day(school: School) -> None:
    def live(session: Session) -> None:
        nadia, claire = factories.nadia(session), factories.claire(session)
        for days in range(-2, PAGE + 3):
            day = (MONDAY + timedelta(days=days)).isoformat()
            factories.closed(session, nadia, day, day, claire)

    school.write(live)

    def ask(session: Session) -> None:
        nadia = factories.nadia(session)
        cut, first = special_days.specials_page(session, nadia, None, MONDAY)
        assert [one.date_from for one in first] == [MONDAY + timedelta(days=days) for days in range(PAGE)]
        rest, second = special_days.specials_page(session, nadia, cut.after, MONDAY)
        assert len(second) == 3
        assert (rest.before, rest.after) == ("", None)

    school.read(ask)


def test_the_days_off_of_a_week_are_those_of_one_teacher_or_of_all(school: School) -> None:
    def live(session: Session) -> tuple[list[str], list[str]]:
        nadia, luc, claire = factories.nadia(session), factories.luc(session), factories.claire(session)
        sunday = MONDAY + timedelta(days=6)
        factories.closed(session, nadia, MONDAY.isoformat(), MONDAY.isoformat(), claire)
        factories.closed(session, luc, "2026-11-01", "2026-12-31", claire)
        factories.closed(session, None, sunday.isoformat(), sunday.isoformat(), claire)
        factories.closed(session, nadia, "2026-12-07", "2026-12-08", claire)
        own = special_days.specials_between(session, nadia, MONDAY, sunday)
        everybody = special_days.specials_between(session, None, MONDAY, sunday)
        return [one.teacher for one in own], [one.teacher for one in everybody]

    own, everybody = school.write(live)
    assert own == ["Nadia Dubois", ""]
    assert everybody == ["Luc Lambert", "Nadia Dubois", ""]
