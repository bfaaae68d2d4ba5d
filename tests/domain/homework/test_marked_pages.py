from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.homework.marked_pages import list_marked_pages
from lms.models import MarkKind, Rendition, ReturnedFeedback
from tests import factories
from tests.support.files import jpeg
from tests.support.school import School


def correct(school: School, photos: int) -> str:
    def write(session: Session) -> str:
        content = [jpeg(30 + number, 40) for number in range(photos)]
        store = school.app.extensions["lms_store"]
        work, samira = factories.assignment(session), factories.samira(session)
        return factories.corrected(session, samira, work, store, photos=content, turns=3).id

    return school.write(write)


def test_the_first_two_pages_with_marks_come_in_their_order_as_they_are_turned(school: School) -> None:
    returned = correct(school, 3)

    def look(session: Session) -> None:
        pages = list_marked_pages(session, session.get_one(ReturnedFeedback, returned))
        assert [(page.number, page.turns) for page in pages] == [(1, 3), (2, 3)]
        keys = session.scalars(select(Rendition.store_key).where(Rendition.purpose == "web")).all()
        assert {page.store_key for page in pages} < set(keys)
        kinds = {mark["kind"] for page in pages for mark in page.marks}
        assert kinds == {MarkKind.PIN, MarkKind.PEN}, "a mark on words stands on no page"

    school.read(look)


def test_a_return_without_marks_on_pages_asks_the_database_nothing(school: School) -> None:
    with school.counting_statements() as sent:
        school.read(lambda s: list_marked_pages(s, ReturnedFeedback(body={"bands": []})))
    assert sent == []
