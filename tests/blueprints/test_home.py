from __future__ import annotations

import gzip
from datetime import timedelta
from functools import partial

from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.booking import absence, waitlist
from lms.domain.homework import assignments
from lms.domain.lessons import tracking
from lms.models import Booking
from tests import factories
from tests.support.pages import Page
from tests.support.school import School
from tests.support.waitlist import cancel_for_good

MOST_STATEMENTS = 8
MOST_BYTES = 50_000
HOUR = timedelta(hours=1)


def count_statements(school: School, person_id: str) -> int:
    """Count those of the start page of a person who has opened it before."""
    visitor = school.visitor(person_id)
    visitor.get("/")
    with school.counting_statements() as sent:
        visitor.get("/")
    return len(sent)


def _hero(page: Page) -> str:
    return next(card.text for card in page.root.all("section") if "hero" in card.get("class"))


def test_the_next_useful_thing_comes_first_a_teachers_answer_before_all(school: School) -> None:
    def learn(session: Session) -> str:
        factories.lesson(session)
        samira = factories.samira(session)
        samira.language = "fr"
        return samira.id

    samira = school.write(learn)
    assert "Continuer la leçon" in _hero(school.visitor(samira).get("/"))

    assignment = school.write(lambda s: factories.assignment(s).id)
    page = school.visitor(samira).get("/")
    assert "Continuer la leçon" in _hero(page), "the homework follows its lesson"
    assert "Devoir à faire" in page.text

    def answer(session: Session) -> None:
        sent = factories.sent(
            session,
            factories.samira(session),
            assignments.assignment_for(session, factories.nadia(session), assignment, now=factories.NOW),
        )
        factories.answered(session, sent, redo=True)

    school.write(answer)
    page = school.visitor(samira).get("/")
    assert "Nadia a répondu" in _hero(page)
    assert "Devoir à refaire" not in page.text, "one card for one thing"


def test_an_offer_comes_before_all_and_what_was_called_off_is_told(
    school: School,
) -> None:
    monday = factories.coming_monday()
    nine = factories.wall(monday.isoformat(), "09:00")

    def taken(session: Session) -> str:
        factories.organisation(session).horizon_days = (monday - now().date()).days + 6
        factories.lesson(session)
        factories.rule(session, factories.nadia(session), 0, "09:00", "10:00", valid_from=monday)
        return factories.booked(
            session, factories.oksana(session), factories.nadia(session), nine, now=now()
        ).id

    def given_back(session: Session) -> str:
        samira = factories.samira(session, language="fr")
        waitlist.join_waitlist(session, samira, samira, None, 7, None, now=now())
        cancel_for_good(session, factories.oksana(session), session.get_one(Booking, hour), now=now())
        return samira.id

    hour = school.write(taken)
    visitor = school.visitor(school.write(given_back))
    page = visitor.get("/")
    assert "Une place est libre pour vous" in _hero(page)
    offer = visitor.submit(visitor.submit(page, action="/next-step"), action="/acceptance")
    assert "Une place est libre" not in visitor.get("/").text

    school.write(
        lambda s: absence.cancel_day(
            s, factories.nadia(s), factories.nadia(s), monday, now=now(), zone=factories.BRUSSELS
        )
    )
    assert offer.status == 200
    page = visitor.get("/")
    assert "Votre professeur ne peut pas venir" in _hero(page)
    assert "Continuer la leçon" in page.text
    assert visitor.submit(page, action="/next-step").url == "/bookings/new"
    page = visitor.get("/")
    assert "Votre professeur ne peut pas venir" in _hero(page), "until there is another appointment"
    assert "/bookings/new" in page.links().values()


def test_on_the_first_day_of_an_empty_school_a_learner_is_welcome(school: School) -> None:
    samira = school.write(lambda s: factories.learner(s, "Samira"))
    page = school.visitor(samira).get("/")
    assert "Bienvenue Votre professeur prépare votre première leçon." in page.text
    assert "Tout est fait" not in page.text


def test_whoever_has_done_all_lessons_is_told_so_and_led_back_to_them(school: School) -> None:
    def finish(session: Session) -> str:
        samira = factories.samira(session)
        tracking.record_watched(session, samira, factories.clip_of(factories.lesson(session)), now=now())
        return samira.id

    page = school.visitor(school.write(finish)).get("/")
    assert "Tout est fait" in page.text
    assert "/lessons" in page.links().values()
    assert len([svg for svg in page.root.all("svg") if "bridge" in svg.get("class")]) == 1


def test_three_things_at_most_stand_on_the_home_and_one_holds_the_bridge(school: School) -> None:
    def fill(session: Session) -> str:
        samira = factories.samira(session)
        factories.lesson(session)
        for number in range(3):
            lesson = factories.lesson(session, title=f"Leçon {number}")
            sent = factories.sent(session, samira, factories.assignment(session, lesson))
            factories.answered(session, sent, redo=False)
        return samira.id

    page = school.visitor(school.write(fill)).get("/")
    cards = [c for c in page.root.all("main")[0].all("section", "a") if "card" in c.get("class").split()]
    assert len(cards) == 3
    assert ["Continuer la leçon" in card.text for card in cards] == [False, False, True]
    assert cards[2].all("svg")


