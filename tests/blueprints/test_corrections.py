from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lms.clock import now
from lms.models import (
    Assignment,
    Attempt,
    AuditEvent,
    Feedback,
    OutboxItem,
    ReturnedFeedback,
    Score,
    Submission,
)
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.pages import Page, Visitor, filled
from tests.support.returns import let_undo_pass
from tests.support.school import School, make_school
from tests.support.smtp import SmtpServer


@pytest.fixture
def copy(school: School) -> str:
    """The id of Samira's first copy."""

    def write(session: Session) -> str:
        factories.criteria(session)
        return factories.sent(
            session, factories.samira(session, language="ar"), factories.assignment(session)
        ).id

    return school.write(write)


@pytest.fixture
def nadia(school: School, copy: str) -> Visitor:
    return school.visitor(school.write(factories.nadia))


@pytest.fixture
def luc(school: School, copy: str) -> Visitor:
    return school.visitor(school.write(factories.luc))


def press(teacher: Visitor, page: Page, action: str, **values: object) -> Page:
    path, mark, query = page.url.partition("?")
    copy = path.split("/")[2]
    button = None if action == "draft" else f"{copy}/{action}{mark}{query}"
    return teacher.submit(page, values, action=copy, button=button)


def bands(school: School, *values: int) -> dict[str, str]:
    found = school.write(factories.criteria)
    return {f"band-{criterion.id}": str(value) for criterion, value in zip(found, values, strict=False)}


def test_a_copy_is_returned_with_bands_and_a_comment(school: School, nadia: Visitor, copy: str) -> None:
    queue = nadia.get("/corrections")
    assert "Samira" in queue.text
    assert f"/corrections/{copy}" in queue.html
    page = nadia.get(f"/corrections/{copy}")
    assert "Lundi, mardi, mercredi." in page.text
    assert "Samira reçoit un e-mail en français et en arabe." in page.text
    after = press(nadia, page, "return", comment="Bravo.", **bands(school, 3, 1, 0))
    assert after.status == 200
    assert "Aucune copie à corriger" in after.text
    feedback = school.read(lambda s: s.scalars(select(ReturnedFeedback)).one())
    assert not feedback.redo
    assert sorted(school.read(lambda s: s.scalars(select(Score.band)).all())) == [0, 1, 3]
    assert school.read(lambda s: s.scalars(select(OutboxItem.about_id)).all()) == [feedback.id]
    assert "feedback_returned" in school.read(lambda s: s.scalars(select(AuditEvent.action)).all())


def test_a_draft_is_kept_and_nothing_leaves(school: School, nadia: Visitor, copy: str) -> None:
    page = press(nadia, nadia.get(f"/corrections/{copy}"), "draft", comment="À revoir", **bands(school, 2))
    assert page.url == f"/corrections/{copy}"
    assert page.form().all("textarea")[0].text == "À revoir"
    assert [r.get("value") for r in page.root.all("input") if "checked" in r.attrs] == ["2"]
    page = press(nadia, page, "draft", comment="À revoir ensemble", next_step="Le pluriel")
    feedback = school.read(lambda s: s.scalars(select(Feedback)).one())
    assert (feedback.comment, feedback.next_step, feedback.returns) == ("À revoir ensemble", "Le pluriel", 0)
    assert school.read(lambda s: s.scalars(select(OutboxItem)).all()) == []
    assert "mon brouillon" in nadia.get("/corrections").text


def test_a_page_behind_the_back_button_returns_what_was_written_on_it_last(
    school: School, nadia: Visitor, copy: str
) -> None:
    page = nadia.get(f"/corrections/{copy}")
    press(nadia, page, "draft", comment="Premier mot")
    again = press(nadia, page, "return", comment="Dernier mot")
    assert again.status == 409
    assert "Copie rendue" not in again.text
    assert "Dernier mot" in again.html
    assert school.read(lambda s: s.scalars(select(Feedback.returns)).one()) == 0
    press(nadia, again, "return")
    assert school.read(lambda s: s.scalars(select(ReturnedFeedback.comment)).one()) == "Dernier mot"


