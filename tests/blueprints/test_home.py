from __future__ import annotations

import gzip
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain import booking as bookings
from lms.domain import homework
from lms.domain.booking import leave, waitlist
from lms.models import Booking
from tests import make
from tests.house import House
from tests.pages import Page

MOST_STATEMENTS = 8
MOST_BYTES = 50_000
HOUR = timedelta(hours=1)


def _hero(page: Page) -> str:
    return next(card.text for card in page.root.all("section") if "hero" in card.get("class"))


def test_the_next_useful_thing_comes_first_a_teachers_answer_before_all(house: House) -> None:
    def learn(session: Session) -> str:
        make.lesson(session)
        return make.samira(session).id

    samira = house.write(lambda s: (learn(s), setattr(make.samira(s), "language", "fr"))[0])
    assert "Continuer la leçon" in _hero(house.visitor(samira).get("/"))

    assignment = house.write(lambda s: make.assignment(s).id)
    assert "Devoir à faire" in _hero(house.visitor(samira).get("/"))

    def answer(session: Session) -> None:
        sent = make.sent(
            session, make.samira(session), homework.assignment_for(session, make.nadia(session), assignment)
        )
        make.answered(session, sent, redo=True)

    house.write(answer)
    page = house.visitor(samira).get("/")
    assert "Nadia a répondu" in _hero(page)
    assert "Devoir à refaire" not in page.text, "one card for one thing"


def test_an_offer_comes_before_all_and_what_was_called_off_is_told(
    house: House,
) -> None:
    monday = make.coming_monday()
    nine = make.wall(monday.isoformat(), "09:00")

    def taken(session: Session) -> str:
        make.school(session).horizon_days = (monday - now().date()).days + 6
        make.lesson(session)
        make.rule(session, make.nadia(session), 0, "09:00", "10:00", valid_from=monday)
        return make.booked(session, make.oksana(session), make.nadia(session), nine, now=now()).id

    def given_back(session: Session) -> str:
        samira = make.samira(session, language="fr")
        waitlist.join(session, samira, samira, None, 7, None, now())
        bookings.cancel(session, session.get_one(Booking, hour), make.oksana(session), "", now())
        return samira.id

    hour = house.write(taken)
    visitor = house.visitor(house.write(given_back))
    page = visitor.get("/")
    assert "Une heure est libre pour vous" in _hero(page)
    offer = visitor.submit(visitor.get(page.links()["Répondre oui ou non"]), action="/acceptance")
    assert "Une heure est libre" not in visitor.get("/").text

    house.write(lambda s: leave.call_off(s, make.nadia(s), make.nadia(s), monday, now(), make.BRUSSELS))
    assert offer.status == 200
    page = visitor.get("/")
    assert "Continuer la leçon" in _hero(page), "the hour was not for today"
    assert "Votre professeur ne peut pas venir" in page.text
    assert "/bookings/new" in page.links().values()

    def today(session: Session) -> None:
        lost = session.scalars(select(Booking).where(Booking.called_off)).one()
        lost.starts = now().replace(minute=0, second=0, microsecond=0) + 2 * HOUR
        lost.ends = lost.free_at = lost.starts + HOUR

    house.write(today)
    assert "Votre professeur ne peut pas venir" in _hero(visitor.get("/"))


def test_a_new_learner_without_any_work_is_led_to_the_lessons(house: House) -> None:
    samira = house.write(lambda s: make.learner(s, "Samira"))
    page = house.visitor(samira).get("/")
    assert "/lessons" in page.links().values()
    assert "Tout est fait" in page.text


def _much(session: Session, number: int) -> None:
    samira = make.samira(session)
    nadia = make.nadia(session)
    make.all_week(session, nadia)
    for index in range(number):
        lesson = make.lesson(session, title=f"Leçon {index}")
        assignment = make.assignment(session, lesson)
        if index % 2:
            make.answered(session, make.sent(session, samira, assignment), redo=bool(index % 4 == 1))


def test_the_learners_home_is_light_and_costs_the_same_for_1_and_for_30(house: House) -> None:
    counts = []
    for number in (1, 29):
        house.write(lambda s, number=number: _much(s, number))  # type: ignore[misc]
        visitor = house.visitor(house.write(make.samira))
        visitor.get("/")
        with house.counting_statements() as sent:
            page = visitor.get("/")
        counts.append(len(sent))
        assert len(gzip.compress(page.html.encode())) < MOST_BYTES
    assert counts[0] == counts[1] <= MOST_STATEMENTS, counts


def test_every_role_has_a_first_page_of_its_own(house: House) -> None:
    def cast(session: Session) -> dict[str, str]:
        samira, farid = make.samira(session), make.farid(session)
        samira.social_worker_id = farid.id
        make.sent(session, samira, make.assignment(session), now=now())
        return {
            "À corriger": make.nadia(session).id,
            "Sans carte": make.claire(session).id,
            "Prochain rendez-vous": farid.id,
        }

    for words, person in house.write(cast).items():
        page = house.visitor(person).get("/")
        assert words in page.text
        assert page.status == 200
    assert "Samira" in page.text, "the social worker sees her people"


def test_a_teachers_morning_costs_the_same_for_1_and_for_30_learners(house: House) -> None:
    counts = []
    for number in (1, 29):

        def more(session: Session, number: int = number) -> str:
            assignment = make.assignment(session)
            for index in range(number):
                learner = make.learner(session, f"Personne {number} {index}")
                make.sent(session, learner, assignment, now=now())
            return make.nadia(session).id

        visitor = house.visitor(house.write(more))
        visitor.get("/")
        with house.counting_statements() as sent:
            visitor.get("/")
        counts.append(len(sent))
    assert counts[0] == counts[1], counts


def test_a_coordinator_who_teaches_sees_both_desks(house: House) -> None:
    def both(session: Session) -> str:
        make.school(session)
        return make.person(session, "Anne", "teacher", "coordinator", login_email="anne@example.be").id

    page = house.visitor(house.write(both)).get("/")
    assert "À corriger" in page.text
    assert "Sans carte" in page.text
