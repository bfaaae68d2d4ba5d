from __future__ import annotations

from sqlalchemy import func, select

from lms.models import Assignment, AuditEvent
from tests import factories
from tests.support.school import School


def test_a_teacher_gives_changes_withdraws_and_brings_back_homework(school: School) -> None:
    lesson = school.write(lambda s: factories.lesson(s).id)
    nadia, samira = (
        school.visitor(school.write(factories.nadia)),
        school.visitor(school.write(factories.samira)),
    )
    page = nadia.get(f"/lessons/{lesson}/assignments/new")
    values = {"instruction": "Écrivez six mots.", "kinds": ["photo", "voice"], "due_on": "2026-11-26"}
    page = nadia.submit(page, values)
    assert page.status == 200
    assert page.url == f"/lessons/{lesson}/edit", "back at the lesson, for its next homework"
    (made,) = school.read(lambda s: s.scalars(select(Assignment)).all())
    assert made.kinds == ("photo", "voice")
    assert str(made.due_on) == "2026-11-26"
    assert made.may_redo
    assert "Écrivez six mots." in samira.get("/homework").text
    page = nadia.get(f"/assignments/{made.id}/edit")
    page = nadia.submit(page, {"instruction": "Écrivez sept mots.", "may_redo": None}, action="/edit")
    assert "Écrivez sept mots." in samira.get("/homework").text
    page = nadia.submit(page, action="/withdrawal")
    assert "Ce devoir est retiré." in page.text
    assert "Pas de devoir" in samira.get("/homework").text
    nadia.submit(page, action="/restoration")
    assert "Écrivez sept mots." in samira.get("/homework").text
    actions = school.read(lambda s: s.scalars(select(AuditEvent.action)).all())
    for operation in ("made", "changed", "withdrawn", "brought_back"):
        assert f"assignment_{operation}" in actions


def test_the_same_form_sent_twice_gives_one_homework(school: School) -> None:
    lesson = school.write(lambda s: factories.lesson(s).id)
    nadia = school.visitor(school.write(factories.nadia))
    page = nadia.get(f"/lessons/{lesson}/assignments/new")
    first, second = (nadia.submit(page, {"instruction": "Écrivez."}) for _ in range(2))
    assert first.url == second.url
    assert school.read(lambda s: s.scalar(select(func.count(Assignment.id)))) == 1


def test_homework_without_words_or_without_a_way_to_send_is_refused_and_kept_in_the_form(
    school: School,
) -> None:
    lesson = school.write(lambda s: factories.lesson(s).id)
    nadia = school.visitor(school.write(factories.nadia))
    page = nadia.get(f"/lessons/{lesson}/assignments/new")
    assert nadia.submit(page, {"instruction": "  "}).status == 422
    cases: list[dict[str, object]] = [{"kinds": []}, {"kinds": ["parcel"]}, {"due_on": "demain"}]
    for bad in cases:
        refused = nadia.submit(page, {"instruction": "Écrivez six mots.", **bad})
        assert refused.status == 422, bad
        assert "Écrivez six mots." in refused.html, bad
    assert school.read(lambda s: s.scalar(select(func.count(Assignment.id)))) == 0


def test_only_teachers_give_homework(school: School) -> None:
    given, lesson = school.write(lambda s: ((a := factories.assignment(s)).id, a.lesson_id))
    for role in (factories.samira, factories.claire, factories.farid):
        visitor = school.visitor(school.write(role))
        assert visitor.get(f"/assignments/{given}/edit").status == 404
        assert visitor.get(f"/lessons/{lesson}/assignments/new").status == 404
    nadia = school.visitor(school.write(factories.nadia))
    assert nadia.get("/assignments/nothing/edit").status == 404
    assert nadia.get("/lessons/nothing/assignments/new").status == 404