def _much(session: Session, number: int) -> None:
    samira = factories.samira(session)
    nadia = factories.nadia(session)
    factories.all_week(session, nadia)
    for index in range(number):
        lesson = factories.lesson(session, title=f"Leçon {index}")
        assignment = factories.assignment(session, lesson)
        if index % 2:
            factories.answered(
                session, factories.sent(session, samira, assignment), redo=bool(index % 4 == 1)
            )


def test_the_learners_home_is_light_and_costs_the_same_for_2_and_for_30(school: School) -> None:
    counts = []
    for number in (2, 28):  # the second brings the first notice
        school.write(partial(_much, number=number))
        visitor = school.visitor(school.write(factories.samira))
        visitor.get("/")
        with school.counting_statements() as sent:
            page = visitor.get("/")
        counts.append(len(sent))
        assert len(gzip.compress(page.html.encode())) < MOST_BYTES
    assert counts[0] == counts[1] <= MOST_STATEMENTS, counts


def test_every_role_has_a_first_page_of_its_own(school: School) -> None:
    def cast(session: Session) -> dict[str, str]:
        samira, farid = factories.samira(session), factories.farid(session)
        samira.social_worker_id = farid.id
        factories.sent(session, samira, factories.assignment(session), now=now())
        return {
            "À corriger": factories.nadia(session).id,
            "Sans carte": factories.claire(session).id,
            "Prochains rendez-vous": farid.id,
        }

    pages = {words: school.visitor(person).get("/") for words, person in school.write(cast).items()}
    for words, page in pages.items():
        assert words in page.text
        assert page.status == 200


def test_a_new_school_leads_its_coordinator_through_the_first_steps(school: School) -> None:
    def live(session: Session) -> str:
        factories.organisation(session).video_base = ""
        return factories.claire(session).id

    visitor = school.visitor(school.write(live))
    page = visitor.get("/")
    steps = next(each for each in page.root.all("ol") if "first-steps" in each.get("class"))
    words = (
        "Inviter un professeur",
        "Ajouter un apprenant",
        "Publier une leçon",
        "Ajouter des disponibilités",
        "lien vidéo",
    )
    assert all(word in steps.text for word in words)
    assert "Fait" not in [icon.get("aria-label") for icon in steps.all("svg")]
    assert [visitor.get(link.get("href")).status for link in steps.all("a")] == [200] * 5

    school.write(factories.nadia)
    steps = next(each for each in visitor.get("/").root.all("ol") if "first-steps" in each.get("class"))
    assert [each.get("class") for each in steps.all("li")] == ["done", "", "", "", ""]


def test_every_number_of_a_coordinator_leads_to_its_list(school: School) -> None:
    def live(session: Session) -> str:
        factories.organisation(session)
        both = factories.person(session, "Anne", "teacher", "coordinator", login_email="anne@example.be")
        return both.id

    visitor = school.visitor(school.write(live))
    rows = [each for each in visitor.get("/").root.all("a") if each.get("class") == "row"]
    numbers = {each.all("strong")[-1].text: each.get("href") for each in rows if each.all("strong")}
    assert "0" in numbers
    assert [visitor.get(each.get("href")).status for each in rows] == [200] * len(rows)
    lists = {each.get("href").partition("?")[0] for each in rows}
    assert {"/people", "/corrections", "/agenda", "/messages/failed", "/organisation"} <= lists


def test_a_social_workers_morning_costs_the_same_for_1_and_for_20_learners(school: School) -> None:
    counts = []
    for number in (1, 19):

        def more(session: Session, number: int = number) -> str:
            farid = factories.farid(session)
            for index in range(number):
                factories.learner(session, f"Personne {number} {index}").social_worker_id = farid.id
            return farid.id

        counts.append(count_statements(school, school.write(more)))
    assert counts[0] == counts[1], counts


def test_a_teachers_morning_costs_the_same_for_1_and_for_30_learners(school: School) -> None:
    counts = []
    for number in (1, 29):

        def more(session: Session, number: int = number) -> str:
            assignment = factories.assignment(session)
            for index in range(number):
                learner = factories.learner(session, f"Personne {number} {index}")
                factories.sent(session, learner, assignment, now=now())
            return factories.nadia(session).id

        counts.append(count_statements(school, school.write(more)))
    assert counts[0] == counts[1], counts


def test_a_coordinator_who_teaches_sees_both_desks(school: School) -> None:
    def both(session: Session) -> str:
        factories.organisation(session)
        return factories.person(session, "Anne", "teacher", "coordinator", login_email="anne@example.be").id

    page = school.visitor(school.write(both)).get("/")
    assert "À corriger" in page.text
    assert "Sans carte" in page.text
