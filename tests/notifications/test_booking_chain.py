"""An appointment made, moved twice and cancelled, as two mailboxes receive it from a real mail server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.clock import now
from lms.domain.booking import appointments
from lms.jobs import make_mailer
from lms.models import Booking, Mode, Person
from tests import factories
from tests.factories import wall
from tests.support.school import School
from tests.support.smtp import SmtpServer

MONDAY = factories.coming_monday()
TEN = wall(MONDAY.isoformat(), "10:00")
HOUR = timedelta(hours=1)
METHODS = ["REQUEST", "REQUEST", "REQUEST", "CANCEL"]


@dataclass
class Chain:
    uid: str
    hours: list[datetime]  # after each step
    mails: list[EmailMessage]

    def of(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if address in str(mail["to"])]


@pytest.fixture
def chain(school: School, smtp: SmtpServer) -> Chain:
    """Booked by her, moved by her, moved by the teacher to the next day, cancelled by the teacher."""
    settings = replace(school.settings, mail_host=smtp.host, mail_port=smtp.port, mail_security="none")
    school.app.extensions["lms_jobs"].mailer = make_mailer(settings)

    def book(session: Session) -> Booking:
        factories.organisation(session).directions = "Bus 70, arrêt Pont"
        factories.all_week(session, factories.nadia(session))
        return factories.booked(session, factories.samira(session), factories.nadia(session), TEN, now=now())

    def step(operation: Callable[[Session, Booking], Booking]) -> datetime:
        starts = school.write(lambda s: operation(s, s.get_one(Booking, made.id))).starts
        school.deliver()
        return starts

    def move(who: Callable[[Session], Person], starts: datetime) -> Callable[[Session, Booking], Booking]:
        return lambda s, booking: appointments.move(
            s, who(s), booking, starts, Mode.VIDEO, now=now(), zone=BRUSSELS
        )

    made = school.write(book)
    school.deliver()
    hours = [
        TEN,
        step(move(factories.samira, TEN + HOUR)),
        step(move(factories.nadia, TEN + timedelta(days=1))),
        step(
            lambda s, booking: appointments.cancel(
                s, factories.nadia(s), booking, "Formation", now=now(), zone=BRUSSELS
            )
        ),
    ]
    return Chain(made.uid, hours, smtp.messages)


READERS = ["samira@learners.example.be", "nadia@service.example.be"]


def calendars(mail: EmailMessage) -> list[Any]:
    return [part for part in mail.walk() if part.get_content_type() == "text/calendar"]


def calendar_of(part: Any) -> Any:
    return Calendar.from_ical(part.get_payload(decode=True))


@pytest.mark.parametrize("reader", READERS)
def test_four_mails_tell_one_event_with_a_rising_sequence(chain: Chain, reader: str) -> None:
    mails = chain.of(reader)
    assert len(mails) == 4
    found = [calendar_of(calendars(mail)[0]) for mail in mails]
    events = [calendar.events[0] for calendar in found]
    assert {str(event["uid"]) for event in events} == {chain.uid}
    assert [int(event["sequence"]) for event in events] == [0, 1, 2, 3]
    assert [str(calendar["method"]) for calendar in found] == METHODS
    assert [str(event["status"]) for event in events] == ["CONFIRMED"] * 3 + ["CANCELLED"]
    assert [event["dtstart"].dt for event in events] == chain.hours
    assert chain.hours == [TEN, TEN + HOUR, TEN + timedelta(days=1), TEN + timedelta(days=1)]
    stamps = [event["dtstamp"].dt for event in events]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize("reader", READERS)
def test_the_part_of_the_mail_names_its_method(chain: Chain, reader: str) -> None:
    for mail, method in zip(chain.of(reader), METHODS, strict=True):
        parts = calendars(mail)
        assert parts
        for part in parts:
            assert part.get_param("method") == method
            assert part.get_content_charset() == "utf-8"
            assert str(calendar_of(part)["method"]) == method


@pytest.mark.parametrize("reader", READERS)
def test_only_the_reader_is_named_and_the_service_invites(chain: Chain, reader: str) -> None:
    for mail in chain.of(reader):
        for part in calendars(mail):
            (event,) = calendar_of(part).events
            assert str(event["attendee"]) == f"mailto:{reader}"
            sender = str(mail["from"]).rsplit("<", 1)[-1].rstrip(">")
            assert str(event["organizer"]) == f"mailto:{sender}"
            text = part.get_payload(decode=True).decode()
            assert not [other for other in READERS if other != reader and other in text]


def test_each_of_the_eight_mails_is_a_mail_of_its_own(chain: Chain) -> None:
    assert len(chain.mails) == len({mail["message-id"] for mail in chain.mails}) == 8
