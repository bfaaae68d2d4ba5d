"""A member of the team deposits work for a learner."""

from __future__ import annotations

from io import BytesIO

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.models import Attachment, Attempt, Deposit, FileJob, Submission
from tests import factories
from tests.support import files as samples
from tests.support.pages import Page, Visitor
from tests.support.school import School


@pytest.fixture
def samira(school: School) -> str:
    """Samira, whose social worker is Farid, with one homework to do."""

    def write(session: Session) -> str:
        learner = factories.samira(session)
        learner.social_worker_id = factories.farid(session).id
        factories.assignment(session)
        return learner.id

    return school.write(write)


@pytest.fixture
def farid(school: School, samira: str) -> Visitor:
    return school.visitor(school.write(factories.farid))


def fill(visitor: Visitor, samira: str, **values: object) -> Page:
    page = visitor.get(f"/people/{samira}/deposits/new")
    whole = {"reason": "Pas de téléphone", "sent_on": "2026-11-20", "text": "Lundi, mardi.", **values}
    return visitor.submit(page, whole, action="new")


def test_a_social_worker_deposits_a_copy_and_never_sees_it_again(
    school: School, farid: Visitor, samira: str
) -> None:
    page = farid.get(f"/people/{samira}")
    assert page.links()["Déposer un devoir"] == f"/people/{samira}/deposits/new"
    page = fill(farid, samira, picture=(BytesIO(samples.jpeg()), "copie.jpg"))
    assert page.url == f"/people/{samira}"
    assert "Le devoir de Samira est déposé." in page.text
    attempt = school.read(lambda s: s.scalars(select(Attempt)).one())
    work = attempt.submission_id
    assert [farid.get(path).status for path in (f"/submissions/{work}", f"/corrections/{attempt.id}")] == [
        404,
        404,
    ]
    assert "Lundi" not in farid.get(f"/people/{samira}").text
    learner = school.visitor(samira)
    assert "Déposé par Farid" in learner.get(f"/submissions/{work}").text
    assert school.read(lambda s: len(s.scalars(select(FileJob)).all())) == 1


def test_a_teacher_reads_who_has_deposited_why_and_when(school: School, farid: Visitor, samira: str) -> None:
    fill(farid, samira)
    copy = school.read(lambda s: s.scalars(select(Attempt.id)).one())
    text = school.visitor(school.write(factories.nadia)).get(f"/corrections/{copy}").text
    assert "Déposé par Farid · sur papier · fait le vendredi 20 novembre" in text
    assert "Raison : Pas de téléphone" in text
    claire = school.visitor(school.write(factories.claire))
    assert "Devoir déposé" in claire.get(f"/people/{samira}").text


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"reason": ""}, "Pourquoi pas par la personne"),
        ({"sent_on": "2100-01-01"}, "Ce jour n’est pas encore là."),
        ({"sent_on": ""}, "Fait le"),
        ({"text": ""}, "Il n’y a rien à envoyer."),
        ({"text": "x" * 20_001}, "Texte"),
        ({"picture": (BytesIO(b""), "vide.jpg")}, "vide.jpg"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    school: School, farid: Visitor, samira: str, values: dict[str, object], sentence: str
) -> None:
    page = fill(farid, samira, **values)
    assert page.status in (409, 422)
    assert sentence in page.text
    kept = next(each for each in page.root.all("input") if each.get("name") == "reason").get("value")
    assert kept == values.get("reason", "Pas de téléphone")
    assert school.read(lambda s: s.scalars(select(Deposit)).all()) == []
    assert school.read(lambda s: s.scalars(select(Attachment)).all()) == []


def test_the_same_deposit_twice_is_one(school: School, farid: Visitor, samira: str) -> None:
    page = farid.get(f"/people/{samira}/deposits/new")
    values = {"reason": "Papier", "sent_on": "2026-11-20", "text": "Lundi."}
    for _ in range(2):
        assert farid.submit(page, values, action="new").url == f"/people/{samira}"
    assert school.read(lambda s: len(s.scalars(select(Attempt)).all())) == 1
    assert "Pas de devoir à déposer" in farid.get(f"/people/{samira}/deposits/new").text


def test_only_who_may_see_the_learner_deposits(school: School, samira: str) -> None:
    school.write(lambda s: setattr(s.get_one(type(factories.samira(s)), samira), "social_worker_id", None))
    path = f"/people/{samira}/deposits/new"
    statuses = {
        who.__name__: school.visitor(school.write(who)).get(path).status
        for who in (factories.nadia, factories.claire, factories.farid, factories.samira)
    }
    assert statuses == {"nadia": 200, "claire": 200, "farid": 404, "samira": 404}
    assert school.read(lambda s: s.scalars(select(Submission)).all()) == []