def test_from_home_a_teacher_enters_the_oldest_copy_and_the_keyboard_meets_it_before_the_form(
    nadia: Visitor, copy: str
) -> None:
    page = nadia.get(nadia.get("/").links()["Corriger"])
    assert page.url == f"/corrections/{copy}"
    assert page.html.index('id="who"') < page.html.index("data-view") < page.html.index('name="comment"')


def test_keys_of_a_letter_are_named_on_the_copy_alone_and_nowhere_once_switched_off(
    school: School, nadia: Visitor, copy: str
) -> None:
    def more(session: Session) -> None:
        diego = factories.learner(session, "Diego Ramos")
        factories.sent(session, diego, factories.assignment(session), now=NOW + timedelta(hours=1))

    school.write(more)
    page = nadia.get(f"/corrections/{copy}")
    (easel,) = [part for part in page.root.all("section") if part.get("id") == "copy"]
    assert (easel.get("tabindex"), easel.get("aria-label")) == ("0", "Copie de Samira")
    assert [key.text for key in page.root.all("kbd")] == [key.text for key in easel.all("kbd")] == ["j"]
    assert page.html.count("aria-keyshortcuts") == 1 + 11 + 5, (
        "the queue, the codes, undo, redo, the zoom and the turn"
    )
    school.write(lambda s: setattr(factories.nadia(s), "letter_keys", False))
    page = nadia.get(f"/corrections/{copy}")
    assert "Copie suivante" in page.html
    assert page.root.all("kbd") == []
    assert page.html.count("aria-keyshortcuts") == 2, "undo and redo have Control"
    for gone in ("data-key", 'id="copy" tabindex'):
        assert gone not in page.html


def test_a_level_that_is_none_stays_out_of_the_addresses(school: School, nadia: Visitor, copy: str) -> None:
    for level in ("x" * 400, "<b>", "é" * 14):
        assert level not in nadia.get("/corrections", query_string={"level": level}).html
        page = nadia.get(f"/corrections/{copy}", query_string={"level": level})
        assert press(nadia, page, "draft", comment=level[:5]).status == 200


def test_a_draft_kept_by_the_script_is_answered_without_a_page(
    school: School, nadia: Visitor, luc: Visitor, copy: str
) -> None:
    page = nadia.get(f"/corrections/{copy}")
    data = {**filled(page.form()), "comment": "Presque"}
    answer = nadia.client.post(f"/corrections/{copy}", data=data, headers={"Accept": "application/json"})
    told = answer.get_json()
    assert answer.status_code == 200
    assert (told["version"], told["said"], told["changed"]) == (0, "Brouillon enregistré.", {})
    press(luc, luc.get(f"/corrections/{copy}"), "draft", next_step="Le pluriel")
    data |= {name: value for name, value in told.items() if name in data}
    data["comment"] = "Presque !"
    answer = nadia.client.post(f"/corrections/{copy}", data=data, headers={"Accept": "application/json"})
    told = answer.get_json()
    assert told["changed"] == {"next_step": "Le pluriel"}
    press(luc, luc.get(f"/corrections/{copy}"), "draft", comment="Moi aussi")
    data |= {name: value for name, value in told.items() if name in data}
    data |= {"comment": "Presque tout", "shown-comment": data["shown-comment"]}
    press(luc, luc.get(f"/corrections/{copy}"), "draft", comment="Et encore")
    answer = nadia.client.post(f"/corrections/{copy}", data=data, headers={"Accept": "application/json"})
    assert answer.status_code == 409
    assert "Une autre personne a écrit" in answer.get_json()["said"]


def test_two_teachers_on_one_copy_lose_nothing(
    school: School, nadia: Visitor, luc: Visitor, copy: str
) -> None:
    hers, his = nadia.get(f"/corrections/{copy}"), luc.get(f"/corrections/{copy}")
    press(nadia, hers, "draft", comment="Le mot de Nadia", **bands(school, 3))
    page = press(luc, his, "draft", comment="Le mot de Luc")
    assert page.status == 409
    assert "Une autre personne a écrit sur cette copie." in page.text
    assert "Nadia Dubois a écrit" in page.text
    assert "Le mot de Nadia" in page.text
    assert page.form(copy).all("textarea")[0].text == "Le mot de Luc"
    assert school.read(lambda s: s.scalars(select(Feedback.comment)).one()) == "Le mot de Nadia"
    over = press(luc, page, "draft")
    assert over.status == 200
    assert school.read(lambda s: s.scalars(select(Feedback.comment)).one()) == "Le mot de Luc"
    assert "Luc Lambert a commencé cette réponse." in nadia.get(f"/corrections/{copy}").text
    assert "brouillon de Luc" in nadia.get("/corrections").text


