"""The list of learners, a new one, one of them: who may, what is refused, what is kept."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms import clock
from lms.models import AuditEvent, Booking, BookingState, Person
from lms.normal_forms import name_key
from tests import factories
from tests.support.pages import Page, Visitor
from tests.support.school import School


@pytest.fixture
def cast(school: School) -> dict[str, str]:
    def everybody(session: Session) -> dict[str, str]:
        makers = (
            factories.samira,
            factories.oksana,
            factories.nadia,
            factories.luc,
            factories.claire,
            factories.farid,
        )
        found = {maker.__name__: maker(session) for maker in makers}
        found["samira"].social_worker_id = found["farid"].id
        return {name: person.id for name, person in found.items()}

    return school.write(everybody)


@pytest.fixture
def nadia(school: School, cast: dict[str, str]) -> Visitor:
    return school.visitor(cast["nadia"])


def new_learner(school: School, visitor: Visitor, **values: str) -> Page:
    n1 = school.read(lambda s: factories.level(s, "N1").id)
    page = visitor.get("/people/new")
    return visitor.submit(page, {"name": "Mehari Tesfay", "level_id": n1, "language": "ti", **values})


def test_a_teacher_adds_a_person_and_is_led_to_the_card(school: School, nadia: Visitor) -> None:
    page = new_learner(school, nadia)
    assert page.status == 200
    assert page.root.all("h1")[0].text == "Mehari Tesfay"
    assert "Faire la carte" in page.text
    made = school.read(lambda s: s.scalars(select(Person).where(Person.name == "Mehari Tesfay")).one())
    assert (made.language, made.email, made.login_email) == ("ti", None, None)


def test_the_same_form_sent_twice_adds_one_person(school: School, nadia: Visitor) -> None:
    n1 = school.read(lambda s: factories.level(s, "N1").id)
    page = nadia.get("/people/new")
    answers = [nadia.submit(page, {"name": "Mehari", "level_id": n1}) for _ in range(2)]
    assert answers[0].url == answers[1].url
    counted = select(func.count(Person.id)).where(Person.name == "Mehari")
    assert school.read(lambda s: s.scalar(counted)) == 1


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "   "}, "Écrivez quelque chose ici."),
        ({"name": "x" * 121}, "C’est trop long."),
        ({"name": "Mehari 85.07.30-033.28"}, "Pas de numéro national ici. Effacez-le."),
        ({"email": "not an address"}, "Cette adresse e-mail est fausse."),
        ({"phone": "call me"}, "Ce numéro est faux."),
        ({"level_id": "nowhere"}, ""),
        ({"language": "xx"}, ""),
    ],
)
def test_a_wrong_field_is_told_and_the_rest_is_kept(
    school: School, nadia: Visitor, wrong: dict[str, str], sentence: str
) -> None:
    page = new_learner(school, nadia, **{"phone": "0475 12 34 56", **wrong})
    assert page.status == 422
    assert sentence in page.text
    kept = {field.get("name"): field.get("value") for field in page.form().all("input")}
    assert kept["phone"] == wrong.get("phone", "0475 12 34 56")
    assert kept["name"] in ("Mehari Tesfay", wrong.get("name", "").strip())


def test_names_of_every_script_and_length_stand_on_the_page(school: School, nadia: Visitor) -> None:
    for name in ("محمد", "Ñ <b>&amp;</b>", "x" * 120):
        assert new_learner(school, nadia, name=name).root.all("h1")[0].text == name


def test_the_list_costs_the_same_for_one_and_for_thirty(school: School, nadia: Visitor) -> None:
    def statements() -> int:
        nadia.get("/people")
        with school.counting_statements() as sent:
            assert nadia.get("/people").status == 200
        return len(sent)

    few = statements()
    school.write(lambda s: [factories.printed_card(s, factories.learner(s, f"Z {n}")) for n in range(30)])
    assert statements() == few <= 9


def hand_in(school: School, learner_id: str, copies: int = 1) -> list[str]:
    """Lessons with homework; the learner has sent a copy of each."""

    def operation(session: Session) -> list[str]:
        learner = session.get_one(Person, learner_id)
        lessons = [factories.lesson(session, f"Leçon {n + 1}") for n in range(copies)]
        return [
            factories.sent(session, learner, factories.assignment(session, lesson)).id for lesson in lessons
        ]

    return school.write(operation)


def test_a_teacher_sees_how_far_each_is_and_what_waits(
    school: School, nadia: Visitor, cast: dict[str, str]
) -> None:
    hand_in(school, cast["samira"])
    rows = {row.all("th")[0].text: row.text for row in nadia.get("/people").root.all("tr")[1:]}
    assert "À corriger : 1" in rows["Samira"]
    assert "0 / 1" in rows["Samira"]
    assert "À corriger : 1" not in rows["Oksana Bondar"]


def test_the_page_of_a_learner_shows_lessons_and_the_last_copies_to_a_teacher(
    school: School, nadia: Visitor, cast: dict[str, str]
) -> None:
    copies = hand_in(school, cast["samira"], 6)
    page = nadia.get(f"/people/{cast['samira']}")
    assert "0 / 6" in page.text
    assert "À corriger : 6" in page.text
    linked = [href for href in page.links().values() if href.startswith("/corrections/")]
    shown = [copy for copy in copies if f"/corrections/{copy}" in linked]
    assert len(shown) == 5
    assert nadia.get(f"/corrections/{shown[0]}").status == 200


@pytest.mark.parametrize("who", ["farid", "claire"])
def test_only_teachers_are_shown_anything_of_the_copies(
    school: School, cast: dict[str, str], who: str
) -> None:
    hand_in(school, cast["samira"])
    visitor = school.visitor(cast[who])
    for path in ("/people", f"/people/{cast['samira']}"):
        page = visitor.get(path)
        assert "0 / 1" in page.text
        assert "À corriger" not in page.root.all("main")[0].text
        assert "Devoirs" not in page.text
        assert not [href for href in page.links().values() if "correction" in href or "submission" in href]


def test_the_page_of_a_learner_asks_as_much_for_one_copy_as_for_many(
    school: School, nadia: Visitor, cast: dict[str, str]
) -> None:
    def statements() -> int:
        with school.counting_statements() as sent:
            assert nadia.get(f"/people/{cast['samira']}").status == 200
        return len(sent)

    hand_in(school, cast["samira"])
    nadia.get(f"/people/{cast['samira']}")
    few = statements()
    hand_in(school, cast["samira"], 6)
    assert statements() == few


def test_a_long_list_is_turned_page_by_page_and_keeps_its_filter(school: School, nadia: Visitor) -> None:
    school.write(lambda s: [factories.learner(s, f"Zoé {n:02d}") for n in range(31)])
    page = nadia.get("/people?q=zoe")
    assert "Zoé 19" in page.text
    assert "Zoé 20" not in page.text
    page = nadia.get(page.links()["Page suivante"])
    assert "Zoé 30" in page.text
    assert "Samira" not in page.text


@pytest.mark.parametrize(
    "query", ["?page=0", "?page=-1", "?page=x", "?page=99999999999999999999", "?level=%00"]
)
def test_a_strange_question_is_answered_by_a_page(nadia: Visitor, query: str) -> None:
    assert nadia.get(f"/people{query}").status == 200


def test_facts_level_and_social_worker_change_in_one_form(
    school: School, nadia: Visitor, cast: dict[str, str]
) -> None:
    n2, n3 = school.read(lambda s: [factories.level(s, code).id for code in ("N2", "N3")])
    page = nadia.get(f"/people/{cast['oksana']}/edit")
    page = nadia.submit(
        page,
        {"level_id": n3, "opened": [n2], "social_worker_id": cast["farid"], "phone": "0475/12.34.56"},
    )
    assert "C’est modifié." in page.text
    for words in ("Niveau 3", "Niveau 2", "Farid Amrani", "0475/12.34.56"):
        assert words in page.text
    actions = school.read(lambda s: set(s.scalars(select(AuditEvent.action)).all()))
    assert {"person_changed", "level_changed", "level_opened", "social_worker_changed"} <= actions


def test_a_wrong_change_is_told_and_kept(nadia: Visitor, cast: dict[str, str]) -> None:
    page = nadia.get(f"/people/{cast['oksana']}/edit")
    page = nadia.submit(page, {"name": "", "email": "x"})
    assert page.status == 422
    assert {f.get("name"): f.get("value") for f in page.form().all("input")}["email"] == "x"


@pytest.mark.parametrize(("path", "who"), [("/people/{}/edit", "samira"), ("/people/team/{}/edit", "nadia")])
def test_who_is_renamed_like_somebody_else_is_asked_about_once(
    school: School, cast: dict[str, str], path: str, who: str
) -> None:
    claire, path = school.visitor(cast["claire"]), path.format(cast[who])
    asked = claire.submit(claire.get(path), {"name": "oksana bondar"})
    assert asked.status == 422
    assert "Ce sont d’autres personnes" in asked.text
    done = claire.submit(asked, {"confirmed": "y"})
    assert "C’est modifié." in done.text
    again = claire.submit(claire.get(path), {"email": "new@example.be"})
    assert "C’est modifié." in again.text, "a name that stays is not asked about again"


def test_a_social_worker_sees_her_people_without_changing_them(school: School, cast: dict[str, str]) -> None:
    farid = school.visitor(cast["farid"])
    page = farid.get("/people")
    assert "Samira" in page.text
    assert "Oksana" not in page.text
    page = farid.get(f"/people/{cast['samira']}")
    assert page.root.all("main")[0].all("form") == []
    assert "Journal" not in page.text
    assert farid.get(f"/people/{cast['oksana']}").status == 404
    assert farid.get(f"/people/{cast['samira']}/edit").status == 404
    assert farid.get("/people/new").status == 404


def test_a_stranger_looks_like_nobody(school: School, cast: dict[str, str]) -> None:
    farid = school.visitor(cast["farid"])
    pages = [farid.get(f"/people/{found}") for found in (cast["oksana"], "nobody-at-all")]
    assert [page.status for page in pages] == [404, 404]
    codes = [page.root.all("small")[-1].text.split()[-1] for page in pages]
    assert pages[0].text.replace(codes[0], "") == pages[1].text.replace(codes[1], "")


def test_a_learner_has_no_list_of_people(school: School, cast: dict[str, str]) -> None:
    samira = school.visitor(cast["samira"])
    for path in ("/people", "/people/new", f"/people/{cast['samira']}", "/people/team", "/organisation"):
        assert samira.get(path).status == 404


def test_a_teacher_sees_no_colleague(nadia: Visitor, cast: dict[str, str]) -> None:
    assert nadia.get(f"/people/{cast['luc']}").status == 404
    assert nadia.get("/people/team").status == 404


def test_who_leaves_is_out_at_once_and_may_come_back(
    school: School, nadia: Visitor, cast: dict[str, str]
) -> None:
    samira = school.visitor(cast["samira"])
    assert samira.get("/me").root.all("h1")[0].text == "Samira"
    page = nadia.get(f"/people/{cast['samira']}")
    page = nadia.submit(page, action="/deactivation")
    assert "Ne vient plus" in page.text
    assert samira.get("/me").root.all("h1")[0].text != "Samira"
    assert "Samira" not in nadia.get("/people").text
    page = nadia.submit(page, action="/reactivation")
    assert "Ne vient plus" not in page.text
    assert "Samira" in nadia.get("/people").text


def test_who_leaves_gives_back_her_appointments_and_the_page_says_how_many(
    school: School, cast: dict[str, str]
) -> None:
    def booked(session: Session) -> str:
        nadia, monday = factories.nadia(session), factories.coming_monday()
        factories.all_week(session, nadia)
        both = [
            factories.booked(
                session, learner, nadia, factories.wall(monday.isoformat(), hour), now=clock.now()
            )
            for learner, hour in ((factories.samira(session), "10:00"), (factories.oksana(session), "11:00"))
        ]
        return both[-1].id

    last = school.write(booked)
    claire = school.visitor(cast["claire"])
    page = claire.get(f"/people/{cast['samira']}")
    assert "Ses rendez-vous à venir sont annulés." in page.text
    page = claire.submit(page, action="/deactivation")
    assert "Rendez-vous annulés : 1." in page.text
    page = claire.submit(claire.get(f"/people/{cast['nadia']}"), action="/deactivation")
    assert "Rendez-vous annulés : 1." in page.text
    found = school.read(lambda s: s.get_one(Booking, last))
    assert (found.state, found.cancelled_by_teacher) == (BookingState.CANCELLED, True)
    page = claire.submit(claire.get(f"/people/{cast['farid']}"), action="/deactivation")
    assert "Rendez-vous annulés" not in page.text
    # Oksana lost her hour and chooses first, now that her teacher is back.
    claire.submit(claire.get(f"/people/{cast['nadia']}"), action="/reactivation")
    offered = school.read(
        lambda s: s.scalars(select(Booking).where(Booking.state == BookingState.OFFERED)).one()
    )
    assert (offered.learner_id, offered.teacher_id) == (cast["oksana"], cast["nadia"])


def test_the_coordinator_reads_the_journal_of_a_person(
    school: School, nadia: Visitor, cast: dict[str, str]
) -> None:
    nadia.submit(nadia.get(f"/people/{cast['samira']}"), action="/card")
    page = school.visitor(cast["claire"]).get(f"/people/{cast['samira']}")
    assert "Carte faite · Nadia Dubois" in page.text


LIST = "Ahmad\n\n  Grace   Mbala \nOksana Bondar\n"


def test_several_learners_are_added_at_once_and_the_next_page_makes_their_cards(school: School) -> None:
    nadia = school.visitor(school.write(factories.nadia))
    level = school.write(lambda s: factories.level(s, "N2").id)
    page = nadia.get("/people/several")
    values: dict[str, object] = {"names": LIST, "level_id": level, "language": "uk"}
    added = nadia.submit(page, values, action="/several")
    assert added.url.startswith(f"/people/cards?level={level}&added=")
    assert "Personnes ajoutées : 3." in added.text
    assert "Faire 3 cartes" in added.text
    again = nadia.submit(page, values, action="/several")
    assert again.url == added.url, "the same form sent twice adds nobody twice"
    learners = school.read(lambda s: s.scalars(select(Person).where(Person.level_id == level)).all())
    assert sorted((one.name, one.language) for one in learners) == [
        ("Ahmad", "uk"),
        ("Grace Mbala", "uk"),
        ("Oksana Bondar", "uk"),
    ]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (" \n ", "Écrivez quelque chose ici."),
        ("Ahmad\n" + "x" * 121, "Ligne 2 : le nom est trop long."),
        ("Ahmad\n\n85.07.30-033 28", "Ligne 3 : pas de numéro national ici."),
        ("\n".join(f"Nom {number}" for number in range(61)), "Ajoutez 60 personnes au plus à la fois."),
    ],
)
def test_a_list_that_cannot_be_added_is_kept_and_the_line_is_named(
    school: School, names: str, sentence: str
) -> None:
    nadia = school.visitor(school.write(factories.nadia))
    level = school.write(lambda s: factories.level(s).id)
    before = school.read(lambda s: s.scalar(select(func.count(Person.id))))
    page = nadia.submit(nadia.get("/people/several"), {"names": names, "level_id": level}, action="/several")
    assert page.status == 422
    assert sentence in page.text
    assert names.split("\n", maxsplit=1)[0].strip() in page.text
    assert school.read(lambda s: s.scalar(select(func.count(Person.id)))) == before


@pytest.mark.parametrize("path", ["/people/several", "/people/new", "/people/team/new"])
def test_a_name_that_somebody_has_already_is_asked_about(school: School, path: str) -> None:
    samira, level = school.write(lambda s: (factories.samira(s).name, factories.level(s).id))
    claire = school.visitor(school.write(factories.claire))
    values: dict[str, object] = {
        "names": samira.upper(),
        "name": samira.upper(),
        "level_id": level,
        "email": "samira@example.org",
        "roles": ["teacher"],
    }
    form = claire.get(path)
    mine = {name: value for name, value in values.items() if f'name="{name}"' in form.html}
    asked = claire.submit(form, mine, action=path)
    assert asked.status == 422
    assert "Ce nom existe déjà. Est-ce une autre personne ?" in asked.text.replace("\u202f", " ")
    assert claire.submit(asked, {"confirmed": "y"}, action=path).status == 200
    count = select(func.count(Person.id)).where(Person.name_key == name_key(samira))
    assert school.read(lambda s: s.scalar(count)) == 2


def test_only_those_who_make_cards_choose_people_in_the_list(school: School, cast: dict[str, str]) -> None:
    def boxes(who: str, query: str = "") -> list[str]:
        page = school.visitor(cast[who]).get(f"/people{query}")
        return [box.get("value") for box in page.root.all("input") if box.get("type") == "checkbox"]

    assert set(boxes("nadia")) == set(boxes("claire")) == {cast["samira"], cast["oksana"]}
    assert boxes("farid") == []
    assert boxes("nadia", "?state=left") == []


def test_without_script_a_link_chooses_everybody_of_the_page(nadia: Visitor, cast: dict[str, str]) -> None:
    def checked(path: str) -> tuple[int, Page]:
        page = nadia.get(path)
        return len([box for box in page.root.all("input") if "checked" in box.attrs]), page

    number, page = checked("/people?q=samira")
    assert number == 0
    number, page = checked(page.links()["Tout cocher"])
    assert (number, "Oksana" in page.text) == (1, False)
    assert checked(page.links()["Tout décocher"])[0] == 0
