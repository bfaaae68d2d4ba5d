"""What is decided for the page of a copy, without a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from lms.blueprints.corrections.correction_page import CorrectionPage, build_correction_page
from lms.domain.homework import attempts, correction
from lms.domain.homework.correction import FeedbackDraft
from lms.forms.correction import FeedbackForm
from lms.models import Assignment, Attempt, HomeworkState, OutboxItem, Outcome, Person, Submission
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.school import School


@pytest.fixture
def copy(school: School) -> str:
    def write(session: Session) -> str:
        factories.criteria(session)
        samira = factories.samira(session, language="ar")
        return factories.sent(session, samira, factories.assignment(session)).id

    return school.write(write)


def shown(
    school: School,
    copy: str,
    who: Callable[[Session], Person] = factories.nadia,
    *,
    comment: str = "",
    bands: Mapping[str, int] | None = None,
    level_id: str | None = None,
    has_clash: bool = False,
) -> CorrectionPage:
    def build(session: Session) -> CorrectionPage:
        person = who(session)
        return build_correction_page(
            session,
            person,
            attempts.queued_attempt_for(session, person, copy),
            FeedbackForm(formdata=None, data={"comment": comment}),
            bands or {},
            level_id=level_id,
            has_clash=has_clash,
        )

    with school.app.test_request_context():
        return school.write(build)


def save(school: School, copy: str, comment: str) -> None:
    def write(session: Session) -> None:
        nadia = factories.nadia(session)
        attempt = attempts.queued_attempt_for(session, nadia, copy)
        correction.save_feedback(session, attempt, nadia, FeedbackDraft(comment), 0, now=NOW)

    school.write(write)


def give_back(school: School, copy: str, *, redo: bool = False) -> None:
    def write(session: Session) -> None:
        nadia = factories.nadia(session)
        attempt = attempts.queued_attempt_for(session, nadia, copy)
        draft = FeedbackDraft("Bravo")
        correction.return_feedback(session, attempt, nadia, draft, 0, redo=redo, now=NOW)

    school.write(write)


def test_a_new_copy_has_a_form_and_no_feedback(school: School, copy: str) -> None:
    page = shown(school, copy)
    heading = page.heading
    assert (heading.learner, heading.first_name, heading.level) == ("Samira", "Samira", "Niveau 1")
    assert (heading.number, heading.sent_at) == (1, NOW)
    assert (page.errors, page.clash, page.returned) == (None, None, None)
    assert list(page.others) == []
    panel = present(page.panel)
    assert (panel.begun_by, str(panel.save_label)) == (None, "Enregistrer le brouillon")
    assert panel.reach == "Samira reçoit un e-mail en français et en arabe."


def test_each_criterion_has_the_chosen_band(school: School, copy: str) -> None:
    first, second, *_rest = [one.id for one in school.write(factories.criteria)]
    rows = present(shown(school, copy, bands={first: 0}).panel).criteria
    assert {row.id: row.band for row in rows}.items() >= {first: 0, second: None}.items()


def test_only_the_draft_of_a_colleague_is_announced(school: School, copy: str) -> None:
    save(school, copy, "Presque")
    assert present(shown(school, copy).panel).begun_by is None
    assert present(shown(school, copy, factories.luc).panel).begun_by == "Nadia Dubois"


def test_after_a_clash_the_draft_of_the_colleague_stands_beside_the_form(school: School, copy: str) -> None:
    save(school, copy, "Presque")
    page = shown(school, copy, factories.luc, comment="Bien", has_clash=True)
    clash, panel = present(page.clash), present(page.panel)
    assert (clash.teacher, clash.feedback.comment) == ("Nadia Dubois", "Presque")
    assert str(clash.link) == "Prendre ce texte"
    assert (panel.begun_by, str(panel.save_label)) == (None, "Garder mon texte")


def test_returned_feedback_takes_the_place_of_the_form(school: School, copy: str) -> None:
    give_back(school, copy)
    page = shown(school, copy)
    returned = present(page.returned)
    assert (page.panel, page.clash, returned.unsent) == (None, None, None)
    assert (returned.state, returned.teacher, returned.returned_at) == (
        HomeworkState.DONE,
        "Nadia Dubois",
        NOW,
    )


def test_a_requested_redo_is_the_state_of_returned_feedback(school: School, copy: str) -> None:
    give_back(school, copy, redo=True)
    assert present(shown(school, copy).returned).state == HomeworkState.REDO


def test_what_can_no_longer_be_sent_is_not_lost(school: School, copy: str) -> None:
    give_back(school, copy)
    page = shown(school, copy, factories.luc, comment="Encore", has_clash=True)
    unsent = present(present(page.returned).unsent)
    assert (unsent.comment, unsent.next_step) == ("Encore", "")
    assert str(present(page.clash).link) == "Voir la réponse envoyée"


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (None, "E-mail en attente."),
        (Outcome.SENT, "E-mail envoyé."),
        (Outcome.NO_ADDRESS, "Pas d’adresse\N{NO-BREAK SPACE}: la réponse est dans l’application."),
        (Outcome.FAILED, "L’e-mail n’est pas parti. La réponse est dans l’application."),
    ],
)
def test_the_outcome_of_the_mail_is_a_sentence(
    school: School, copy: str, outcome: Outcome | None, sentence: str
) -> None:
    give_back(school, copy)
    closed = NOW if outcome else None
    school.write(lambda s: s.execute(update(OutboxItem).values(outcome=outcome, closed_at=closed)))
    assert str(present(shown(school, copy).returned).mail) == sentence


def test_the_queue_marks_this_copy_and_knows_its_neighbours(school: School, copy: str) -> None:
    def more(session: Session) -> tuple[str, str, str]:
        later = NOW + timedelta(hours=1)
        work = factories.assignment(session, factories.lesson(session, level_code="N2"))
        oksana = factories.sent(session, factories.oksana(session), work, now=later)
        diego = factories.learner(session, "Diego Ramos")
        last = factories.sent(session, diego, factories.assignment(session), now=later + timedelta(hours=1))
        return oksana.id, last.id, factories.level(session).id

    oksana, diego, level = school.write(more)
    page = shown(school, oksana)
    assert [(row.copy.attempt_id, row.is_current) for row in page.queue] == [
        (copy, False),
        (oksana, True),
        (diego, False),
    ]
    assert (page.previous, page.following) == (copy, diego)
    page = shown(school, copy, level_id=level)
    assert [row.copy.attempt_id for row in page.queue] == [copy, diego]
    assert (page.previous, page.following) == (None, diego)
    page = shown(school, oksana, level_id=level)  # of another level: its neighbours by the time it was sent
    assert (page.previous, page.following) == (copy, diego)


def test_other_attempts_show_only_what_was_returned(school: School, copy: str) -> None:
    give_back(school, copy, redo=True)

    def again(session: Session) -> str:
        given = session.get_one(Submission, session.get_one(Attempt, copy).submission_id).assignment_id
        return factories.sent(session, factories.samira(session), session.get_one(Assignment, given)).id

    second = school.write(again)
    (first,) = shown(school, second).others
    assert (first.id, first.number, present(first.feedback).comment) == (copy, 1, "Bravo")
    save(school, second, "Presque")
    (later,) = shown(school, copy).others
    assert (later.id, later.number, later.feedback) == (second, 2, None)