def test_two_teachers_on_different_fields_do_not_meet(
    school: School, nadia: Visitor, luc: Visitor, copy: str
) -> None:
    hers, his = nadia.get(f"/corrections/{copy}"), luc.get(f"/corrections/{copy}")
    press(nadia, hers, "draft", comment="Le mot de Nadia", **bands(school, 3))
    page = press(luc, his, "draft", next_step="Le pluriel")
    assert page.status == 200
    assert [area.text for area in page.root.all("textarea")] == ["Le mot de Nadia", "Le pluriel"]


def test_what_a_colleague_has_returned_is_returned_again_only_by_who_has_seen_it(
    school: School, nadia: Visitor, luc: Visitor, copy: str
) -> None:
    hers, his = nadia.get(f"/corrections/{copy}"), luc.get(f"/corrections/{copy}")
    press(nadia, hers, "return", comment="Bravo")
    page = press(luc, his, "redo", comment="Encore")
    assert page.status == 409
    assert "déjà rendue" in page.text
    assert "Nadia Dubois a rendu cette copie" in page.text
    assert page.form(copy).all("textarea")[0].text == "Encore"
    returned = select(ReturnedFeedback.comment, ReturnedFeedback.redo).order_by(ReturnedFeedback.number)
    assert school.read(lambda s: s.execute(returned).all()) == [("Bravo", False)]
    assert press(luc, page, "redo").status == 200
    assert school.read(lambda s: s.execute(returned).all()) == [("Bravo", False), ("Encore", True)]
    assert school.read(lambda s: s.scalar(select(func.count(OutboxItem.id)))) == 2


def test_a_returned_answer_is_completed_and_the_learner_reads_both(
    school: School, nadia: Visitor, copy: str
) -> None:
    press(nadia, nadia.get(f"/corrections/{copy}"), "return", comment="Bravo")
    school.write(let_undo_pass)
    page = nadia.get(f"/corrections/{copy}")
    page = nadia.get(page.links()["Compléter la réponse"])
    assert page.root.all("textarea")[0].text == "Bravo"
    assert nadia.get("/corrections").text.count("Samira") == 0  # who only looks opens nothing
    page = press(nadia, page, "draft", comment="Bravo. Relisez.")
    assert "mon brouillon" in nadia.get("/corrections").text
    samira = school.visitor(school.read(lambda s: factories.samira(s).id))
    work = school.read(lambda s: s.scalars(select(Submission.id)).one())
    assert "Relisez." not in samira.get(f"/submissions/{work}").text
    press(nadia, page, "return")
    assert "Relisez." not in samira.get(f"/submissions/{work}").text
    school.write(let_undo_pass)
    assert "Relisez." in samira.get(f"/submissions/{work}").text
    assert "Aucune copie" in nadia.get("/corrections").text
    assert nadia.get(f"/corrections/{copy}").text.count("Rendu par") == 2


def test_who_has_the_copy_open_is_named_to_the_other(
    school: School, nadia: Visitor, luc: Visitor, copy: str
) -> None:
    def tell(teacher: Visitor) -> str:
        token = filled(teacher.get(f"/corrections/{copy}").form(copy))["csrf_token"]
        answer = teacher.client.post(f"/corrections/{copy}/viewer", data={"csrf_token": token})
        return str(answer.get_json()["said"])

    assert "regarde aussi" not in nadia.get(f"/corrections/{copy}").text
    assert [tell(nadia), tell(nadia), tell(luc), tell(nadia)] == [
        "",
        "",
        "Nadia regarde aussi",
        "Luc regarde aussi",
    ]
    assert "Nadia regarde aussi" in luc.get(f"/corrections/{copy}").text
    assert luc.client.post(f"/corrections/{copy}/viewer").status_code == 400
    draft = school.write(
        lambda s: factories.drafted(s, factories.samira(s), factories.assignment(s), "secret").id
    )
    token = filled(luc.get(f"/corrections/{copy}").form(copy))["csrf_token"]
    assert luc.client.post(f"/corrections/{draft}/viewer", data={"csrf_token": token}).status_code == 404


