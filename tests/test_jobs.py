from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from lms.adapters.sms.folder import SmsFolder
from lms.adapters.sms.gateway import HttpSmsGateway
from lms.adapters.sms.message import SmsSender
from lms.clock import now
from lms.domain import outbox
from lms.domain.booking import waitlist
from lms.domain.people import logins
from lms.extensions import on_outbox_commit
from lms.jobs import Jobs, make_mailer, make_sms_sender
from lms.models import (
    MORNING,
    Booking,
    BookingState,
    CalendarFeed,
    Channel,
    ConflictReason,
    FormReceipt,
    LoginKind,
    LoginSession,
    Organisation,
    OutboxItem,
    Outcome,
    PasswordLink,
    Person,
)
from tests import factories
from tests.factories import wall
from tests.support.school import School
from tests.support.sms_gateway import Gateway
from tests.support.smtp import SmtpServer
from tests.support.waitlist import cancel_for_good


def invited(school: School) -> str:
    """Nadia was sent a link to choose a password; the id of the outbox row."""
    created_at, expires_at = now() - timedelta(hours=1), now() + timedelta(days=1)

    def invite(session: Session) -> str:
        nadia = factories.nadia(session)
        link = PasswordLink(
            person_id=nadia.id, token_hash="0" * 64, created_at=created_at, expires_at=expires_at
        )
        session.add(link)
        session.flush()
        return outbox.post(
            session,
            "password_link",
            nadia,
            link.id,
            secret="token-of-the-link",
            expires_at=expires_at,
            now=created_at,
        ).id

    return school.write(invite)


def with_mail_server(school: School, server: SmtpServer) -> None:
    settings = replace(
        school.settings, mail_host=server.host, mail_port=server.port, mail_security="none", mail_timeout=5
    )
    school.app.extensions["lms_jobs"].mailer = make_mailer(settings)


def row(school: School, item: str) -> OutboxItem:
    return school.read(lambda s: s.get_one(OutboxItem, item))


def test_a_mail_leaves_once_however_often_it_is_delivered(school: School, smtp: SmtpServer) -> None:
    with_mail_server(school, smtp)
    item = invited(school)
    jobs = school.app.extensions["lms_jobs"]
    for _ in range(3):
        jobs.deliver(item)
    assert len(smtp.messages) == 1
    assert (row(school, item).outcome, row(school, item).secret) == (Outcome.SENT, None)


def test_a_mail_server_that_is_down_costs_patience_and_no_mail(
    school: School, start_smtp: Callable[..., SmtpServer]
) -> None:
    server = start_smtp()
    with_mail_server(school, server)
    server.stop()
    item = invited(school)
    school.deliver()
    waiting = row(school, item)
    assert waiting.closed_at is None
    assert "refused the connection" in waiting.error
    assert waiting.due_at > now() - timedelta(minutes=1)


def test_a_person_without_an_address_is_told_apart_from_a_failure(school: School) -> None:
    item = school.write(
        lambda s: outbox.post(s, "feedback_returned", factories.oksana(s), "abc", now=now()).id
    )
    school.deliver()
    assert row(school, item).outcome == Outcome.NO_ADDRESS


def test_a_mail_about_something_gone_is_void_and_a_late_one_expired(school: School) -> None:
    gone = invited(school)
    long_ago = now() - outbox.KEEP_TRYING
    late = school.write(
        lambda s: outbox.post(s, "feedback_returned", factories.samira(s), "abc", now=long_ago).id
    )
    school.write(lambda s: s.delete(s.get_one(PasswordLink, row(school, gone).about_id)))
    school.deliver()
    assert (row(school, gone).outcome, row(school, late).outcome) == (Outcome.VOID, Outcome.EXPIRED)


def test_nobody_writes_to_a_person_who_left(school: School, smtp: SmtpServer) -> None:
    with_mail_server(school, smtp)
    item = invited(school)
    school.write(lambda s: setattr(factories.nadia(s), "deactivated_at", factories.NOW))
    school.deliver()
    assert row(school, item).outcome == Outcome.VOID
    assert smtp.messages == []


def told_by_phone(school: School, reach: str = "auto") -> str:
    """Nadia booked an hour for Oksana, who has a phone and no e-mail; the id of what tells her."""

    def book(session: Session) -> str:
        nadia, oksana = factories.nadia(session), factories.oksana(session)
        oksana.phone, oksana.reach = "0470 12 34 56", reach
        moment = wall(factories.coming_monday().isoformat(), "10:00")
        factories.all_week(session, nadia)
        made = factories.booked(session, oksana, nadia, moment, by=nadia, now=now())
        return session.scalars(
            select(OutboxItem.id)
            .where(OutboxItem.about_id == made.id, OutboxItem.person_id == oksana.id)
            .where(OutboxItem.kind == "booking_made")
        ).one()

    return school.write(book)


def with_sms_sender(school: School, sms_sender: SmsSender | None) -> None:
    school.app.extensions["lms_jobs"].sms_sender = sms_sender


