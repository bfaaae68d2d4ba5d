"""The team, for the coordinator."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms import clock
from lms.domain.people import staff
from lms.models import Booking, BookingState, OutboxItem, Person
from tests import factories
from tests.support.pages import Visitor
from tests.support.school import School, copy_template, make_school, settings_for


@pytest.fixture
def claire(school: School) -> Visitor:
    return school.visitor(school.write(factories.claire))


EVA = {"name": "Eva Martin", "email": "eva@service.example.be", "roles": ["teacher", "social_worker"]}


def test_a_house_without_mail_shows_the_link_once(school: School, claire: Visitor) -> None:
    form_page = claire.get("/people/team/new")
    page = claire.submit(form_page, EVA)
    (copies,) = [button.get("data-copy") for button in page.root.all("button") if button.get("data-copy")]
    link = next(e.text for e in page.root.all("p") if e.get("id") == copies)
    assert link.startswith("http://localhost/password/")
    again = claire.submit(form_page, EVA)
    assert "/password/" not in again.root.all("main")[0].text
    assert school.read(lambda s: s.scalar(select(func.count()).where(Person.name == "Eva Martin"))) == 1
    visitor = school.visitor()
    page = visitor.submit(
        visitor.get(link.removeprefix("http://localhost")), {"password": factories.PASSWORD}
    )
    assert "Bonjour Eva" in page.text


def test_a_house_with_mail_never_shows_the_link(tmp_path: Path, template: Path) -> None:
    copy_template(template, tmp_path)
    school = make_school(settings_for(tmp_path, mail_host="mail.example.be"), migrated=True)
    claire = school.visitor(school.write(factories.claire))
    page = claire.submit(claire.get("/people/team/new"), EVA)
    assert "Le lien part par e-mail." in page.text
    assert "/password/" not in page.text
    assert school.read(lambda s: s.scalars(select(OutboxItem.kind)).all()) == ["password_link"]


def test_an_address_in_use_is_told_beside_the_field(school: School, claire: Visitor) -> None:
    school.write(factories.luc)
    page = claire.submit(claire.get("/people/team/new"), {**EVA, "email": "LUC@service.example.be"})
    assert page.status == 422
    assert "Une personne de l’équipe a déjà cette adresse." in page.text
    assert {f.get("name"): f.get("value") for f in page.form().all("input")}["name"] == "Eva Martin"


@pytest.mark.parametrize("wrong", [{"roles": []}, {"roles": ["learner"]}, {"email": "x"}, {"name": ""}])
def test_a_wrong_invitation_is_told(school: School, claire: Visitor, wrong: dict[str, object]) -> None:
    assert claire.submit(claire.get("/people/team/new"), {**EVA, **wrong}).status == 422
    assert school.read(lambda s: s.scalar(select(func.count(Person.id)))) == 1


def test_the_team_is_listed_with_its_roles(school: School, claire: Visitor) -> None:
    school.write(lambda s: [factories.nadia(s), factories.with_password(s, factories.luc(s))])
    page = claire.get("/people/team")
    rows = {row.all("th")[0].text: row.text for row in page.root.all("tr")[1:]}
    assert "Professeur" in rows["Nadia Dubois"]
    assert "Invitation envoyée" in rows["Nadia Dubois"]
    assert "Peut entrer" in rows["Luc Lambert"]


def test_other_roles_send_a_colleague_to_the_door(school: School, claire: Visitor) -> None:
    luc = school.write(factories.luc)
    his = school.visitor(luc)
    page = claire.get(f"/people/team/{luc.id}/edit")
    page = claire.submit(page, {"roles": ["teacher", "social_worker"], "name": "Luc L."})
    assert "Luc L." in page.text
    assert "L’équipe" not in page.text
    assert his.get("/me").root.all("h1")[0].text != "Luc L."


def test_the_coordinator_who_changes_her_own_roles_stays_in_with_a_new_token(
    school: School, claire: Visitor
) -> None:
    found = school.read(factories.claire)
    page = claire.get(f"/people/team/{found.id}/edit")
    page = claire.submit(page, {"roles": ["coordinator", "teacher"]})
    assert page.status == 200
    assert page.root.all("h1")[0].text == "Claire Renard"
    assert claire.get("/corrections").status == 200


def test_the_last_coordinator_keeps_her_role_and_is_told_why(school: School, claire: Visitor) -> None:
    found = school.read(factories.claire)
    page = claire.submit(claire.get(f"/people/team/{found.id}/edit"), {"roles": ["teacher"]})
    assert page.status == 422
    assert "Il faut une personne à la coordination." in page.text


def test_a_link_is_sent_again_and_kills_the_first(school: School, claire: Visitor) -> None:
    luc = school.write(factories.luc)
    first = staff.new_token()
    school.write(lambda s: staff.send_link(s, factories.luc(s), first, now=factories.NOW))
    page = claire.submit(claire.get(f"/people/{luc.id}"), action="/password-link")
    assert "http://localhost/password/" in page.text
    assert school.read(lambda s: staff.find_active_link(s, first, now=factories.NOW)) is None


def test_only_the_coordinator_enters(school: School) -> None:
    luc = school.write(factories.luc)
    for who in (factories.nadia, factories.farid, factories.samira):
        visitor = school.visitor(school.write(who))
        for path in ("/people/team", "/people/team/new", f"/people/team/{luc.id}/edit"):
            assert visitor.get(path).status == 404


@pytest.mark.parametrize("way", ["edit", "deactivation"])
def test_the_learners_of_who_is_no_social_worker_any_more_are_found_from_the_start_page(
    school: School, claire: Visitor, way: str
) -> None:
    def entrust(session: Session) -> str:
        farid = factories.farid(session)
        factories.samira(session).social_worker_id = farid.id
        return farid.id

    farid = school.write(entrust)
    assert "Sans assistant social 0" in claire.get("/").text
    if way == "edit":
        claire.submit(claire.get(f"/people/team/{farid}/edit"), {"roles": ["teacher"]})
    else:
        claire.submit(claire.get(f"/people/{farid}"), action=f"/people/{farid}/deactivation")
    home = claire.get("/")
    assert "Sans assistant social 1" in home.text
    found = claire.get(home.links()["Sans assistant social 1"])
    assert "Samira" in found.links()


def test_who_no_longer_teaches_has_no_appointments_and_who_teaches_again_is_offered(
    school: School, claire: Visitor
) -> None:
    monday = factories.coming_monday()
    starts = factories.wall(monday.isoformat(), "10:00")

    def prepare(session: Session) -> str:
        factories.rule(session, factories.luc(session), 0, "10:00", "11:00")
        factories.booked(session, factories.samira(session), factories.luc(session), starts, now=clock.now())
        return factories.luc(session).id

    luc = school.write(prepare)
    page = claire.submit(claire.get(f"/people/team/{luc}/edit"), {"roles": ["social_worker"]})
    assert "Rendez-vous annulés : 1." in page.text.replace("\xa0", " ")
    states = select(Booking.state).order_by(Booking.booked_at)
    assert school.read(lambda s: s.scalars(states).all()) == [BookingState.CANCELLED]
    claire.submit(claire.get(f"/people/team/{luc}/edit"), {"roles": ["teacher"]})
    assert school.read(lambda s: s.scalars(states).all()) == [BookingState.CANCELLED, BookingState.OFFERED]