def test_returned_twice_is_one_answer_and_one_mail(school: School, nadia: Visitor, copy: str) -> None:
    page = nadia.get(f"/corrections/{copy}")
    first, second = (press(nadia, page, "return", comment="Bravo") for _ in range(2))
    assert first.status == second.status == 200
    assert first.url == second.url
    assert school.read(lambda s: s.scalar(select(func.count(OutboxItem.id)))) == 1
    returned = nadia.get(f"/corrections/{copy}")
    assert "E-mail en attente." in returned.text
    assert not returned.root.all("textarea")


def test_what_was_just_returned_is_taken_back_from_the_notice_without_a_script(
    school: School, nadia: Visitor, luc: Visitor, copy: str
) -> None:
    given = school.read(lambda s: factories.assignment_of(s, s.get_one(Attempt, copy)).id)
    school.write(lambda s: factories.sent(s, factories.learner(s, "Oksana"), s.get_one(Assignment, given)))
    following = press(nadia, nadia.get(f"/corrections/{copy}"), "return", comment="Bravo")
    assert "Oksana" in following.text
    assert "Copie rendue à Samira. Annuler" in following.text
    assert "Copie rendue" not in nadia.get(following.url.partition("?")[0]).text
    assert "Copie rendue" not in luc.get("/corrections").text
    listed = nadia.get("/corrections")
    assert "Copie rendue à Samira. Annuler" in listed.text
    page = nadia.submit(following, action="/undo")
    assert page.url == f"/corrections/{copy}"
    assert "La copie de Samira attend de nouveau." in page.text
    assert page.root.all("textarea")[0].text == "Bravo"
    assert nadia.submit(listed, action="/undo").url == page.url, "a second press shows the copy too"
    press(nadia, nadia.get(f"/corrections/{copy}"), "return")
    late = nadia.get("/corrections")
    school.write(let_undo_pass)
    assert "C’est trop tard pour annuler" in nadia.submit(late, action="/undo").text
    assert school.read(lambda s: s.scalars(select(ReturnedFeedback.comment)).all()) == ["Bravo"]


def test_nothing_is_returned_empty(school: School, nadia: Visitor, copy: str) -> None:
    page = press(nadia, nadia.get(f"/corrections/{copy}"), "return", next_step="Le pluriel")
    assert page.status == 422
    assert "Écrivez un mot ou choisissez une appréciation." in page.text
    assert page.root.all("textarea")[1].text == "Le pluriel"
    assert school.read(lambda s: s.scalars(select(Feedback)).all()) == []
    assert press(nadia, page, "return", **bands(school, 2)).status == 200


def test_a_refused_form_can_be_loaded_again_at_the_address_of_its_button(
    school: School, nadia: Visitor, copy: str
) -> None:
    level = school.write(lambda s: factories.level(s).id)
    for action in ("return", "redo"):
        page = press(nadia, nadia.get(f"/corrections/{copy}?level={level}"), action)
        assert (page.status, page.url) == (422, f"/corrections/{copy}/{action}?level={level}")
        assert nadia.get(page.url).url == f"/corrections/{copy}?level={level}"


def test_after_a_return_comes_the_next_copy_of_the_queue(school: School, nadia: Visitor, copy: str) -> None:
    def more(session: Session) -> tuple[str, str, str]:
        work = factories.assignment(session, factories.lesson(session, level_code="N2"))
        later = NOW + timedelta(hours=1)
        oksana = factories.sent(session, factories.oksana(session), work, "Chez le médecin", now=later)
        diego = factories.learner(session, "Diego Ramos")
        other = factories.sent(session, diego, factories.assignment(session), now=later + timedelta(hours=1))
        return oksana.id, other.id, factories.level(session).id

    oksana, diego, level = school.write(more)
    queue = nadia.get("/corrections")
    order = [row.all("th")[0].text for row in queue.root.all("tr")[1:]]
    assert order == ["Samira", "Oksana Bondar", "Diego Ramos"]
    assert "Niveau 1 2" in queue.text
    assert "Niveau 2 1" in queue.text
    page = nadia.get(f"/corrections/{copy}?level={level}")
    assert f"/corrections/{diego}" in page.html
    assert f"/corrections/{oksana}" not in page.html
    assert press(nadia, page, "return", comment="Bien").url.startswith(f"/corrections/{diego}")
    page = nadia.get(f"/corrections/{oksana}")
    assert press(nadia, page, "redo", comment="Presque").url.startswith(f"/corrections/{diego}")


