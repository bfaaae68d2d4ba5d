"""Pages of a list by its key."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.paging import PAGE, Cut, KeyedList, cut_page
from lms.models import Person
from tests import factories
from tests.support.school import School

IDS = [f"p{number:02}" for number in range(2 * PAGE + 5)]


def test_pages_lead_through_the_list_and_back() -> None:
    first = cut_page(IDS, None)
    assert first == Cut(IDS[:PAGE], 0, None, IDS[PAGE - 1])
    second = cut_page(IDS, first.after)
    assert second == Cut(IDS[PAGE : 2 * PAGE], PAGE, "", IDS[2 * PAGE - 1])
    third = cut_page(IDS, second.after)
    assert third == Cut(IDS[2 * PAGE :], 2 * PAGE, IDS[PAGE - 1], None)
    assert cut_page(IDS, third.before) == second


def test_after_a_row_that_has_gone_comes_the_first_page() -> None:
    assert cut_page(IDS, "gone") == cut_page(IDS, "") == cut_page(IDS, None)
    assert cut_page([], "gone") == Cut([])


def test_a_list_of_one_full_page_has_no_other() -> None:
    assert cut_page(IDS[:PAGE], None) == Cut(IDS[:PAGE])


def test_a_list_that_the_database_cuts_has_the_same_pages(school: School) -> None:
    """Of people with equal names too: the id comes last in the key."""
    active = select(Person.id).where(Person.deactivated_at.is_(None))
    people = KeyedList(active, Person.name_key, Person.id)
    backwards = KeyedList(active, Person.name_key, Person.id, latest_first=True)
    in_order = active.order_by(Person.name_key, Person.id)

    def live(session: Session) -> str:
        for number in range(2 * PAGE + 5):
            factories.learner(session, f"Name {number // 3}")
        gone = factories.learner(session, "Name 0")
        gone.deactivated_at = factories.NOW
        return gone.id

    def compare(session: Session) -> None:
        ids = session.scalars(in_order).all()
        for after in (None, "", "gone", gone, *ids):
            expected = replace(cut_page(ids, after), begin=0)
            assert people.read_page(session, {}, after) == expected, after
            expected = replace(cut_page(ids[::-1], after), begin=0)
            assert backwards.read_page(session, {}, after) == expected, after

    gone = school.write(live)
    school.read(compare)
