from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.models import Attachment, Attempt, ReturnedFeedback
from tests import factories
from tests.support import files
from tests.support.narrow import present
from tests.support.pages import Page, Visitor, file
from tests.support.school import School


@pytest.fixture
def samira(school: School) -> Visitor:
    return school.visitor(school.write(factories.samira))


def copy(school: School, *, redo: bool | None = None, may_redo: bool = True) -> str:
    """The id of a submission of Samira's; with `redo` told, a teacher has answered."""

    def write(session: Session) -> str:
        factories.criteria(session)
        attempt = factories.sent(
            session, factories.samira(session), factories.assignment(session, may_redo=may_redo)
        )
        if redo is not None:
            factories.answered(session, attempt, redo=redo)
        return attempt.submission_id

    return school.write(write)


def seen(school: School) -> bool:
    return school.read(lambda s: s.scalars(select(ReturnedFeedback)).one()).seen_at is not None


def test_opening_an_answer_changes_nothing_and_reading_it_does(school: School, samira: Visitor) -> None:
    submission = copy(school, redo=False)
    page = samira.get(f"/submissions/{submission}")
    assert "Devoir corrigé" in page.text
    assert "Bravo, le message est clair." in page.text
    assert "Nadia a répondu" in samira.get("/homework").text
    assert not seen(school)
    assert "Nadia le sait" not in page.text
    page = samira.submit(page, {"understood": "no"}, action="/reading")
    assert "Nadia le sait et va vous aider." in page.text
    page = samira.submit(page, {"understood": "yes"}, action="/reading")
    assert "Nadia le sait" not in page.text
    assert "Devoir terminé" in page.text
    assert seen(school)
    assert "Nadia a répondu" not in samira.get("/homework").text


def test_a_copy_to_do_again_is_started_again_and_the_first_attempt_stays(
    school: School, samira: Visitor
) -> None:
    submission = copy(school, redo=True)
    page = samira.get(f"/submissions/{submission}")
    assert "essayez encore" in page.text
    work = samira.submit(page, action="/attempts")
    assert work.url.startswith("/assignments/")
    assert seen(school)
    twice = samira.submit(page, action="/attempts")
    assert twice.url == work.url
    sent = samira.submit(work, {"text": "Lundi, mardi !"}, button="/submission")
    assert sent.url == f"/submissions/{submission}"
    assert "C’est envoyé." in sent.text
    assert "Lundi, mardi !" in sent.text
    assert "Essai 1" in sent.text
    assert "Lundi, mardi, mercredi." in sent.text
    attempts = school.read(lambda s: s.scalars(select(Attempt).order_by(Attempt.number)).all())
    assert [(a.number, a.text) for a in attempts] == [(1, "Lundi, mardi, mercredi."), (2, "Lundi, mardi !")]


def test_before_the_teacher_answers_there_is_no_second_attempt(school: School, samira: Visitor) -> None:
    submission = copy(school)
    page = samira.get(f"/submissions/{submission}")
    assert "Recommencer" not in page.text
    with_form = samira.get(f"/submissions/{copy(school, redo=True)}")
    answer = samira.client.post(
        f"/submissions/{submission}/attempts", data={"csrf_token": token(with_form.html)}
    )
    assert answer.status_code == 409


def token(html: str) -> str:
    return html.split('name="csrf_token" value="')[1].split('"', maxsplit=1)[0]


def test_a_finished_homework_that_may_not_be_redone_offers_nothing(school: School, samira: Visitor) -> None:
    page = samira.get(f"/submissions/{copy(school, redo=False, may_redo=False)}")
    assert "Recommencer" not in page.text
    assert "J’ai compris" in page.text


def test_nobody_else_finds_a_submission(school: School) -> None:
    submission = copy(school, redo=False)
    for role in (
        lambda s: factories.learner(s, "Tesfay"),
        factories.nadia,
        factories.claire,
        factories.farid,
    ):
        assert school.visitor(school.write(role)).get(f"/submissions/{submission}").status == 404
    assert school.visitor(school.write(factories.samira)).get("/submissions/nothing").status == 404


def test_a_voice_can_be_heard_and_an_old_one_downloaded(school: School, samira: Visitor) -> None:
    given = school.write(lambda s: factories.assignment(s).id)
    voices = [file(files.voice_ogg(), "PTT.opus"), file(files.voice_3gp(), "vieux.3gp")]
    page = samira.submit(samira.get(f"/assignments/{given}"), {"voice": voices}, button="/submission")
    assert "PTT.opus Voix reçue. Nous la préparons." in page.text
    school.prepare_files()
    page = samira.get(page.url)
    (player,) = page.root.all("audio")
    assert player.get("preload") == "none"
    assert samira.client.get(player.get("src"), buffered=True).mimetype == "audio/ogg"
    assert "Ce son ne se lit pas ici. Ouvrez-le sur votre téléphone." in page.text


BROKEN = "Ce fichier est abîmé. Prenez la photo encore une fois."


def send_broken(school: School, samira: Visitor, text: str = "") -> tuple[str, Page]:
    """Samira sends a photo that turns out to be damaged; the assignment and her receipt."""
    given = school.write(lambda s: factories.assignment(s).id)
    sent = {"picture": file(files.truncated_jpeg(), "coupe.jpg"), "text": text}
    page = samira.submit(samira.get(f"/assignments/{given}"), sent, button="/submission")
    assert "C’est envoyé." in page.text
    assert "coupe.jpg Photo reçue. Nous la préparons." in page.text
    return given, page


