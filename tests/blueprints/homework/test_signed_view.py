"""One answer under a private address: what is on its page, who may open it, and what it leads to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.homework import attempts, correction, files, marks
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.marks import MarkContent
from lms.models import Attempt, MarkCode, MarkKind, OutboxItem, Rendition, ReturnedFeedback, SignedView
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.pages import Visitor
from tests.support.school import School


@pytest.fixture
def token(school: School) -> str:
    """The token of an answer with two marks to Samira, who has sent a photo and some words."""

    def write(session: Session) -> str:
        nadia, samira = factories.nadia(session), factories.samira(session, language="ar")
        work = factories.assignment(session)
        draft = factories.drafted(session, samira, work, "Je prend le bus.")
        files.add_file(session, draft, work, factories.stored(school.app.extensions["lms_store"]), now=NOW)
        attempts.send_attempt(session, draft, work, now=NOW)
        copy = attempts.queued_attempt_for(session, nadia, draft.id)
        feedback = correction.open_feedback(session, copy, nadia, returns=0, now=NOW)
        word = MarkContent(
            MarkKind.RANGE, MarkCode.CONJUGATION, starts=3, ends=8, quote="prend", model="prends"
        )
        photo = copy.attachments[0].id
        star = MarkContent(MarkKind.PIN, MarkCode.GOOD, photo, page=1, x=2500, y=7500)
        for number, mark in enumerate((word, star)):
            marks.add_mark(session, copy, feedback.id, nadia, f"key-{number}", mark, now=NOW)
        copy = attempts.queued_attempt_for(session, nadia, draft.id)
        correction.return_feedback(session, copy, nadia, FeedbackDraft("Bravo."), {}, redo=True, now=NOW)
        return present(session.scalars(select(OutboxItem.secret)).one())

    return school.write(write)


@pytest.fixture
def stranger(school: School) -> Visitor:
    return school.visitor()


def test_the_page_shows_that_one_answer_in_her_language_and_leads_nowhere_else(
    school: School, stranger: Visitor, token: str
) -> None:
    page = stranger.get(f"/r/{token}")
    assert page.status == 200
    assert (page.root.all("html")[0].get("lang"), page.root.all("html")[0].get("dir")) == ("ar", "rtl")
    for shown in ("Bravo.", "« prend »", "prends"):
        assert shown in page.text
    leads_to = {link.get("href") for link in page.root.all("a")} - {""}
    assert leads_to == {"#content", "#mark-1", "#mark-2"}
    assert [form.get("action") for form in page.root.all("form")] == [f"/r/{token}"]
    response = stranger.client.get(f"/r/{token}")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in response.headers["X-Robots-Tag"]
    assert school.read(lambda s: s.scalars(select(SignedView.opened_at)).one()) is not None


def test_the_pages_of_her_copy_are_delivered_under_the_same_token_alone(
    school: School, stranger: Visitor, token: str
) -> None:
    made = school.read(lambda s: s.scalars(select(Rendition.id)).one())
    assert f"/r/{token}/pages/{made}" in stranger.get(f"/r/{token}").html
    picture = stranger.client.get(f"/r/{token}/pages/{made}", buffered=True)
    assert (picture.status_code, picture.mimetype) == (200, "image/jpeg")
    assert picture.headers["Cache-Control"] == "no-store"
    for address in (f"/r/{token}/pages/other", f"/r/other/pages/{made}", f"/files/{made}"):
        assert stranger.client.get(address).status_code in (302, 303, 404)
    assert stranger.client.get(f"/r/{token}/pages/other").status_code == 404


def test_she_says_without_a_login_that_she_has_not_understood(
    school: School, stranger: Visitor, token: str
) -> None:
    page = stranger.submit(stranger.get(f"/r/{token}"), {"understood": "no"}, action=f"/r/{token}")
    assert page.url == f"/r/{token}"
    found = school.read(lambda s: s.scalars(select(ReturnedFeedback)).one())
    assert (found.understood, found.seen_at is None) == (False, False)
    assert stranger.client.post(f"/r/{token}", data={"understood": "yes"}).status_code == 400, "no CSRF token"
    nadia = school.visitor(school.read(lambda s: factories.nadia(s).id))
    assert "N’a pas compris la correction" in nadia.get("/").text
    copy = school.read(lambda s: s.scalars(select(Attempt.id)).one())
    assert "Samira n’a pas compris." in nadia.get(f"/corrections/{copy}").text


def test_who_is_logged_in_on_the_same_phone_is_not_shown(school: School, token: str) -> None:
    tesfay = school.visitor(school.write(lambda s: factories.learner(s, "Tesfay")))
    page = tesfay.get(f"/r/{token}")
    assert "Bravo." in page.text
    assert "data-person" not in page.html


def test_an_address_that_is_over_unknown_or_ended_by_a_teacher_says_so_and_leads_to_the_card(
    school: School, stranger: Visitor, token: str
) -> None:
    unknown = stranger.get(f"/r/{token[:-1]}")
    assert unknown.status == 404
    assert "Ce lien n’est plus valable" in unknown.text
    assert "/card" in {link.get("href") for link in unknown.root.all("a")}
    form = stranger.get(f"/r/{token}")
    nadia = school.visitor(school.read(lambda s: factories.nadia(s).id))
    copy = school.read(lambda s: s.scalars(select(Attempt.id)).one())
    page = nadia.get(f"/corrections/{copy}")
    page = nadia.submit(page, action="/views/revocation")
    assert "Le lien sans connexion ne marche plus." in page.text
    assert "Couper le lien" not in page.text
    over = stranger.get(f"/r/{token}")
    assert (over.status, "Bravo." in over.text) == (410, False)
    assert stranger.submit(form, {"understood": "no"}, action=f"/r/{token}").status == 410
    assert school.read(lambda s: s.scalars(select(ReturnedFeedback.understood)).one()) is None


def test_after_thirty_days_it_is_over_and_the_night_deletes_it(
    school: School, stranger: Visitor, token: str
) -> None:
    def set_end(days: int) -> None:
        ends = now() - timedelta(days=days)
        school.write(lambda s: s.execute(update(SignedView).values(expires_at=ends)))

    set_end(1)
    assert stranger.get(f"/r/{token}").status == 410
    jobs = school.app.extensions["lms_jobs"]
    jobs.every_night()
    assert stranger.get(f"/r/{token}").status == 410
    set_end(8)
    jobs.every_night()
    assert stranger.get(f"/r/{token}").status == 404


def test_guessing_tokens_is_stopped(stranger: Visitor) -> None:
    answers = [stranger.client.get(f"/r/guess-{number}").status_code for number in range(61)]
    assert set(answers[:60]) == {404}
    assert answers[60] == 429