def test_who_has_no_mail_gets_a_text_once_with_the_key_of_its_row(school: School, gateway: Gateway) -> None:
    with_sms_sender(school, HttpSmsGateway(gateway.url))
    item = told_by_phone(school)
    for _ in range(2):
        school.deliver()
    ((_path, headers, body),) = gateway.received
    assert headers["Idempotency-Key"] == item
    assert body["to"] == "+32470123456"
    assert body["text"].startswith("Votre rendez-vous : lundi ")
    assert (row(school, item).outcome, row(school, item).channel) == (Outcome.SENT, Channel.SMS)


def test_a_gateway_that_is_down_is_asked_again_and_one_that_refuses_is_not(
    school: School, gateway: Gateway
) -> None:
    with_sms_sender(school, HttpSmsGateway(gateway.url))
    item = told_by_phone(school)
    gateway.answers = 503
    school.deliver()
    waiting = row(school, item)
    assert (waiting.closed_at, waiting.error) == (None, "the SMS gateway answered 503")
    gateway.answers = 422
    school.write(lambda s: setattr(s.get_one(OutboxItem, item), "due_at", now()))
    school.deliver()
    assert (row(school, item).outcome, row(school, item).channel) == (Outcome.FAILED, Channel.SMS)
    assert "0470" not in row(school, item).error


def test_without_a_gateway_the_text_lies_in_the_folder_while_one_tries_out(school: School) -> None:
    item = told_by_phone(school)
    school.deliver()
    (text,) = Path(school.settings.instance / "sms").iterdir()
    assert text.name == f"{item}.txt"
    assert text.read_text().startswith("+32470123456\n\nVotre rendez-vous")


@pytest.mark.parametrize("reach", ["auto", "hand"])
def test_whom_no_machine_reaches_waits_for_the_hand_of_the_team_and_is_not_late(
    school: School, reach: str
) -> None:
    if reach == "auto":
        with_sms_sender(school, None)
    item = told_by_phone(school, reach)
    for _ in range(2):
        school.deliver()
    waiting = row(school, item)
    assert (waiting.channel, waiting.closed_at, waiting.attempts) == (Channel.HAND, None, 1)
    assert waiting.handed_at is not None
    late = now() + timedelta(hours=1)
    assert school.read(lambda s: outbox.oldest_waiting(s, now=late)) is None
    school.write(lambda s: setattr(s.get_one(OutboxItem, item), "expires_at", now()))
    school.app.extensions["lms_jobs"].every_night()
    assert row(school, item).outcome == Outcome.EXPIRED


def test_what_is_too_long_for_a_phone_still_goes_by_mail_to_who_chose_the_phone(school: School) -> None:
    def post(session: Session) -> str:
        samira = factories.samira(session)
        samira.phone, samira.reach = "0470 12 34 56", "sms"
        return outbox.post(session, "feedback_returned", samira, "abc", now=now()).id

    item = school.write(post)
    school.deliver()
    assert row(school, item).outcome == Outcome.VOID, "a mail about a copy that does not exist"


def test_the_row_remembers_that_an_invitation_left(school: School) -> None:
    item = told_by_phone(school)
    school.deliver()
    teacher = school.read(
        lambda s: s.scalars(
            select(OutboxItem).where(
                OutboxItem.kind == "booking_made", OutboxItem.person_id == factories.nadia(s).id
            )
        ).one()
    )
    assert (teacher.channel, teacher.invited) == (Channel.MAIL, True)
    assert not row(school, item).invited


def test_who_subscribed_gets_no_mail_of_what_her_calendar_tells(school: School) -> None:
    def subscribe(session: Session) -> None:
        nadia = factories.nadia(session)
        session.add(CalendarFeed(person_id=nadia.id, token_hash="x", created_at=now(), seen_at=now()))

    school.write(subscribe)
    told_by_phone(school)
    school.deliver()
    outcomes = school.read(
        lambda s: s.execute(
            select(OutboxItem.outcome).where(OutboxItem.person_id == factories.nadia(s).id)
        ).all()
    )
    assert [tuple(one) for one in outcomes] == [(Outcome.IN_FEED,)]
    assert not (school.settings.instance / "mail").exists()


def test_an_offer_without_an_answer_goes_to_the_next_who_waits(school: School) -> None:
    hour = wall(factories.coming_monday().isoformat(), "10:00")
    yesterday = now() - timedelta(days=1)

    def give_back(session: Session) -> None:
        nadia, samira, oksana = factories.nadia(session), factories.samira(session), factories.oksana(session)
        mehari = factories.learner(session, "Mehari")
        factories.opened(session, nadia, hour.date().isoformat(), "10:00", "11:00")
        made = factories.booked(session, mehari, nadia, hour, now=yesterday)
        for minute, person in enumerate((samira, oksana)):
            waitlist.join_waitlist(
                session, person, person, None, MORNING, None, now=yesterday + timedelta(minutes=minute)
            )
        cancel_for_good(session, mehari, made, now=yesterday)

    school.write(give_back)

    def offers() -> list[tuple[str, str]]:
        asked = select(Person.name, Booking.state).join(Person, Person.id == Booking.learner_id)
        rows = school.read(lambda s: s.execute(asked.where(Booking.waitlist_entry_id.is_not(None))).all())
        return sorted((name, state) for name, state in rows)

    assert offers() == [("Samira", BookingState.OFFERED)]
    for _ in range(2):
        school.app.extensions["lms_jobs"].every_minute()
    assert offers() == [("Oksana Bondar", BookingState.OFFERED), ("Samira", BookingState.EXPIRED)]


