"""Messages that somebody of the team sends by hand."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.blueprints.messages import KINDS
from lms.clock import now
from lms.domain import outbox
from lms.domain.booking import appointments
from lms.models import Booking, Channel, Mode, OutboxItem, Outcome, Person
from lms.models.outbox import MAIL_KINDS
from tests import factories
from tests.factories import wall
from tests.support.pages import Page, filled
from tests.support.school import School

MONDAY = factories.coming_monday()


def hour(index: int) -> str:
    return f"{9 + index:02d}:00"


def learner(session: Session, name: str, phone: str = "0470 12 34 56") -> Person:
    person = factories.learner(session, name)
    person.phone, person.reach = phone, "hand"
    return person


def booked(school: School, name: str = "Mehari", day: int = 0, at: str = "10:00") -> str:
    """Nadia books an hour for somebody who is reached by hand; the id of the appointment."""

    def book(session: Session) -> str:
        nadia = factories.nadia(session)
        if not session.scalars(select(Booking.id)).first():
            factories.organisation(session).horizon_days = 90
            factories.all_week(session, nadia)
        starts = wall((MONDAY + timedelta(days=day)).isoformat(), at)
        return factories.booked(session, learner(session, name), nadia, starts, by=nadia, now=now()).id

    made = school.write(book)
    school.deliver()
    return made


def links(page: Page, begin: str) -> list[str]:
    return [link.get("href") for link in page.root.all("a") if link.get("href").startswith(begin)]


def test_a_teacher_finds_the_ready_text_with_a_link_for_each_program(school: School) -> None:
    booked(school)
    nadia = school.visitor(school.read(factories.nadia))
    page = nadia.get("/")
    assert "/messages" in page.links().values()
    assert "Messages à envoyer : 1" in page.text
    page = nadia.get("/messages")
    (box,) = page.root.all("textarea")
    text = box.text
    assert text.startswith("Votre rendez-vous : lundi ")
    assert "readonly" in box.attrs
    (whatsapp,) = links(page, "https://wa.me/")
    parts = urlsplit(whatsapp)
    assert parts.path == "/32470123456"
    assert " ".join(parse_qs(parts.query)["text"][0].split()) == text
    (sms,) = links(page, "sms:")
    assert sms.startswith("sms:+32470123456?&body=Votre%20rendez-vous%20%3A%20lundi%20")
    assert " ".join(unquote(sms.split("body=")[1]).split()) == text
    outside = [link for link in page.root.all("a") if not link.get("href").startswith(("/", "#"))]
    assert {link.get("rel") for link in outside} == {"noreferrer"}


def test_sent_is_said_once_and_can_be_taken_back(school: School) -> None:
    booked(school)
    nadia = school.visitor(school.read(factories.nadia))
    page = nadia.get("/messages")
    form = page.form("/sending")
    page = nadia.submit(page, action="/sending")
    assert "C’est noté : le message est transmis." in page.text
    assert "Aucun message à envoyer" in page.text
    assert nadia.client.post(form.get("action"), data=filled(form)).status_code == 303, "pressed twice"
    item = school.read(lambda s: s.scalars(select(OutboxItem).where(OutboxItem.handed_at.is_not(None))).one())
    assert (item.outcome, item.sent_by_id) == (Outcome.SENT, school.read(factories.nadia).id)
    page = nadia.submit(page, action="/withdrawal")
    assert "Le message attend de nouveau." in page.text
    assert len(page.root.all("textarea")) == 1


def test_nobody_sends_or_sees_what_is_not_hers(school: School) -> None:
    booked(school)
    luc, samira = school.visitor(school.write(factories.luc)), school.visitor(school.write(factories.samira))
    assert "Aucun message à envoyer" in luc.get("/messages").text
    assert "Messages à envoyer" not in luc.get("/").text
    assert samira.get("/messages").status == 404
    item = school.read(
        lambda s: s.scalars(select(OutboxItem.id).where(OutboxItem.channel == Channel.HAND)).one()
    )
    data = filled(luc.get("/me").form("/logout"))
    for path in ("sending", "sending/withdrawal"):
        assert luc.client.post(f"/messages/{item}/{path}", data=data).status_code == 404


@pytest.mark.parametrize("what", ["moved", "cancelled", "begun", "left"])
def test_what_makes_no_sense_any_more_is_not_in_the_list(school: School, what: str) -> None:
    made = booked(school)

    def change(session: Session) -> None:
        booking, nadia = session.get_one(Booking, made), factories.nadia(session)
        learner = session.get_one(Person, booking.learner_id)
        if what == "moved":
            appointments.move(
                session,
                nadia,
                booking,
                booking.starts + timedelta(hours=1),
                Mode.VIDEO,
                now=now(),
                zone=BRUSSELS,
            )
        elif what == "cancelled":
            appointments.cancel(session, nadia, booking, "", now=now(), zone=BRUSSELS)
        elif what == "begun":
            past = booking.starts - timedelta(days=60)
            session.execute(update(Booking).values(starts=past, ends=past + timedelta(hours=1)))
        else:
            learner.deactivated_at = now()

    school.write(change)
    nadia = school.visitor(school.read(factories.nadia))
    assert "Aucun message à envoyer" in nadia.get("/messages").text
    assert "Messages à envoyer" not in nadia.get("/").text


def test_thirty_messages_cost_as_many_statements_as_one(school: School) -> None:
    booked(school, "Learner 0", at=hour(0))
    nadia = school.visitor(school.read(factories.nadia))

    def count() -> tuple[int, int]:
        with school.counting_statements() as sent:
            page = nadia.get("/messages")
        return len(page.root.all("textarea")), len(sent)

    nadia.get("/messages")
    one, statements = count()
    for index in range(1, 30):
        booked(school, f"Learner {index}", day=index // 8, at=hour(index % 8))
    assert (one, count()) == (1, (30, statements))


def test_a_coordinator_sees_which_mails_failed_and_opens_the_person(school: School) -> None:
    def fail(session: Session) -> str:
        samira = factories.samira(session)
        item = outbox.post(session, "feedback_returned", samira, "feedback", now=now())
        outbox.close_item(session, item.id, Outcome.FAILED, "550 no such user", now=now())
        return samira.id

    samira = school.write(fail)
    claire = school.visitor(school.write(factories.claire))
    page = claire.get(claire.get("/").links()["E-mails en échec, 7 jours 1"])
    assert page.links()["Samira"] == f"/people/{samira}"
    assert "Devoir corrigé" in page.text
    assert "550 no such user" in page.text
    for who in (factories.nadia, factories.farid, factories.samira):
        assert school.visitor(school.write(who)).get("/messages/failed").status == 404


def test_every_kind_of_message_has_a_name_in_the_list() -> None:
    assert set(KINDS) == set(MAIL_KINDS)