def test_a_new_attempt_comes_back_as_a_follow_up_with_the_earlier_one_below(
    school: School, nadia: Visitor, copy: str
) -> None:
    press(nadia, nadia.get(f"/corrections/{copy}"), "redo", comment="Regardez « mardi »")
    school.write(let_undo_pass)

    def again(session: Session) -> str:
        samira = factories.samira(session)
        first = session.get_one(Attempt, copy)
        work = session.get_one(Submission, first.submission_id).assignment_id
        given = session.get_one(Assignment, work)
        return factories.sent(session, samira, given, "Lundi, mardi !", now()).id

    second = school.write(again)
    assert "suite" in nadia.get("/corrections").text
    page = nadia.get(f"/corrections/{second}")
    assert "Lundi, mardi !" in page.text
    assert "Lundi, mardi, mercredi." in page.text
    assert "Regardez « mardi »" in page.text


def test_only_teachers_see_copies(school: School, copy: str) -> None:
    for role in (factories.samira, factories.claire, factories.farid):
        visitor = school.visitor(school.write(role))
        assert visitor.get("/corrections").status == (200 if role is factories.claire else 404)
        assert visitor.get(f"/corrections/{copy}").status == 404
    nadia = school.visitor(school.write(factories.nadia))
    assert nadia.get("/corrections/nothing").status == 404
    draft = school.write(
        lambda s: factories.drafted(s, factories.samira(s), factories.assignment(s), "secret").id
    )
    assert nadia.get(f"/corrections/{draft}").status == 404


def test_a_coordinator_sees_whose_work_waits_and_opens_the_person_not_the_copy(
    school: School, copy: str
) -> None:
    claire = school.visitor(school.write(factories.claire))
    page = claire.get(claire.get("/").links()["Copies à corriger 1"])
    assert page.links()["Samira"] == f"/people/{school.read(lambda s: factories.samira(s).id)}"
    assert copy not in page.html


def test_level_and_state_stay_in_every_address_of_the_list(school: School, nadia: Visitor, copy: str) -> None:
    def more(session: Session) -> str:
        given = factories.assignment(session)
        for number in range(20):
            factories.sent(session, factories.learner(session, f"Personne {number:02}"), given)
        return factories.level(session).id

    level = school.write(more)
    page = nadia.get("/corrections", query_string={"level": level, "state": "new"})
    assert "1 à 20 sur 21" in page.text
    assert nadia.get(page.links()["Page suivante"]).text.count("21 à 21 sur 21") == 1
    links = {words: href for words, href in page.links().items() if href.startswith("/corrections?")}
    for words, kept in (("Page suivante", "new"), ("Niveau 2 0", "new"), ("Suites", level)):
        assert kept in links[words], words
    none = nadia.get(links["Suites"])
    assert "Aucune copie dans cette liste" in none.text
    assert nadia.get("/corrections?state=nothing").status == 200


def test_one_or_thirty_copies_cost_the_same_statements(school: School, nadia: Visitor, copy: str) -> None:
    def count(path: str) -> int:
        with school.counting_statements() as sent:
            assert nadia.get(path).status == 200
        return len(sent)

    pages = ("/corrections", f"/corrections/{copy}")
    few = [count(path) for path in pages]

    def thirty(session: Session) -> None:
        given = factories.assignment(session)
        for number in range(30):
            factories.sent(session, factories.learner(session, f"Personne {number}"), given)

    school.write(thirty)
    assert [count(path) for path in pages] == few


