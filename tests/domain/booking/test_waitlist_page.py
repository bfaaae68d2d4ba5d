"""The waitlist as the team sees it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from lms.domain.booking import waitlist, waitlist_page
from lms.domain.paging import PAGE
from lms.models import MORNING
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def test_places_go_on_over_the_pages_and_who_has_priority_is_first(school: School) -> None:
    def live(session: Session) -> None:
        factories.organisation(session)
        learners = [factories.learner(session, f"Personne {number:02}") for number in range(PAGE + 3)]
        for number, learner in enumerate(learners):
            moment = NOW + timedelta(minutes=number)
            waitlist.join_waitlist(session, learner, learner, None, MORNING, None, now=moment)
        last = waitlist.active_entry(session, learners[-1].id)
        assert last is not None
        last.first_choice = True

    school.write(live)

    def ask(session: Session) -> None:
        cut, first = waitlist_page.waitlist_page(session, None)
        _cut, second = waitlist_page.waitlist_page(session, cut.after)
        names = [each.entry.learner.name[-2:] for each in (*first, *second)]
        assert names == ["22", *(f"{number:02}" for number in range(PAGE + 2))]
        assert [each.place for each in (*first, *second)] == list(range(1, PAGE + 4))

    school.read(ask)
