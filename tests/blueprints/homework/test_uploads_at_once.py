"""How many uploads are received at one time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lms.web.upload_slots import PER_PERSON, POOL, slots
from tests import factories
from tests.support import files
from tests.support.pages import Page, Visitor, file
from tests.support.school import School


@contextmanager
def uploading(*people: str) -> Iterator[None]:
    """Each of them has an upload that does not end."""
    with ExitStack() as stack:
        for person in people:
            stack.enter_context(slots.taken(person))
        yield


def add_photo(visitor: Visitor, assignment: str) -> Page:
    page = visitor.get(f"/assignments/{assignment}")
    sent = {"text": "Bonjour Nadia", "picture": [file(files.jpeg(), "feuille.jpg")]}
    return visitor.submit(page, sent, action=f"/assignments/{assignment}")


def test_the_third_upload_of_one_learner_waits_and_her_text_stays_in_the_form(school: School) -> None:
    samira = school.write(lambda s: factories.samira(s).id)
    other = school.write(lambda s: factories.learner(s, "Yusuf").id)
    given = school.write(lambda s: factories.assignment(s).id)
    with uploading(*[samira] * PER_PERSON):
        answer = add_photo(school.visitor(samira), given)
        assert answer.status == 503
        assert answer.response.headers["Retry-After"] == "5"
        assert "Des fichiers arrivent déjà." in answer.text
        assert "Bonjour Nadia" in answer.text
        assert add_photo(school.visitor(other), given).status == 200, "others send theirs"
        hers = school.visitor(samira)
        page = hers.get(f"/assignments/{given}")
        saved = hers.submit(page, {"text": "Mardi"}, action=f"/assignments/{given}")
        assert (saved.status, "Mardi" in saved.text) == (200, True), "text needs no slot"
    assert add_photo(school.visitor(samira), given).status == 200


def test_beyond_the_pool_anybody_waits_also_the_coordinator_with_the_door(school: School) -> None:
    samira = school.write(lambda s: factories.samira(s).id)
    chief = school.visitor(school.write(lambda s: factories.claire(s).id))
    given = school.write(lambda s: factories.assignment(s).id)
    with uploading(*[f"learner {number}" for number in range(POOL)]):
        assert add_photo(school.visitor(samira), given).status == 503
        page = chief.get("/organisation")
        door = chief.submit(page, {"photo": file(files.jpeg(), "porte.jpg")}, action="/organisation/door")
        assert door.status == 503
        assert "Des fichiers arrivent déjà." in door.text
    assert add_photo(school.visitor(samira), given).status == 200
