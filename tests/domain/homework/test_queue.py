"""The queue: its pages by key, its neighbours from any place, and how the database finds them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.homework import attempts, consistency, correction, queue
from lms.domain.homework.queue import QueuePlace, QueueState
from lms.models import Attempt, Person, QueuedAttempt
from tests import factories
from tests.factories import NOW
from tests.support import history, plans
from tests.support.school import School

WAITING = 45  # two pages and a bit


@pytest.fixture
def years(school: School) -> list[str]:
    """The ids of what waits in a school with a past, the oldest first."""

    def live(session: Session) -> list[str]:
        history.add_work(session, waiting=WAITING, now=NOW)
        in_order = select(QueuedAttempt.attempt_id).order_by(QueuedAttempt.since)
        return list(session.scalars(in_order))

    ids = school.write(live)
    plans.analyze(school)
    return ids


def place_of(session: Session, attempt_id: str) -> QueuePlace:
    attempt = session.get_one(Attempt, attempt_id)
    return queue.find_place(session, factories.nadia(session), attempt, now=NOW)


def test_pages_lead_from_the_oldest_to_the_newest_and_back(school: School, years: list[str]) -> None:
    def walk(session: Session) -> None:
        nadia = factories.nadia(session)
        first = queue.queue_page(session, nadia)
        second = queue.queue_page(session, nadia, after=first.after)
        third = queue.queue_page(session, nadia, after=second.after)
        pages = [[each.attempt_id for each in page.attempts] for page in (first, second, third)]
        assert [*pages[0], *pages[1], *pages[2]] == years
        assert [len(page) for page in pages] == [20, 20, 5]
        assert [page.begin for page in (first, second, third)] == [0, 20, 40]
        assert (first.before, third.after) == (None, None)
        assert queue.queue_page(session, nadia, before=third.before) == second
        back = queue.queue_page(session, nadia, before=second.before)
        assert [each.attempt_id for each in back.attempts] == pages[0]
        assert back.before is None

    school.read(walk)


def test_a_page_beyond_what_waits_is_the_first_one(school: School, years: list[str]) -> None:
    def ask(session: Session) -> None:
        nadia = factories.nadia(session)
        first = queue.queue_page(session, nadia)
        assert queue.queue_page(session, nadia, after=years[-1]) == first
        assert queue.queue_page(session, nadia, before=years[0]) == first
        assert queue.queue_page(session, nadia, after="nothing") == first
        assert queue.queue_page(session, nadia, "nothing", after=years[0]).attempts == []

    school.read(ask)


def test_every_copy_knows_its_neighbours_and_one_that_was_answered_too(
    school: School, years: list[str]
) -> None:
    def ask(session: Session) -> None:
        def beside(attempt_id: str) -> tuple[str | None, str | None]:
            place = place_of(session, attempt_id)
            return place.before, place.after

        assert beside(years[40]) == (years[39], years[41])
        assert beside(years[0]) == (None, years[1])
        assert beside(years[-1]) == (years[-2], None)
        factories.answered(session, session.get_one(Attempt, years[40]), now=NOW)
        assert beside(years[40]) == (years[39], years[41])
        assert place_of(session, years[-1]).following == years[0]
        assert (place_of(session, years[41]).number, place_of(session, years[41]).total) == (41, WAITING - 1)

    school.write_and_undo(ask)


def test_copies_sent_at_one_moment_are_all_met(school: School) -> None:
    def send(session: Session) -> None:
        work = factories.assignment(session)
        for number in range(3):
            factories.sent(session, factories.learner(session, f"Personne {number}"), work)
        ids = [each.attempt_id for each in queue.list_queue(session)]
        assert ids == sorted(ids)
        places = [place_of(session, each) for each in ids]
        assert [place.number for place in places] == [1, 2, 3]
        beside = [(place.before, place.after) for place in places]
        assert beside == [(None, ids[1]), (ids[0], ids[2]), (ids[1], None)]

    school.write(send)


def test_what_is_sent_comes_into_the_queue_once_and_what_is_answered_leaves_it(school: School) -> None:
    def story(session: Session) -> None:
        samira, work = factories.samira(session), factories.assignment(session)
        factories.answered(session, factories.sent(session, samira, work), redo=True)
        assert session.scalar(select(func.count()).select_from(QueuedAttempt)) == 0
        again = factories.sent(session, samira, work, "Mieux", now=NOW + timedelta(hours=1))
        row = session.scalars(select(QueuedAttempt)).one()
        assert (row.attempt_id, row.since, row.learner_id) == (again.id, again.sent_at, samira.id)
        assert (row.level_id, row.is_follow_up) == (factories.level(session).id, True)
        assert consistency.find_homework_faults(session) == []

    school.write(story)


def test_the_queue_is_found_by_an_index_however_much_was_answered(school: School, years: list[str]) -> None:
    def find(session: Session) -> tuple[str, Attempt, Person]:
        return factories.level(session).id, session.get_one(Attempt, years[40]), factories.nadia(session)

    level, attempt, nadia = school.read(find)

    def ask(session: Session) -> None:
        queue.counts_by_level(session)
        for by_level in (None, level):
            queue.queue_page(session, nadia, by_level)
            queue.queue_page(session, nadia, by_level, after=years[20])
            queue.queue_page(session, nadia, by_level, before=years[20])
            queue.find_place(session, nadia, attempt, by_level, now=NOW)

    with plans.reading_plans(school) as read:
        school.read(ask)
    assert len(read) == 11
    assert "\n\n".join(plans.full_scans(read)) == ""


def test_new_ones_those_sent_again_and_own_drafts_are_looked_at_alone(school: School) -> None:
    def story(session: Session) -> None:
        nadia, luc = factories.nadia(session), factories.luc(session)
        samira, work = factories.samira(session), factories.assignment(session)
        factories.answered(session, factories.sent(session, samira, work), redo=True)
        again = factories.sent(session, samira, work, "Mieux", now=NOW + timedelta(hours=1)).id
        first = factories.sent(session, factories.learner(session, "Ahmad"), work, now=NOW)
        draft = correction.FeedbackDraft("Bravo")
        correction.save_feedback(session, first, luc, draft, {}, now=NOW)

        def listed(who: Person, state: QueueState | None) -> list[str]:
            page = queue.queue_page(session, who, state=state)
            counts = queue.counts_by_level(session, who, state)
            assert sum(count.number for count in counts) == len(page.attempts)
            return [each.attempt_id for each in page.attempts]

        assert listed(nadia, None) == [first.id, again]
        assert listed(nadia, QueueState.NEW) == [first.id]
        assert listed(nadia, QueueState.FOLLOW_UP) == [again]
        assert listed(nadia, QueueState.DRAFT) == []
        assert listed(luc, QueueState.DRAFT) == [first.id]

    school.write(story)


def test_who_has_a_copy_open_is_named_to_the_others_for_a_minute(school: School) -> None:
    def story(session: Session) -> None:
        nadia, luc = factories.nadia(session), factories.luc(session)
        attempt = factories.sent(session, factories.samira(session), factories.assignment(session))

        def viewer(who: Person, seconds: int = 0) -> str | None:
            moment = NOW + timedelta(seconds=seconds)
            return queue.find_place(session, who, attempt, now=moment).viewer

        assert viewer(luc) is None
        queue.record_viewer(session, nadia, attempt, now=NOW)
        assert (viewer(nadia), viewer(luc), viewer(luc, 59), viewer(luc, 60)) == (
            None,
            "Nadia",
            "Nadia",
            None,
        )
        queue.record_viewer(session, luc, attempt, now=NOW)
        assert (viewer(nadia), viewer(luc)) == ("Luc", None)

    school.write(story)


def test_feedback_that_is_opened_again_waits_at_the_end_of_the_queue(school: School) -> None:
    def story(session: Session) -> None:
        nadia, work = factories.nadia(session), factories.assignment(session)
        first, second = (
            factories.sent(session, factories.learner(session, name), work) for name in ("Tesfay", "Ahmad")
        )
        factories.answered(session, first)
        assert place_of(session, first.id).is_waiting is False
        copy = attempts.queued_attempt_for(session, nadia, first.id)
        shown, returns = factories.what_is_shown(session, copy)
        later, more = NOW + timedelta(days=1), correction.FeedbackDraft("Bravo, et relisez.")
        correction.save_feedback(session, copy, nadia, more, shown, returns=returns, now=later)
        assert [each.attempt_id for each in queue.list_queue(session)] == [second.id, first.id]
        assert (place_of(session, first.id).before, place_of(session, second.id).after) == (
            second.id,
            first.id,
        )
        row = session.get_one(QueuedAttempt, first.id)
        assert (row.since, row.is_first) == (later, False)
        assert consistency.find_homework_faults(session) == []

    school.write(story)
