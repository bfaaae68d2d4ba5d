"""Marks and turned pages through HTTP: with the script of the page, and by plain forms."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.domain.homework import attempts, files
from lms.models import Mark, MarkKind, Rendition, Submission
from tests import factories
from tests.factories import NOW
from tests.support.pages import Page, Visitor, filled
from tests.support.returns import let_undo_pass
from tests.support.school import School

Answer = tuple[int, dict[str, Any]]


@pytest.fixture
def copy(school: School) -> str:
    """The id of an attempt with a photo and a text."""

    def write(session: Session) -> str:
        work = factories.assignment(session)
        draft = factories.drafted(session, factories.samira(session), work, "Je prend le bus.")
        store = LocalStore(school.settings.uploads / "store")
        files.add_file(session, draft, work, factories.stored(store), now=NOW)
        attempts.send_attempt(session, draft, work, now=NOW)
        return draft.id

    return school.write(write)


@pytest.fixture
def nadia(school: School, copy: str) -> Visitor:
    return school.visitor(school.write(factories.nadia))


def mark_a_word(teacher: Visitor, copy: str, **values: object) -> Page:
    words = {"code": "conjugation", "quote": "prend", "model": "prends", **values}
    page = teacher.get(f"/corrections/{copy}")
    return teacher.submit(
        teacher.get(page.links()["Marquer un mot"].partition("#")[0]), words, action="marks"
    )


def send(teacher: Visitor, address: str, copy: str, **values: object) -> Answer:
    """Send as the script does."""
    token = filled(teacher.get(f"/corrections/{copy}").form(copy))["csrf_token"]
    data = {"csrf_token": token, "returns": "0", **values}
    answer = teacher.client.post(address, data=data, headers={"Accept": "application/json"})
    return answer.status_code, answer.get_json()


def test_a_word_is_marked_without_a_script_and_the_learner_reads_it(
    school: School, nadia: Visitor, copy: str
) -> None:
    page = mark_a_word(nadia, copy)
    assert "La marque est ajoutée." in page.text
    mark = school.read(lambda s: s.scalars(select(Mark)).one())
    assert (mark.kind, mark.starts, mark.ends, mark.quote) == (MarkKind.RANGE, 3, 8, "prend")
    page = nadia.submit(page, {}, action=copy, button=f"{copy}/return")
    assert page.status == 422
    assert "Aucune marque ne dit ce qui est bien." in page.text
    page = nadia.submit(page, {}, action=copy, button=f"{copy}/return")
    assert "Copie rendue à Samira." in page.text
    school.write(let_undo_pass)
    samira = school.visitor(school.read(lambda s: factories.samira(s).id))
    shown = samira.get(f"/submissions/{school.read(lambda s: s.scalars(select(Submission.id)).one())}")
    assert "Conjugaison « prend » prends" in shown.text
    assert [word.text for word in shown.root.all("mark")] == ["prend"]
    assert "mark-1" in [card.get("id") for card in shown.root.all("li")]


def test_a_mark_is_removed_and_a_bad_one_is_refused_with_a_sentence(
    school: School, nadia: Visitor, copy: str
) -> None:
    page = mark_a_word(nadia, copy)
    mark = school.read(lambda s: s.scalars(select(Mark.id)).one())
    page = nadia.submit(page, {}, action="remove")
    assert "La marque est supprimée." in page.text
    assert "prends" not in page.text
    status, told = send(nadia, f"/corrections/{copy}/marks/{mark}/restore", copy)
    assert (status, told["removed"]) == (200, False)
    assert "prends" in nadia.get(f"/corrections/{copy}").text
    assert "n’est pas claire" in mark_a_word(nadia, copy, quote="").text


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({}, 200),
        ({"x": "10001"}, 422),
        ({"x": str(10**30)}, 422),
        ({"x": "1.5"}, 422),
        ({"kind": "circle"}, 422),
        ({"code": "Z"}, 422),
        ({"attachment": "h" * 14}, 404),
        ({"page": "2"}, 404),
        ({"kind": "pen", "code": "", "points": " ".join(["1,1"] * 5000)}, 422),
        ({"kind": "pen", "code": "", "points": "1,1 2,2 ; drop"}, 422),
        ({"kind": "pen", "code": "", "points": "1,1 2,2"}, 200),
        ({"model": "x" * 301}, 422),
        ({"returns": "1"}, 409),
    ],
)
def test_a_mark_that_the_script_sends_is_kept_whole_or_not_at_all(
    school: School, nadia: Visitor, copy: str, values: dict[str, str], status: int
) -> None:
    photo = school.read(lambda s: s.scalars(select(Rendition.attachment_id)).one())
    pin = {"kind": "pin", "code": "spelling", "attachment": photo, "page": "1", "x": "5000", "y": "300"}
    token = filled(nadia.get(f"/corrections/{copy}").form(copy))["csrf_token"]
    data = {"csrf_token": token, "returns": "0", "request_id": "key-0001", **pin, **values}
    address, asked = f"/corrections/{copy}/marks", {"Accept": "application/json"}
    answers = [nadia.client.post(address, data=data, headers=asked) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    made = school.read(lambda s: len(s.scalars(select(Mark)).all()))
    assert made == (1 if status == 200 else 0)


def test_of_two_who_change_a_mark_the_second_is_told(school: School, nadia: Visitor, copy: str) -> None:
    luc = school.visitor(school.write(factories.luc))
    mark_a_word(nadia, copy)
    mark = school.read(lambda s: s.scalars(select(Mark)).one())
    address = f"/corrections/{copy}/marks/{mark.id}"
    words = {"kind": "range", "code": "conjugation", "quote": "prend", "version": "1"}
    assert send(nadia, address, copy, **words, model="je prends")[1]["version"] == 2
    status, told = send(luc, address, copy, **words, model="prenez")
    assert (status, told["said"][:24]) == (409, "Une autre personne a écr")
    assert send(luc, f"/corrections/{copy}/marks/nothing", copy, **words)[0] == 404


def test_a_page_is_turned_for_everybody(school: School, nadia: Visitor, copy: str) -> None:
    page = nadia.get(f"/corrections/{copy}")
    made = school.read(lambda s: s.scalars(select(Rendition.id)).one())
    page = nadia.submit(page, {"turns": "1"}, action="turn")
    assert page.url == f"/corrections/{copy}"
    (drawing,) = [each for each in page.root.all("svg") if each.get("aria-label")]
    assert drawing.get("viewbox") == "0 0 40 30"
    assert drawing.all("image")[0].get("transform") == "translate(40 0) rotate(90)"
    luc = school.visitor(school.write(factories.luc))
    assert "rotate(90)" in luc.get(f"/corrections/{copy}").html
    address = f"/corrections/{copy}/pages/{made}/turn"
    assert send(nadia, address, copy, turns="0") == (200, {"turns": 0})
    token = filled(page.form(copy))["csrf_token"]
    assert nadia.client.post(address, data={"csrf_token": token, "turns": "4"}).status_code == 400
    other = f"/corrections/{copy}/pages/{'h' * 14}/turn"
    assert nadia.client.post(other, data={"csrf_token": token, "turns": "1"}).status_code == 404
