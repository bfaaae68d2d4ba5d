"""The tray as a teacher uses it: with a mouse or the keyboard, without script."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.blueprints.mail import FAILURES, REASONS, STATES
from lms.domain.homework.inbox_tray import Reason
from lms.inbox_addresses import reply_address
from lms.models import (
    Assignment,
    Attempt,
    InboundMail,
    InboundPart,
    KnownAddress,
    Mailbox,
    MailState,
    Person,
    QueuedAttempt,
)
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW
from tests.support.imap import ADDRESS
from tests.support.mails import waiting_mail
from tests.support.pages import Visitor
from tests.support.school import School


@pytest.fixture(autouse=True)
def inbox(school: School) -> None:
    school.settings = replace(school.settings, inbox_host="localhost", inbox_address=ADDRESS)
    school.app.extensions["lms_settings"] = school.settings


@pytest.fixture
def nadia(school: School) -> Visitor:
    return school.visitor(school.write(factories.nadia))


def from_samira(session: Session, text: str = "voilà mon devoir, Samira") -> str:
    factories.samira(session)
    factories.assignment(session, factories.lesson(session, "Quel jour ?"))
    return waiting_mail(session, text, name="Samira A.", received_at=NOW).id


def mail_of(school: School, mail_id: str) -> InboundMail:
    return school.read(lambda s: s.get_one(InboundMail, mail_id))


def test_one_press_files_the_guess_and_ties_the_address(school: School, nadia: Visitor) -> None:
    mail_id = school.write(from_samira)
    assert "Courrier à classer : 1" in nadia.get("/").text
    assert "Courrier à classer : 1" in nadia.get("/corrections").text
    page = nadia.get("/mail")
    assert "Samira · Quel jour ?" in page.text
    assert "L’expéditeur a ce nom." in page.text
    (guess,) = [button for button in page.root.all("button") if button.get("name") == "target"]
    page = nadia.submit(page, {"target": guess.get("value")}, action="/filing")
    assert "Le devoir de Samira est déposé." in page.text
    assert "Aucun message à classer" in page.text
    assert "Courrier à classer" not in nadia.get("/").text
    mail = mail_of(school, mail_id)
    assert mail.state == MailState.FILED
    assert school.read(lambda s: s.scalars(select(KnownAddress)).one()).person_id == mail.person_id
    attempt = school.read(lambda s: s.scalars(select(QueuedAttempt)).one()).attempt_id
    assert "adresse non vérifiée" not in nadia.get(f"/corrections/{attempt}").text
    assert "Écrit aussi depuis phone@example.org" in nadia.get(f"/people/{mail.person_id}").text


def test_another_person_is_searched_and_one_of_her_homeworks_chosen(school: School, nadia: Visitor) -> None:
    def story(session: Session) -> tuple[str, str]:
        factories.assignment(session, factories.lesson(session, "Chez le médecin", "N2"))
        return from_samira(session), factories.oksana(session).id

    mail_id, oksana = school.write(story)
    page = nadia.get(f"/mail/{mail_id}?q=oks")
    (found,) = [a for a in page.root.all("a") if "person=" in a.get("href")]
    page = nadia.get(found.get("href"))
    page = nadia.submit(page, {"tie": None}, action="/filing")
    assert "Le devoir de Oksana Bondar est déposé." in page.text
    assert mail_of(school, mail_id).person_id == oksana
    assert school.read(lambda s: s.scalars(select(KnownAddress)).all()) == []


def test_a_mail_that_was_filed_for_the_wrong_person_goes_to_the_right_one(
    school: School, nadia: Visitor
) -> None:
    def story(session: Session) -> tuple[str, str]:
        factories.assignment(session, factories.lesson(session, "Chez le médecin", "N2"))
        return from_samira(session), factories.oksana(session).id

    mail_id, oksana = school.write(story)
    page = nadia.get(f"/mail/{mail_id}")
    (guess,) = [button for button in page.root.all("button") if button.get("name") == "target"]
    nadia.submit(page, {"target": guess.get("value")}, action="/filing")
    page = nadia.get(f"/mail/{mail_id}?person={oksana}")
    assert "Ce n’est pas la bonne personne" in page.text
    page = nadia.submit(page, {"tie": "y"}, action="/filing")
    assert "Le devoir de Oksana Bondar est déposé." in page.text
    assert mail_of(school, mail_id).person_id == oksana
    assert school.read(lambda s: s.scalars(select(KnownAddress)).one()).person_id == oksana
    attempt_id = mail_of(school, mail_id).attempt_id
    nadia.submit(
        nadia.get(f"/corrections/{attempt_id}"), {"comment": "Bravo"}, action=f"/corrections/{attempt_id}"
    )
    assert "Ce n’est pas la bonne personne" not in nadia.get(f"/mail/{mail_id}").text


def test_what_is_refused_stays_in_the_tray_with_the_reason(school: School, nadia: Visitor) -> None:
    def story(session: Session) -> str:
        mail_id = from_samira(session)
        assignment = factories.assignment(session, factories.lesson(session, "Au marché"), kinds=("photo",))
        return f"{mail_id} {factories.samira(session).id}.{assignment.id}"

    mail_id, target = school.write(story).split()
    page = nadia.submit(nadia.get(f"/mail/{mail_id}"), {"target": target}, action="/filing")
    assert "Ce message reste à classer." in page.text
    assert "sans texte" in page.text
    assert mail_of(school, mail_id).is_waiting
    assert school.read(lambda s: s.scalars(select(Attempt)).all()) == []
    page = nadia.submit(nadia.get(f"/mail/{mail_id}"), {"target": ""}, action="/filing")
    assert "Choisissez d’abord" in page.text


@pytest.mark.parametrize(("action", "state"), [("/aside", MailState.ASIDE), ("/junk", MailState.JUNK)])
def test_what_is_no_homework_is_put_aside_and_can_come_back(
    school: School, nadia: Visitor, action: str, state: MailState
) -> None:
    mail_id = school.write(from_samira)
    nadia.submit(nadia.get("/mail"), action=action)
    assert mail_of(school, mail_id).state == state
    assert str(STATES[state]) in nadia.get("/mail?handled=1").text
    page = nadia.submit(nadia.get(f"/mail/{mail_id}?handled=1"), action="/return")
    assert "de nouveau à classer" in page.text
    assert mail_of(school, mail_id).is_waiting


def test_thirty_mails_cost_as_many_statements_as_one(school: School, nadia: Visitor) -> None:
    def count() -> int:
        with school.counting_statements() as sent:
            assert nadia.get("/mail").status == 200
        return len(sent)

    school.write(from_samira)
    nadia.get("/mail")
    few = count()
    school.write(lambda s: [waiting_mail(s, name="W" * 60, subject="x" * 200) for _ in range(30)])
    assert count() == few


def test_the_picture_of_a_file_is_ours_and_the_file_that_does_not_open_says_why(
    school: School, nadia: Visitor
) -> None:
    store = school.app.extensions["lms_store"]
    key = store.put(BytesIO(b"a picture"), suffix=".jpg")

    def story(session: Session) -> str:
        mail_id = from_samira(session)
        facts = {"mail_id": mail_id, "kind": "photo", "size": 9, "sha256": "0" * 64, "looked_at": NOW}
        shown = {"preview_key": key, "preview_size": 9, "width": 30, "height": 40}
        session.add(InboundPart(position=1, shown_name="IMG_1.jpg", received_key="a", **facts, **shown))
        locked = {"refusal": RefusalCode.FILE_ENCRYPTED, "received_key": "b"}
        session.add(InboundPart(position=2, shown_name="x.pdf", **facts, **locked))
        return mail_id

    mail_id = school.write(story)
    page = nadia.get(f"/mail/{mail_id}")
    assert "Ce fichier a un mot de passe." in page.text
    (picture,) = page.root.all("img")
    answer = nadia.client.get(picture.get("src"))
    assert (answer.data, answer.headers["Cache-Control"]) == (b"a picture", "private, no-store")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_mail_by_its_address_alone_is_marked_for_whoever_corrects_it(
    school: School, nadia: Visitor
) -> None:
    def story(session: Session) -> str:
        mail = session.get_one(InboundMail, from_samira(session))
        attempt = factories.sent(session, factories.samira(session), factories.assignment(session))
        mail.state, mail.attempt_id = MailState.FILED, attempt.id
        return attempt.id

    assert "adresse non vérifiée" in nadia.get(f"/corrections/{school.write(story)}").text


def test_a_coordinator_sees_since_when_the_mailbox_fails_and_a_teacher_is_not_troubled(
    school: School, nadia: Visitor
) -> None:
    school.write(lambda s: s.add(Mailbox(name="box", failing_since=NOW, failures=3, error="login")))
    claire = school.visitor(school.write(factories.claire))
    page = claire.get("/mail")
    assert "ne se lit plus depuis lundi 23 novembre" in page.text
    assert str(FAILURES["login"]) in page.text
    assert "boîte en panne" in claire.get("/").text
    assert "ne se lit plus" not in nadia.get("/mail").text


def test_without_a_mailbox_there_is_no_tray_and_no_address_to_write_to(
    school: School, nadia: Visitor
) -> None:
    mail_id, samira = school.write(from_samira), school.write(factories.samira)
    assignment_id = school.read(lambda s: s.scalars(select(Assignment.id)).one())
    school.app.extensions["lms_settings"] = replace(school.settings, inbox_host=None)
    assert nadia.get("/mail").status == 404
    assert nadia.get(f"/mail/{mail_id}").status == 404
    assert "Courrier" not in nadia.get("/").text
    assert "mailto:" not in school.visitor(samira).get(f"/assignments/{assignment_id}").html


def test_the_page_of_a_homework_has_its_address_to_write_to(school: School) -> None:
    def story(session: Session) -> tuple[Person, str]:
        return factories.samira(session), factories.assignment(session).id

    samira, assignment_id = school.write(story)
    page = school.visitor(samira).get(f"/assignments/{assignment_id}")
    address = reply_address(school.settings, samira, assignment_id)
    (link,) = [a for a in page.root.all("a") if a.text == "Envoyer par e-mail"]
    assert link.get("href").startswith(f"mailto:{address}?subject=")


def test_every_state_reason_and_failure_has_its_words() -> None:
    assert set(STATES) == set(MailState) - {MailState.NEW}
    assert set(REASONS) == set(Reason)
