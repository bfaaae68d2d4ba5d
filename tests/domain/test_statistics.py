from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.domain.statistics import FirstSteps, current_figures
from lms.models import AccessCard, Outcome
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import School


def _school(session: Session) -> None:
    factories.organisation(session)
    factories.samira(session)
    factories.oksana(session)
    gone = factories.learner(session, "Marc", "N1")
    for who in (factories.samira(session), gone):
        card = session.get_one(AccessCard, factories.printed_card(session, who).id)
        card.failed_pins, card.locked_at = 5, NOW
    gone.deactivated_at = NOW
    factories.samira(session).social_worker_id = factories.farid(session).id
    factories.claire(session)
    factories.person(session, "Gone", "teacher").deactivated_at = NOW
    factories.person(session, "Both", "teacher", "learner", level_code="N2")


def test_the_coordinator_counts_who_comes_and_who_has_no_card(school: School) -> None:
    school.write(_school)
    found = school.read(lambda s: current_figures(s, now=NOW, zone=BRUSSELS))
    assert [(each.name[-1], each.number) for each in found.by_level] == [("1", 1), ("2", 2), ("3", 0)]
    assert (found.without_card, found.locked_cards, found.without_social_worker) == (2, 1, 2)


def test_mails_that_failed_this_week_are_counted_and_older_ones_are_not(school: School) -> None:
    def fail(session: Session) -> None:
        for number, closed_at in enumerate((NOW, NOW - timedelta(days=8))):
            item = outbox.post(
                session, "feedback_returned", factories.samira(session), f"f{number}", now=closed_at
            )
            outbox.close_item(session, item.id, Outcome.FAILED, "no", now=closed_at)
        done = outbox.post(session, "feedback_returned", factories.samira(session), "ok", now=NOW)
        outbox.close_item(session, done.id, Outcome.SENT, now=NOW)

    school.write(fail)
    assert school.read(lambda s: current_figures(s, now=NOW, zone=BRUSSELS)).failed_mails == 1


def test_this_week_begins_on_monday_and_copies_that_wait_are_counted(school: School) -> None:
    def live(session: Session) -> None:
        nadia = factories.nadia(session)
        factories.all_week(session, nadia)
        for day in ("2026-11-30", "2026-12-04", "2026-12-07"):  # a Monday, its Friday, the next Monday
            factories.booked(session, factories.samira(session), nadia, wall(day, "10:00"))
        factories.sent(session, factories.samira(session), factories.assignment(session))

    school.write(live)
    wednesday = wall("2026-12-02", "10:00")
    found = school.read(lambda s: current_figures(s, now=wednesday, zone=BRUSSELS))
    assert (found.week_bookings, found.waiting_copies) == (2, 1)


def first_steps(school: School) -> FirstSteps:
    return school.read(lambda s: current_figures(s, now=NOW, zone=BRUSSELS)).first_steps


@pytest.fixture
def without_video(school: School) -> None:
    school.write(lambda s: setattr(factories.organisation(s), "video_base", ""))


@pytest.mark.usefixtures("without_video")
def test_a_new_school_has_five_steps_and_each_is_ticked_when_it_is_done(school: School) -> None:
    def done(*steps: str) -> FirstSteps:
        return FirstSteps(
            **{step: step in steps for step in ("team", "learners", "lessons", "hours", "video")}
        )

    school.write(factories.claire)
    assert first_steps(school) == done()
    school.write(factories.nadia)
    assert first_steps(school) == done("team")
    school.write(factories.samira)
    assert first_steps(school) == done("team", "learners")
    school.write(lambda s: factories.lesson(s, published=False))
    assert not first_steps(school).lessons, "learners do not see a draft"
    school.write(factories.lesson)
    assert first_steps(school) == done("team", "learners", "lessons")
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "10:00"))
    assert first_steps(school) == done("team", "learners", "lessons", "hours")
    school.write(lambda s: setattr(factories.nadia(s), "video_address", "https://teams.example.org/x"))
    assert first_steps(school).are_done


@pytest.mark.usefixtures("without_video")
def test_a_school_with_hours_on_site_alone_needs_no_video_address(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "10:00", mode="onsite"))
    assert first_steps(school).video
