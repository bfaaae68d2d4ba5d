"""The line as the team sees it: who waits, for what, and what is being offered."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from lms import clock
from lms.domain.booking import offers, waitlist
from lms.models import AFTERNOON, Person
from tests import factories
from tests.factories import BRUSSELS
from tests.support.school import School

MONDAY = factories.coming_monday()


def join(session: Session, learner: Person, minutes: int, parts: int = 7) -> None:
    since = clock.now() - timedelta(minutes=minutes)
    waitlist.join_waitlist(session, learner, learner, None, parts, None, now=since)


def test_the_team_sees_who_waits_in_order_and_what_is_offered(school: School) -> None:
    def live(session: Session) -> tuple[str, str]:
        nadia = factories.nadia(session)
        join(session, factories.samira(session), 20, AFTERNOON)
        join(session, factories.oksana(session), 10)
        factories.rule(session, nadia, 0, "09:00", "10:00")
        days = offers.FreedTime.on(MONDAY, MONDAY, BRUSSELS)
        assert len(offers.offer_to_waitlist(session, days, now=clock.now(), zone=BRUSSELS)) == 1, (
            "Samira waits for the afternoon"
        )
        return nadia.id, factories.claire(session).id

    for person in school.write(live):
        page = school.visitor(person).get("/waitlist/entries")
        assert 0 < page.text.index("Samira") < page.text.index("Oksana")
        assert page.text.count("Place proposée") == 1


def test_an_empty_line_says_so(school: School) -> None:
    nadia = school.write(lambda s: factories.nadia(s).id)
    assert "La liste d’attente est vide" in school.visitor(nadia).get("/waitlist/entries").text


def test_level_and_state_stay_in_the_address_and_a_filter_without_anybody_leads_back(school: School) -> None:
    def live(session: Session) -> tuple[str, str]:
        join(session, factories.samira(session), 20)
        return factories.nadia(session).id, factories.level(session).id

    nadia, level = school.write(live)
    visitor = school.visitor(nadia)
    page = visitor.get("/waitlist/entries", query_string={"level": level, "state": "waiting"})
    assert "Liste d’attente · 1" in page.text
    empty = visitor.get(page.links()["Avec une place proposée"])
    assert level in empty.url
    assert "Samira" in visitor.get(empty.links()["Toute la liste"]).text
    assert visitor.get("/waitlist/entries?level=nothing&state=nothing").status == 200


def test_no_learner_and_no_social_worker_sees_the_line(school: School) -> None:
    for who in (factories.samira, factories.farid):
        assert school.visitor(school.write(who)).get("/waitlist/entries").status == 404


def test_thirty_who_wait_cost_no_more_questions_than_one(school: School) -> None:
    nadia = school.write(lambda s: factories.nadia(s).id)
    counts = []
    for number in (1, 30):

        def crowd(session: Session, number: int = number) -> None:
            for place in range(number):
                join(session, factories.learner(session, f"Learner {number} {place}"), place)

        school.write(crowd)
        visitor = school.visitor(nadia)
        visitor.get("/waitlist/entries")
        with school.counting_statements() as sent:
            visitor.get("/waitlist/entries")
        counts.append(len(sent))
    assert counts[0] == counts[1]