def test_the_team_sees_a_copy_when_all_its_files_are_ready(school: School, samira: Visitor) -> None:
    given = school.write(lambda s: factories.assignment(s).id)
    photos = [file(files.jpeg(60 + n, 80), f"{n}.jpg") for n in range(2)]
    samira.submit(samira.get(f"/assignments/{given}"), {"picture": photos}, button="/submission")
    attempt = school.read(lambda s: s.scalars(select(Attempt.id)).one())
    nadia = school.visitor(school.write(factories.nadia))
    assert "Aucune copie à corriger" in nadia.get("/corrections").text
    assert nadia.get(f"/corrections/{attempt}").status == 404
    person = school.write(lambda s: factories.samira(s).id)
    assert f"/corrections/{attempt}" not in nadia.get(f"/people/{person}").html
    school.prepare_files()
    assert "Samira" in nadia.get("/corrections").text
    assert len(nadia.get(f"/corrections/{attempt}").root.all("img")) == 2
    assert f"/corrections/{attempt}" in nadia.get(f"/people/{person}").html


def test_a_file_refused_after_sending_is_named_to_both_and_can_be_replaced(
    school: School, samira: Visitor
) -> None:
    _given, receipt = send_broken(school, samira, "Lundi, mardi")
    school.prepare_files()
    receipt = samira.get(receipt.url)
    assert "C’est envoyé." in receipt.text
    assert f"coupe.jpg {BROKEN}" in receipt.text
    assert "Il manque un fichier" in samira.get("/homework").text
    nadia = school.visitor(school.write(factories.nadia))
    attempt = school.read(lambda s: s.scalars(select(Attempt.id)).one())
    desk = nadia.get(f"/corrections/{attempt}")
    assert f"coupe.jpg {BROKEN}" in desk.text
    assert "Envoyer un autre fichier" not in desk.text

    form = samira.get(receipt.links()["Envoyer un autre fichier"])
    assert BROKEN in form.text
    for _press in range(2):
        page = samira.submit(form, {"picture": file(files.jpeg(), "entière.jpg")}, action="/replacement")
        assert page.url == receipt.url
        assert "entière.jpg Photo reçue." in page.text
    assert "entière.jpg Photo reçue." in nadia.get(f"/corrections/{attempt}").text
    school.prepare_files()
    assert len(samira.get(receipt.url).root.all("img")) == 1
    assert len(nadia.get(f"/corrections/{attempt}").root.all("img")) == 1
    assert "Il manque un fichier" not in samira.get("/homework").text
    store = school.app.extensions["lms_received_store"]
    assert list(store.keys()) == []
    assert samira.get(form.url).url == receipt.url


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Ce fichier est vide."),
        (None, "Il n’y a rien à envoyer."),
        (b"x" * ((26 << 20) + 1), "trop lourd"),
    ],
)
def test_a_replacement_that_cannot_be_received_is_refused_with_its_sentence(
    school: School, samira: Visitor, content: bytes | None, sentence: str
) -> None:
    _given, receipt = send_broken(school, samira, "Lundi")
    school.prepare_files()
    form = samira.get(samira.get(receipt.url).links()["Envoyer un autre fichier"])
    sent = {} if content is None else {"picture": file(content, "b.jpg")}
    page = samira.submit(form, sent, action="/replacement")
    assert page.status in (413, 422)
    assert sentence in page.text


def test_nobody_else_can_replace_a_file(school: School, samira: Visitor) -> None:
    _given, receipt = send_broken(school, samira, "Lundi")
    school.prepare_files()
    address = samira.get(receipt.url).links()["Envoyer un autre fichier"]
    other = school.visitor(school.write(lambda s: factories.learner(s, "Tesfay").id))
    for visitor in (other, school.visitor(school.write(factories.nadia))):
        assert visitor.get(address).status == 404


def test_after_the_answer_a_file_is_not_replaced_any_more(school: School, samira: Visitor) -> None:
    _given, receipt = send_broken(school, samira, "Lundi")
    school.prepare_files()
    form = samira.get(samira.get(receipt.url).links()["Envoyer un autre fichier"])
    school.write(lambda s: factories.answered(s, s.scalars(select(Attempt)).one()))
    page = samira.submit(form, {"picture": file(files.jpeg(), "b.jpg")}, action="/replacement")
    assert page.url == receipt.url
    assert "Envoyer un autre fichier" not in page.text
    assert school.read(lambda s: s.scalars(select(Attachment)).one()).is_refused
    assert list(school.app.extensions["lms_received_store"].keys()) == []


def test_what_has_nothing_but_a_refused_file_goes_back_to_the_draft(school: School, samira: Visitor) -> None:
    given, receipt = send_broken(school, samira)
    school.prepare_files()
    assert "Un fichier de votre devoir ne s’ouvre pas" in samira.get("/").text
    page = samira.get(receipt.url)
    assert page.url == f"/assignments/{given}"
    assert f"coupe.jpg {BROKEN}" in page.text
    sent = samira.submit(page, {"picture": file(files.jpeg(), "bonne.jpg")}, button="/submission")
    assert "C’est envoyé." in sent.text
    school.prepare_files()
    assert school.read(lambda s: s.scalars(select(Attempt)).one()).queued_at is not None


def test_one_or_many_attempts_cost_the_same_statements(school: School, samira: Visitor) -> None:
    submission = copy(school, redo=True)
    with school.counting_statements() as one:
        samira.get(f"/submissions/{submission}")

    def more(session: Session) -> None:
        for _ in range(5):
            given = present(session.scalars(select(Attempt)).first())
            work = factories.assignment_of(session, given)
            factories.answered(session, factories.sent(session, factories.samira(session), work), redo=True)

    school.write(more)
    with school.counting_statements() as many:
        samira.get(f"/submissions/{submission}")
    assert len(one) == len(many) <= 6, many
