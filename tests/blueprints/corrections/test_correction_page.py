"""What is decided for the page of a copy, without a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from lms.blueprints.corrections.correction_page import CorrectionPage, TypedFeedback, build_correction_page
from lms.domain.homework import attempts, correction
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.returns import UNDOABLE
from lms.forms.correction import FeedbackForm
from lms.models import Assignment, Attempt, HomeworkState, OutboxItem, Outcome, Person, Submission
from lms.refusal_codes import RefusalCode
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
    typed: FeedbackDraft | None = None,
    seen: FeedbackDraft | None = None,
    refusal: RefusalCode | None = None,
    level_id: str | None = None,
    completing: bool = False,
) -> CorrectionPage:
    """Build the page; `typed`: of a form that was refused, after its page had shown the draft `seen`."""

    def build(session: Session) -> CorrectionPage:
        person = who(session)
        sent = None
        if typed:
            words = {"comment": typed.comment, "next_step": typed.next_step}
            form = FeedbackForm(formdata=None, data=words)
            sent = TypedFeedback(form, typed.bands, (seen or FeedbackDraft()).stamps(), refusal)
        return build_correction_page(
            session,
            person,
            attempts.queued_attempt_for(session, person, copy),
            level_id=level_id,
            typed=sent,
            completing=completing,
            now=NOW,
        )

    with school.app.test_request_context():
        return school.write(build)


def save(school: School, copy: str, draft: FeedbackDraft) -> None:
    def write(session: Session) -> None:
        nadia = factories.nadia(session)
        attempt = attempts.queued_attempt_for(session, nadia, copy)
        correction.save_feedback(session, attempt, nadia, draft, {}, now=NOW)

    school.write(write)


def give_back(school: School, copy: str, comment: str = "Bravo", *, redo: bool = False) -> None:
    school.write(lambda s: factories.answered(s, s.get_one(Attempt, copy), comment=comment, redo=redo))


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
    save(school, copy, FeedbackDraft(bands={first: 0}))

    def chosen(page: CorrectionPage) -> list[int | None]:
        bands = {row.id: row.band for row in present(page.panel).rubric}
        return [bands[first], bands[second]]

    assert chosen(shown(school, copy)) == [0, None]
    typed = shown(school, copy, typed=FeedbackDraft(bands={second: 3}), seen=FeedbackDraft(bands={first: 0}))
    assert chosen(typed) == [None, 3]


def test_the_page_says_of_each_field_what_it_showed(school: School, copy: str) -> None:
    save(school, copy, FeedbackDraft("Presque"))
    panel = present(shown(school, copy).panel)
    assert panel.shown["shown-comment"] == correction.stamp("Presque")
    assert set(panel.shown.values()) == {correction.stamp("Presque"), ""}
    assert panel.form.version.data == "0"


def test_only_the_draft_of_a_colleague_is_announced(school: School, copy: str) -> None:
    save(school, copy, FeedbackDraft("Presque"))
    assert present(shown(school, copy).panel).begun_by is None
    assert present(shown(school, copy, factories.luc).panel).begun_by == "Nadia Dubois"


def test_after_a_clash_what_the_colleague_wrote_stands_beside_the_form(school: School, copy: str) -> None:
    task = school.write(lambda s: factories.criteria(s)[0].id)
    save(school, copy, FeedbackDraft("Presque", "Le pluriel", {task: 1}))
    written, seen = FeedbackDraft("Bien", "Le pluriel"), FeedbackDraft("", "Le pluriel")
    page = shown(school, copy, factories.luc, typed=written, seen=seen, refusal=RefusalCode.FIELD_CHANGED)
    clash, panel = present(page.clash), present(page.panel)
    assert str(clash.sentence) == "Nadia Dubois a écrit :"
    assert (clash.feedback.comment, clash.feedback.next_step) == ("Presque", "")
    assert [band.band for band in clash.feedback.bands] == [1]
    assert (str(clash.link), str(panel.save_label)) == ("Prendre ce texte", "Garder mon texte")
    # Her band is new to him, and his word replaces hers only when he sends it again.
    assert (panel.form.comment.data, panel.rubric[0].band, panel.begun_by) == ("Bien", 1, None)
    assert panel.shown["shown-comment"] == correction.stamp("Presque")


def test_returned_feedback_takes_the_place_of_the_form(school: School, copy: str) -> None:
    give_back(school, copy)
    page = shown(school, copy)
    returned = present(page.returned)
    assert (page.panel, page.clash, list(returned.earlier)) == (None, None, [])
    assert (returned.state, returned.feedback.teacher.name, returned.feedback.returned_at) == (
        HomeworkState.DONE,
        "Nadia Dubois",
        NOW - UNDOABLE,
    )


def test_a_requested_redo_is_the_state_of_returned_feedback(school: School, copy: str) -> None:
    give_back(school, copy, redo=True)
    assert present(shown(school, copy).returned).state == HomeworkState.REDO


def test_returned_feedback_can_be_completed_and_each_return_stays_in_sight(school: School, copy: str) -> None:
    give_back(school, copy)
    panel = present(shown(school, copy, completing=True).panel)
    assert (panel.form.comment.data, panel.form.version.data, panel.begun_by) == ("Bravo", "1", None)
    give_back(school, copy, "Bravo, et relisez.")
    returned = present(shown(school, copy).returned)
    assert (returned.feedback.comment, [each.comment for each in returned.earlier]) == (
        "Bravo, et relisez.",
        ["Bravo"],
    )


def test_what_a_colleague_has_returned_meanwhile_is_shown_beside_the_own_words(
    school: School, copy: str
) -> None:
    give_back(school, copy)
    page = shown(
        school,
        copy,
        factories.luc,
        typed=FeedbackDraft("", "Le pluriel"),
        refusal=RefusalCode.ALREADY_RETURNED,
    )
    clash, panel = present(page.clash), present(page.panel)
    assert str(clash.sentence) == "Nadia Dubois a rendu cette copie :"
    assert (clash.feedback.comment, str(clash.link)) == ("Bravo", "Voir la réponse envoyée")
    assert (panel.form.comment.data, panel.form.next_step.data) == ("Bravo", "Le pluriel")
    assert panel.form.version.data == "1"  # whoever sends it now has seen the first return


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


def test_the_page_knows_its_place_in_the_queue(school: School, copy: str) -> None:
    def more(session: Session) -> tuple[str, str, str]:
        later = NOW + timedelta(hours=1)
        work = factories.assignment(session, factories.lesson(session, level_code="N2"))
        oksana = factories.sent(session, factories.oksana(session), work, now=later)
        diego = factories.learner(session, "Diego Ramos")
        last = factories.sent(session, diego, factories.assignment(session), now=later + timedelta(hours=1))
        return oksana.id, last.id, factories.level(session).id

    oksana, diego, level = school.write(more)
    place = shown(school, oksana).place
    assert (place.before, place.after, place.number, place.total) == (copy, diego, 2, 3)
    place = shown(school, copy, level_id=level).place
    assert (place.before, place.after, place.number, place.total) == (None, diego, 1, 2)
    place = shown(school, oksana, level_id=level).place  # of another level: by when it was sent
    assert (place.before, place.after) == (copy, diego)


def test_other_attempts_show_only_what_was_returned(school: School, copy: str) -> None:
    give_back(school, copy, redo=True)

    def again(session: Session) -> str:
        given = session.get_one(Submission, session.get_one(Attempt, copy).submission_id).assignment_id
        return factories.sent(session, factories.samira(session), session.get_one(Assignment, given)).id

    second = school.write(again)
    (first,) = shown(school, second).others
    assert (first.id, first.number, present(first.feedback).comment) == (copy, 1, "Bravo")
    save(school, second, FeedbackDraft("Presque"))
    (later,) = shown(school, copy).others
    assert (later.id, later.number, later.feedback) == (second, 2, None)