def test_in_the_morning_the_day_that_comes_into_sight_goes_to_who_waits(school: School) -> None:
    hour = wall(factories.coming_monday().isoformat(), "10:00")

    def join(session: Session) -> None:
        samira = factories.samira(session)
        factories.organisation(session).horizon_days = (hour.date() - now().date()).days + 1
        waitlist.join_waitlist(session, samira, samira, None, MORNING, None, now=now())
        factories.opened(session, factories.nadia(session), hour.date().isoformat(), "10:00", "11:00")

    school.write(join)
    school.write(lambda s: s.execute(update(Organisation).values(quiet_from=0, quiet_until=0)))
    school.app.extensions["lms_jobs"].every_hour()
    assert school.read(
        lambda s: s.scalars(select(Booking.starts).where(Booking.state == BookingState.OFFERED)).all()
    ) == [hour]


def test_every_hour_the_appointments_are_compared_with_the_hours_also_at_night(school: School) -> None:
    monday = factories.coming_monday()

    def live(session: Session) -> None:
        nadia, at = factories.nadia(session), wall(monday.isoformat(), "10:00")
        rule = factories.rule(session, nadia, 0, "09:00", "12:00")
        factories.booked(session, factories.samira(session), nadia, at, now=now())
        session.delete(rule)  # as another release would, which knows another list of holidays

    school.write(live)
    school.write(lambda s: s.execute(update(Organisation).values(quiet_from=now().hour, quiet_until=0)))
    school.app.extensions["lms_jobs"].every_hour()
    assert school.read(lambda s: s.scalars(select(Booking.conflict)).all()) == [ConflictReason.OUTSIDE]


def test_only_a_house_with_a_gateway_or_one_that_tries_out_sends_texts(school: School) -> None:
    production = replace(school.settings, env="production")
    assert make_sms_sender(production) is None
    assert isinstance(make_sms_sender(replace(production, sms_url="https://sms.example.be")), HttpSmsGateway)
    assert isinstance(make_sms_sender(school.settings), SmsFolder)


def test_without_a_mail_server_the_letter_lies_in_the_folder(school: School) -> None:
    invited(school)
    school.deliver()
    (letter,) = Path(school.settings.instance / "mail").glob("*.eml")
    assert "token-of-the-link" in letter.read_bytes().decode()


@pytest.mark.parametrize("queue", ["sqlite", "redis"])
def test_a_worker_delivers_what_a_page_caused_and_stops_when_told(
    school: School, smtp: SmtpServer, queue: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'q.sqlite3'}" if queue == "sqlite" else request.getfixturevalue("redis_url")
    settings = replace(
        school.settings,
        queue_url=url,
        mail_host=smtp.host,
        mail_port=smtp.port,
        mail_security="none",
    )
    jobs = Jobs(school.app, settings, make_mailer(settings))
    on_outbox_commit(school.app, jobs.wake)
    stop = jobs.start_worker()
    try:
        invited(school)
        assert smtp.wait_for(1, limit=20)
    finally:
        stop()
    assert len(smtp.messages) == 1


def test_a_night_forgets_what_is_over_and_keeps_what_still_counts(school: School) -> None:
    today, long_ago = now(), now() - timedelta(days=200)

    def leave_traces(session: Session) -> None:
        samira = factories.samira(session)
        for name, moment in (("old", long_ago), ("new", today)):
            session.add(FormReceipt(person_id=samira.id, request_id=name, location="/", created_at=moment))
            logins.open_login(session, samira, LoginKind.SHARED, device=name, now=moment)

    school.write(leave_traces)
    incoming = school.settings.uploads / ".incoming"
    for name, moment in (("old", long_ago), ("new", today)):
        (incoming / name).write_bytes(b"half a photo")
        os.utime(incoming / name, (moment.timestamp(), moment.timestamp()))
    school.app.extensions["lms_jobs"].every_night()
    kept = (FormReceipt.request_id, LoginSession.device)
    assert school.read(lambda s: [s.scalars(select(what)).all() for what in kept]) == [["new"]] * 2
    assert [path.name for path in incoming.iterdir()] == ["new"]


def test_the_night_counts_the_rows_of_the_database_and_keeps_no_samples_of_them(school: School) -> None:
    school.write(factories.samira)
    school.app.extensions["lms_jobs"].every_night()
    counted = school.read(lambda s: s.scalars(text("SELECT tbl FROM sqlite_stat1")).all())
    assert "person" in counted
    tables = school.read(lambda s: s.scalars(text("SELECT name FROM sqlite_master")).all())
    if "sqlite_stat4" in tables:  # not in every build of SQLite
        assert school.read(lambda s: s.scalar(text("SELECT count(*) FROM sqlite_stat4"))) == 0
