"""Lists of copies: what was returned, what is asked for again, the search, and the way along each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms.domain.homework import copies
from lms.domain.homework.copies import CopyList, CopyPage
from lms.models import Attempt, Feedback, Lesson, QueuedAttempt, ReturnedFeedback, Submission
from tests import factories
from tests.factories import NOW
from tests.support import history, plans
from tests.support.school import School


@pytest.fixture
def years(school: School) -> School:
    """A school with a thousand copies, 45 of which wait."""
    school.write(lambda s: history.add_work(s, waiting=45, now=NOW))
    plans.analyze(school)
    return school


def ids(page: CopyPage) -> list[str]:
    return [each.attempt_id for each in page.copies]


def walk(session: Session, which: CopyList, text: str = "") -> list[str]:
    """Return the copies of all pages of a list."""
    search, after, found = copies.read_search(session, text), None, []
    for _page in range(100):
        page = copies.returned_page(session, which, search, after=after)
        found += ids(page)
        if page.after is None:
            return found
        after = page.after
    raise AssertionError("the list does not end")


def test_pages_lead_through_all_that_was_returned_and_back(years: School) -> None:
    def story(session: Session) -> None:
        newest_first = list(
            session.scalars(
                select(Feedback.attempt_id)
                .join(ReturnedFeedback, ReturnedFeedback.feedback_id == Feedback.id)
                .order_by(ReturnedFeedback.returned_at.desc(), ReturnedFeedback.id.desc())
            )
        )
        assert walk(session, CopyList.RETURNED) == newest_first
        assert len(newest_first) > 900
        second = copies.returned_page(session, CopyList.RETURNED, after=newest_first[19])
        assert (
            ids(copies.returned_page(session, CopyList.RETURNED, before=second.before)) == newest_first[:20]
        )
        assert copies.returned_page(session, CopyList.RETURNED).before is None

    years.read(story)


def test_what_is_asked_for_again_stands_in_its_list_until_it_is_sent(years: School) -> None:
    def story(session: Session) -> None:
        asked = walk(session, CopyList.REDO)
        assert len(asked) == session.query(Submission).where(Submission.redo_since.is_not(None)).count() > 5
        assert not set(asked) & set(session.scalars(select(QueuedAttempt.attempt_id)))
        session.execute(update(Submission).values(redo_since=None))
        assert walk(session, CopyList.REDO) == []

    years.write_and_undo(story)


def test_a_copy_that_was_returned_twice_stands_once_at_its_last_return(school: School) -> None:
    def story(session: Session) -> None:
        work = factories.assignment(session)
        first, second = (
            factories.sent(session, factories.learner(session, name), work) for name in ("Ahmad", "Tesfay")
        )
        factories.answered(session, first, now=NOW)
        factories.answered(session, second, now=NOW + timedelta(hours=1), redo=True)
        assert walk(session, CopyList.RETURNED) == [second.id, first.id]
        factories.answered(session, first, now=NOW + timedelta(hours=2))
        assert walk(session, CopyList.RETURNED) == [first.id, second.id]
        assert walk(session, CopyList.REDO) == [second.id]
        (line,) = copies.with_mails(session, copies.returned_page(session, CopyList.REDO).copies)  # type: ignore[arg-type]
        assert (line.learner, line.teacher, line.redo, line.mail) == ("Tesfay", "Nadia", True, "waiting")

    school.write(story)


def test_a_search_finds_learner_and_lesson_without_case_and_accents(school: School) -> None:
    def story(session: Session) -> None:
        doctor = factories.lesson(session, "Chez le médecin")
        street = factories.lesson(session, "Où est la rue ?")
        amelie, omar = factories.learner(session, "Amélie Doe"), factories.learner(session, "Omar Rue")
        sent = {
            (who.name, lesson.title): factories.sent(session, who, factories.assignment(session, lesson)).id
            for who in (amelie, omar)
            for lesson in (doctor, street)
        }

        def waiting(text: str) -> set[str]:
            search = copies.read_search(session, text)
            assert search is not None
            return set(ids(copies.waiting_page(session, factories.nadia(session), search)))

        wanted: dict[str, set[tuple[str, str]]] = {
            "AMELIE": {("Amélie Doe", doctor.title), ("Amélie Doe", street.title)},
            "medecin": {("Amélie Doe", doctor.title), ("Omar Rue", doctor.title)},
            "rue": {("Omar Rue", doctor.title), ("Amélie Doe", street.title), ("Omar Rue", street.title)},
            "omar medecin": {("Omar Rue", doctor.title)},
            "100%": set(),
            "omar amelie": set(),
        }
        found = {text: waiting(text) for text in wanted}
        assert found == {text: {sent[key] for key in keys} for text, keys in wanted.items()}
        for attempt in session.scalars(select(QueuedAttempt.attempt_id)).all():
            factories.answered(session, session.get_one(Attempt, attempt), redo=True)
        for which in (CopyList.RETURNED, CopyList.REDO):
            assert {text: set(walk(session, which, text)) for text in wanted} == found
        assert copies.read_search(session, " ") is None

    school.write(story)


def test_a_search_reads_a_window_and_goes_on_behind_it(
    years: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "WINDOW", 100)

    def story(session: Session) -> None:
        # A lesson is named as well: the copies of few learners alone would be read by their index.
        session.execute(update(Lesson).values(title="Personne 003"))
        nobody = copies.read_search(session, "personne 007 zz")
        last = copies.returned_page(session, CopyList.RETURNED, nobody)
        assert (last.copies, last.is_partial) == ([], True)
        assert len(walk(session, CopyList.RETURNED, "personne 003")) > 900
        assert len(walk(session, CopyList.RETURNED, "personne 017")) == 25

    years.write_and_undo(story)


def test_every_list_leads_from_copy_to_copy(years: School) -> None:
    def story(session: Session) -> None:
        nadia, search = factories.nadia(session), copies.read_search(session, "personne 017")
        for which, text in (
            (CopyList.RETURNED, ""),
            (CopyList.RETURNED, "personne 017"),
            (CopyList.REDO, ""),
        ):
            found = walk(session, which, text)
            searched = copies.read_search(session, text)
            beside = [
                copies.find_beside(session, nadia, which, each, searched, now=NOW)[:2] for each in found[:25]
            ]
            assert beside == list(zip([None, *found], [*found[1:], None], strict=False))[:25]
        assert search is not None
        assert search.learner_ids is not None
        waiting = copies.read_search(session, "personne 039")
        assert waiting is not None
        found = ids(copies.waiting_page(session, nadia, waiting))
        assert copies.find_beside(session, nadia, CopyList.WAITING, found[3], waiting, now=NOW)[:2] == (
            found[2],
            found[4],
        )
        assert copies.find_beside(session, nadia, CopyList.WAITING, found[0], waiting, now=NOW)[:2] == (
            None,
            found[1],
        )

    years.read(story)


def test_no_list_and_no_search_reads_all_that_was_ever_returned(years: School) -> None:
    level, nadia = years.read(lambda s: (factories.level(s).id, factories.nadia(s)))

    def ask(session: Session) -> None:
        for which in (CopyList.RETURNED, CopyList.REDO):
            for text in ("", "personne 017", "zz", "jours"):
                search = copies.read_search(session, text)
                for level_id in (None, level):
                    page = copies.returned_page(session, which, search, level_id)
                    copies.returned_page(session, which, search, level_id, after=page.after)
        copies.find_beside(session, nadia, CopyList.RETURNED, "nothing", None, level, now=NOW)

    with plans.reading_plans(years) as read:
        years.read(ask)
    assert "\n\n".join(plans.full_scans(read)) == ""
