"""Whatever the kind of message and the channel, the person is told, and finds it on the start page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms.adapters.sms.folder import SmsFolder
from lms.clock import now
from lms.domain import outbox
from lms.domain.booking import absence, appointments, retime, waitlist
from lms.domain.calendars import external, offboarding
from lms.domain.homework import inbox_answers, inbox_filing
from lms.domain.people import learners, staff
from lms.jobs import SMS_RENDERERS
from lms.models import (
    MAIL_KINDS,
    Booking,
    Channel,
    ExternalCalendar,
    MailState,
    Mode,
    Notice,
    NoticeKind,
    OutboxItem,
    Outcome,
    Person,
    WaitlistEntry,
)
from lms.notifications import in_app
from lms.notifications.booking import IN_PERSON
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import BRUSSELS
from tests.support.appointments import MONDAY, at
from tests.support.mails import waiting_mail
from tests.support.school import School
from tests.support.waitlist import cancel_for_good

TEAM = {"password_link", "calendar_failing", "teacher_digest"}
WAYS = ("mail", "text", "hand", "nothing")


def told_person(session: Session, kind: str, way: str) -> Person:
    """A learner, or the teacher for what only the team gets, who is reached in this way."""
    person = factories.nadia(session) if kind in TEAM else factories.samira(session)
    person.language, person.email, person.phone = "fr", None, None
    if kind in TEAM:
        return person
    if way == "mail":
        person.email = "samira@example.be"
    elif way != "nothing":
        person.phone, person.reach = "0470 12 34 56", "sms" if way == "text" else "hand"
    return person


def hours(session: Session) -> Person:
    factories.organisation(session).horizon_days = 90
    factories.all_week(session, factories.nadia(session))
    return factories.nadia(session)


def booked(session: Session, person: Person) -> Booking:
    return factories.booked(session, person, hours(session), at("10:00"), now=now())


def by_teacher(session: Session, person: Person) -> None:
    nadia = hours(session)
    factories.booked(session, person, nadia, at("10:00"), by=nadia, now=now())


def moved(session: Session, person: Person) -> None:
    booking = booked(session, person)
    nadia = factories.nadia(session)
    appointments.move(session, nadia, booking, at("11:00"), Mode.VIDEO, now=now(), zone=BRUSSELS)


def cancelled(session: Session, person: Person) -> None:
    booking = booked(session, person)
    appointments.cancel(session, factories.nadia(session), booking, "", now=now(), zone=BRUSSELS)


def retimed(session: Session, person: Person) -> None:
    booking = booked(session, person)
    hour = booking.starts - timedelta(hours=1)
    # As if the rules of the time zone had been others when it was booked.
    session.execute(update(Booking).values(starts=hour, ends=booking.starts))
    session.flush()
    assert retime.apply_changes(session, now=now(), zone=BRUSSELS).changes


def reminded(kind: str) -> Callable[[Session, Person], None]:
    def book(session: Session, person: Person) -> None:
        booked(session, person)
        for table in (OutboxItem, Notice):
            session.execute(update(table).where(table.kind == kind).values(due_at=now()))

    return book


def offered(session: Session, person: Person) -> None:
    booking = factories.booked(session, factories.oksana(session), hours(session), at("10:00"), now=now())
    waitlist.join_waitlist(session, person, person, None, 7, None, now=now())
    oksana = factories.oksana(session)
    cancel_for_good(session, oksana, booking, now=now())


def answered(session: Session, person: Person) -> None:
    factories.answered(session, factories.sent(session, person, factories.assignment(session)), now=now())


def link_sent(session: Session, person: Person) -> None:
    staff.send_link(session, person, "token-of-the-link", now=now())


def calendar_fails(session: Session, person: Person) -> None:
    calendar = ExternalCalendar(teacher_id=person.id, address="https://a.example/n.ics", created_at=now())
    session.add(calendar)
    session.flush()
    for moment in (now() - external.PATIENCE, now()):
        external.record_failure(session, calendar.id, RefusalCode.CALENDAR_UNREACHABLE, now=moment)


def mailed(session: Session, person: Person, *, refused: bool = False) -> None:
    """A homework by e-mail, from another address than the one that the school knows."""
    assignment = factories.assignment(session)
    mail = waiting_mail(session)
    nadia = factories.nadia(session)
    inbox_filing.file_mail(session, nadia, mail, person, assignment.id, quota=9999, now=now())
    if refused:
        mail.state, mail.attempt_id, mail.why = MailState.REFUSED, None, RefusalCode.MAIL_NO_HOMEWORK
    session.flush()
    assert inbox_answers.post_answers(session, now=now()) == 1


def monday(session: Session, person: Person) -> None:
    factories.sent(session, factories.samira(session), factories.assignment(session))
    outbox.post(session, "teacher_digest", person, "2026-W48", now=now())


EVENTS: dict[str, Callable[[Session, Person], None]] = {
    "feedback_returned": answered,
    "password_link": link_sent,
    "booking_made": by_teacher,
    "booking_moved": moved,
    "booking_cancelled": cancelled,
    "booking_reminder": reminded("booking_reminder"),
    "booking_soon": reminded("booking_soon"),
    "booking_offer": offered,
    "booking_retimed": retimed,
    "calendar_failing": calendar_fails,
    "homework_received": mailed,
    "mail_unreadable": partial(mailed, refused=True),
    "teacher_digest": monday,
}
# Answers go to the sender, whose address need not be that of the person.
ANSWERS = {"homework_received", "mail_unreadable"}


def expected(kind: str, way: str) -> tuple[Outcome | None, Channel | None]:
    if kind in TEAM | ANSWERS or way == "mail":
        return Outcome.SENT, Channel.MAIL
    if way == "text" and kind in SMS_RENDERERS:
        return Outcome.SENT, Channel.SMS
    if (kind in SMS_RENDERERS and way == "hand") or (kind in IN_PERSON and way == "nothing"):
        return None, Channel.HAND  # waits for the team
    return Outcome.NO_ADDRESS, None


def test_every_kind_has_its_event_here_and_its_card() -> None:
    assert set(EVENTS) == set(MAIL_KINDS)
    assert set(MAIL_KINDS) <= set(NoticeKind)
    assert set(in_app._CARDS) == set(NoticeKind)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", MAIL_KINDS)
def test_the_person_is_told_and_finds_it_on_the_home_until_seen(
    school: School, monkeypatch: pytest.MonkeyPatch, kind: str, way: str
) -> None:
    if way == "text":
        gateway = SmsFolder(school.settings.instance / "sms")
        monkeypatch.setattr(school.app.extensions["lms_jobs"], "sms_sender", gateway)

    def happen(session: Session) -> str:
        person = told_person(session, kind, way)
        EVENTS[kind](session, person)
        return person.id

    person_id = school.write(happen)

    def row() -> OutboxItem:
        of_person = select(OutboxItem).where(OutboxItem.kind == kind, OutboxItem.person_id == person_id)
        return school.read(lambda s: s.scalars(of_person).one())

    school.deliver()
    assert (row().outcome, row().channel) == expected(kind, way)
    person = school.visitor(person_id)
    for _ in range(2):
        page = person.get("/")
        assert page.root.all("form"), "the notice has its buttons"
        assert len([f for f in page.root.all("form") if f.get("action").endswith("/next-step")]) == 1
    by_hand = row().channel == Channel.HAND
    coordinator = school.visitor(school.write(factories.claire))
    assert ("Messages à envoyer : 1" in coordinator.get("/").text) == by_hand
    page = person.submit(page, action="/next-step", button="/reading")
    assert "/next-step" not in page.html
    assert "Messages à envoyer" not in coordinator.get("/").text, "she knows: nobody has to tell her"
    assert row().outcome == (Outcome.SEEN if by_hand else expected(kind, way)[0])


def test_the_team_is_told_whom_no_channel_reaches_until_it_was_said(school: School) -> None:
    def happen(session: Session) -> str:
        samira = told_person(session, "booking_cancelled", "nothing")
        samira.social_worker_id = factories.farid(session).id
        cancelled(session, samira)
        return samira.id

    samira = school.write(happen)
    school.deliver()
    row = school.read(lambda s: s.scalars(select(OutboxItem).where(OutboxItem.channel == Channel.HAND)).one())
    assert row.expires_at == at("10:00"), "not three days: until she would travel"
    farid = school.visitor(school.read(factories.farid))
    page = farid.get("/messages")
    assert "Ni e-mail ni téléphone : dites-le en personne." in page.text
    assert "Assistant social : Farid" in page.text
    assert "wa.me" not in page.html
    assert "sms:" not in page.html
    assert "C’est dit" in page.text
    page = farid.submit(page, action="/sending")
    assert "Aucun message à envoyer" in page.text
    assert "Votre rendez-vous est annulé" in school.visitor(samira).get("/").text, "until she has seen it"
    assert "C’est dit" in farid.submit(page, action="/withdrawal").text


def test_what_she_saw_before_the_worker_came_needs_no_hand(school: School) -> None:
    def happen(session: Session) -> str:
        samira = told_person(session, "booking_moved", "hand")
        moved(session, samira)
        return samira.id

    samira = school.visitor(school.write(happen))
    samira.submit(samira.get("/"), action="/next-step")
    school.deliver()
    row = school.read(lambda s: s.scalars(select(OutboxItem).where(OutboxItem.channel == Channel.HAND)).one())
    assert row.outcome == Outcome.SEEN


@pytest.mark.parametrize("way", WAYS)
def test_a_learner_who_left_is_told_that_the_appointments_are_cancelled(
    school: School, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "text":
        gateway = SmsFolder(school.settings.instance / "sms")
        monkeypatch.setattr(school.app.extensions["lms_jobs"], "sms_sender", gateway)

    def leave(session: Session) -> str:
        samira, claire = told_person(session, "booking_cancelled", way), factories.claire(session)
        booked(session, samira)
        staff.deactivate(session, claire, samira, now=now())
        offboarding.end_lost_roles(session, claire, samira, now=now(), zone=BRUSSELS)
        return samira.id

    samira = school.write(leave)
    school.deliver()
    rows = school.read(lambda s: s.scalars(select(OutboxItem).where(OutboxItem.person_id == samira)).all())
    told = [row for row in rows if row.outcome != Outcome.VOID]
    assert [(row.kind, row.outcome, row.channel) for row in told] == [
        ("booking_cancelled", *expected("booking_cancelled", way))
    ]
    claire = school.visitor(school.read(factories.claire))
    assert ("Annulé" in claire.get("/messages").text) == (way in ("hand", "nothing"))
    folder = school.settings.instance / ("mail" if way == "mail" else "sms")
    sent = [path.read_text() for path in folder.glob("*")] if way in ("mail", "text") else []
    assert not any("/bookings/new" in text for text in sent), "she cannot log in any more"


def test_a_teacher_who_left_is_told_too_and_nothing_else_is_sent(school: School) -> None:
    def leave(session: Session) -> str:
        nadia, claire = hours(session), factories.claire(session)
        booked(session, factories.samira(session))
        staff.deactivate(session, claire, nadia, now=now())
        offboarding.end_lost_roles(session, claire, nadia, now=now(), zone=BRUSSELS)
        return nadia.id

    nadia = school.write(leave)
    school.deliver()
    sent = select(OutboxItem.kind).where(OutboxItem.person_id == nadia, OutboxItem.outcome == Outcome.SENT)
    assert school.read(lambda s: s.scalars(sent).all()) == ["booking_cancelled"]


def learner_home(school: School) -> str:
    return school.visitor(school.read(factories.samira)).get("/").text


def test_another_level_and_new_lessons_are_told(school: School) -> None:
    def change(level: str, *opened: str) -> None:
        def update_learner(session: Session) -> None:
            samira = factories.samira(session)
            samira.language = "fr"
            ids = frozenset(factories.level(session, code).id for code in opened)
            details = learners.LearnerDetails(samira.name, factories.level(session, level).id, opened=ids)
            learners.update_learner(session, factories.nadia(session), samira, details, now=now())

        school.write(update_learner)

    change("N1", "N3")
    assert "De nouvelles leçons pour vous Niveau 3" in learner_home(school)
    change("N2")
    text = learner_home(school)
    assert "Votre niveau change Niveau 2" in text
    assert "De nouvelles leçons" not in text, "closed again"
    change("N3")
    assert "Votre niveau change Niveau 3" in learner_home(school)
    assert "Niveau 2" not in learner_home(school)


def test_a_social_worker_is_told_of_a_new_learner(school: School) -> None:
    def assign(session: Session) -> str:
        samira, farid = factories.samira(session), factories.farid(session)
        details = learners.LearnerDetails(samira.name, samira.level_id or "", social_worker_id=farid.id)
        learners.update_learner(session, factories.claire(session), samira, details, now=now())
        return farid.id

    assert "Une personne vous est confiée Samira" in school.visitor(school.write(assign)).get("/").text


def test_an_offer_that_was_taken_back_is_told_until_there_is_another(school: School) -> None:
    def offer(session: Session) -> None:
        nadia, oksana = factories.nadia(session), factories.oksana(session)
        factories.organisation(session).horizon_days = 90
        factories.rule(session, nadia, 0, "10:00", "11:00", valid_from=MONDAY, valid_until=MONDAY)
        booking = factories.booked(session, oksana, nadia, at("10:00"), now=now())
        samira = told_person(session, "booking_offer", "nothing")
        waitlist.join_waitlist(session, samira, samira, None, 7, None, now=now())
        cancel_for_good(session, oksana, booking, now=now())

    def close(session: Session) -> None:
        nadia = factories.nadia(session)
        absence.cancel_day(session, nadia, nadia, MONDAY, now=now(), zone=BRUSSELS)

    def open_another(session: Session) -> None:
        factories.opened(session, factories.nadia(session), str(MONDAY + timedelta(1)), "10:00", "11:00")
        waitlist.offer_new_hours(session, now=now(), zone=BRUSSELS)

    school.write(offer)
    assert "Une place est libre pour vous" in learner_home(school)
    school.write(close)
    assert "La place proposée n’est plus libre" in learner_home(school)
    assert "Une place est libre pour vous" not in learner_home(school)
    school.write(open_another)
    assert "Une place est libre pour vous" in learner_home(school)
    assert "n’est plus libre" not in learner_home(school)


def test_a_place_on_the_waitlist_that_ended_is_told_until_there_is_another(school: School) -> None:
    def lapse(session: Session) -> None:
        offered(session, told_person(session, "booking_offer", "nothing"))
        session.execute(update(Booking).where(Booking.expires_at.is_not(None)).values(expires_at=now()))
        session.execute(update(WaitlistEntry).values(silences=1))

    school.write(lapse)
    with school.app.app_context():
        school.app.extensions["lms_jobs"].free_overdue()
    assert "Vous n’êtes plus sur la liste d’attente" in learner_home(school)
    school.write(
        lambda s: waitlist.join_waitlist(
            s, factories.samira(s), factories.samira(s), None, 7, None, now=now()
        )
    )
    assert "Vous n’êtes plus" not in learner_home(school)