def test_the_pager_leads_through_what_waits_and_back(school: School, nadia: Visitor, copy: str) -> None:
    def more(session: Session) -> None:
        given = factories.assignment(session)
        for number in range(20):
            later = NOW + timedelta(minutes=number + 1)
            factories.sent(session, factories.learner(session, f"Personne {number:02}"), given, now=later)

    school.write(more)
    first = nadia.get("/corrections")
    assert "À corriger · 21" in first.text
    assert "Personne 18" in first.text
    assert "Personne 19" not in first.text
    second = nadia.get(first.links()["Page suivante"])
    assert "Personne 19" in second.text
    assert "Samira" not in second.text
    assert nadia.get(second.links()["Page précédente"]).text == first.text


def test_nothing_to_correct_says_so(school: School) -> None:
    nadia = school.visitor(school.write(factories.nadia))
    assert "Aucune copie à corriger" in nadia.get("/corrections").text
    assert nadia.get("/corrections?level=nothing").status == 200


def with_mail(school: School, smtp: SmtpServer) -> School:
    mailing = replace(school.settings, mail_host="localhost", mail_port=smtp.port, mail_security="none")
    return make_school(mailing, migrated=True)


def test_the_mail_carries_the_answer_in_both_languages(school: School, copy: str, smtp: SmtpServer) -> None:
    school = with_mail(school, smtp)
    nadia = school.visitor(school.write(factories.nadia))
    page = nadia.get(f"/corrections/{copy}")
    press(
        nadia,
        page,
        "redo",
        comment="Bravo <b>Samira</b>.\nPresque fini.",
        next_step="Le pluriel",
        **bands(school, 3, 1),
    )
    assert school.deliver() == 0, "it can still be taken back"
    school.write(let_undo_pass)
    assert school.deliver() == 1
    assert school.deliver() == 0
    (mail,) = smtp.wait_for(1)
    assert mail["Subject"] == "Votre devoir est corrigé"
    assert "samira@learners.example.be" in mail["To"]
    text = present(mail.get_body(("plain",))).get_content()
    html = present(mail.get_body(("html",))).get_content()
    submission = school.read(lambda s: s.get_one(Attempt, copy).submission_id)
    for body in (text, html):
        assert body.count("La tâche") == 2
        assert body.count("Le pluriel") == 2
        assert "très bien" in body
        assert "presque" in body
        assert "Presque fini." in body
        assert f"http://localhost/submissions/{submission}" in body
        assert body.index("Nadia a corrigé votre devoir.") < body.rindex("Le pluriel")
    assert 'lang="ar" dir="rtl"' in html
    assert "&lt;b&gt;Samira&lt;/b&gt;" in html, html
    assert '<blockquote lang="fr" dir="ltr" ' in html
    assert "E-mail envoyé." in nadia.get(f"/corrections/{copy}").text


def test_a_learner_without_an_address_reads_in_the_app_and_the_teacher_knows(school: School) -> None:
    def write(session: Session) -> str:
        given = factories.assignment(session, factories.lesson(session, level_code="N2"))
        return factories.sent(session, factories.oksana(session), given).id

    copy = school.write(write)
    nadia = school.visitor(school.write(factories.nadia))
    page = nadia.get(f"/corrections/{copy}")
    assert "Oksana n’a pas d’e-mail" in page.text
    press(nadia, page, "return", comment="Bien")
    school.write(let_undo_pass)
    school.deliver()
    assert "Pas d’adresse" in nadia.get(f"/corrections/{copy}").text


def test_a_mail_server_that_is_down_loses_nothing_and_nothing_is_sent_twice(
    school: School, copy: str, start_smtp: Callable[..., SmtpServer]
) -> None:
    server = start_smtp()
    server.refuse = "451 4.3.0 try again later"
    school = with_mail(school, server)
    nadia = school.visitor(school.write(factories.nadia))
    press(nadia, nadia.get(f"/corrections/{copy}"), "return", comment="Bien")
    school.write(let_undo_pass)
    school.deliver()
    assert server.attempts == 1
    assert server.messages == []
    assert "E-mail en attente." in nadia.get(f"/corrections/{copy}").text
    server.refuse = None
    jobs = school.app.extensions["lms_jobs"]
    school.write(lambda s: s.execute(update(OutboxItem).values(due_at=NOW - timedelta(days=2))))
    jobs.deliver_due()
    jobs.deliver_due()
    assert len(server.wait_for(1)) == 1
