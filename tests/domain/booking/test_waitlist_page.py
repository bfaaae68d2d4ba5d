"""The waitlist as the team sees it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.booking import offers, waitlist, waitlist_page
from lms.domain.booking.waitlist_page import WaitlistState
from lms.domain.paging import PAGE
from lms.models import AFTERNOON, MORNING
from tests import factories
from tests.factories import BRUSSELS, NOW
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
        first = waitlist_page.waitlist_page(session, None)
        second = waitlist_page.waitlist_page(session, first.cut.after)
        shown = (*first.entries, *second.entries)
        names = [each.entry.learner.name[-2:] for each in shown]
        assert names == ["22", *(f"{number:02}" for number in range(PAGE + 2))]
        assert [each.place for each in shown] == list(range(1, PAGE + 4))
        assert first.total == PAGE + 3

    school.read(ask)


def test_one_level_or_those_with_an_offer_keep_their_place_in_the_whole_list(school: School) -> None:
    def live(session: Session) -> str:
        monday = factories.coming_monday()
        factories.rule(session, factories.nadia(session), 0, "09:00", "10:00")
        people = ((factories.samira(session), AFTERNOON), (factories.oksana(session), MORNING))
        for minutes, (learner, parts) in enumerate(people):
            since = now() - timedelta(minutes=9 - minutes)
            waitlist.join_waitlist(session, learner, learner, None, parts, None, now=since)
        days = offers.FreedTime.on(monday, monday, BRUSSELS)
        offers.offer_to_waitlist(session, days, now=now(), zone=BRUSSELS)
        return factories.level(session, "N2").id

    second_level = school.write(live)

    def listed(
        session: Session, level_id: str | None = None, state: WaitlistState | None = None
    ) -> tuple[list[tuple[int, str]], int, list[int]]:
        page = waitlist_page.waitlist_page(session, None, level_id=level_id, state=state)
        shown = [(each.place, each.entry.learner.first_name) for each in page.entries]
        return shown, page.total, sorted(page.by_level.values())

    def ask(session: Session) -> None:
        assert listed(session) == ([(1, "Samira"), (2, "Oksana")], 2, [1, 1])
        assert listed(session, level_id=second_level) == ([(2, "Oksana")], 1, [1, 1])
        assert listed(session, state=WaitlistState.OFFERED) == ([(2, "Oksana")], 1, [1])
        assert listed(session, state=WaitlistState.WAITING) == ([(1, "Samira")], 1, [1])

    school.read(ask)
