"""What the mails about an appointment say, read as they leave."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from config import BRUSSELS
from lms import clock
from lms.adapters.mail.message import Email
from lms.domain import outbox
from lms.domain.booking import absence, appointments, waitlist
from lms.jobs import MAIL_RENDERERS
from lms.models import AFTERNOON, Booking, BookingState, Mode, OutboxItem, Outcome, Person
from lms.notifications import render_email
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School

FRIDAY = wall("2026-11-27", "14:00")


@pytest.fixture(autouse=True)
def teachers(school: School) -> None:
    def offer(session: Session) -> None:
        service = factories.organisation(session)
        service.directions = "Bus 70, arrêt Pont"
        service.hygiene_notice, service.hygiene_text = True, "Lavez vos mains à l’entrée."
        factories.samira(session, language="ar")
        factories.all_week(session, factories.nadia(session))
        factories.all_week(session, factories.luc(session), mode="both")

    school.write(offer)


def booked(
    school: School, teacher: Any = factories.nadia, mode: Any = "video", who: Any = factories.samira
) -> Booking:
    return school.write(lambda s: factories.booked(s, who(s), teacher(s), FRIDAY, mode))


def letters(school: School, kind: str, at: Any = NOW) -> dict[str, Email | None]:
    """The letters of this kind that a worker would send, by the name of the person."""

    def write(session: Session) -> dict[str, Email | None]:
        items = session.scalars(
            select(OutboxItem)
            .where(OutboxItem.kind == kind)
            .options(joinedload(OutboxItem.person).selectinload(Person.role_rows))
        ).all()
        return {
            item.person.name: render_email(session, item, MAIL_RENDERERS[kind], school.settings, at)
            for item in items
        }

    return school.read(write)


def event(letter: Email | None) -> Any:
    assert letter is not None
    assert letter.calendar is not None
    return Calendar.from_ical(letter.calendar).walk("VEVENT")[0]


def test_a_learner_reads_hour_and_place_in_french_and_in_her_language(school: School) -> None:
    booked(school, factories.luc, "onsite")
    letter = letters(school, "booking_made")["Samira"]
    assert letter is not None
    assert letter.subject == "Rendez-vous : vendredi 27 novembre, 14 h 00"
    assert "14\u00a0h\u00a000 (heure de Belgique)" in letter.text
    assert letter.text.index("vendredi 27 novembre") < letter.text.index("نوفمبر")
    for part in ("Salle 2", "Bus 70, arrêt Pont", "Lavez vos mains"):
        assert part in letter.text
        assert part in letter.html


def test_the_teacher_reads_a_first_name_and_no_more_of_the_learner(school: School) -> None:
    booked(school, who=factories.oksana)
    letter = letters(school, "booking_made")["Nadia Dubois"]
    assert letter is not None
    for text in (letter.subject, letter.text, letter.html, (letter.calendar or b"").decode()):
        assert "Bondar" not in text
    assert "Oksana" in letter.text
    assert [str(event(letter)["attendee"])] == ["mailto:nadia@service.example.be"]


def test_the_teacher_is_led_to_the_appointment_and_not_asked_who_cannot_come(school: School) -> None:
    made = booked(school, factories.luc, "onsite")
    letter = letters(school, "booking_made")["Luc Lambert"]
    assert letter is not None
    for text in (letter.text, letter.html):
        assert f"http://localhost/bookings/{made.id}" in text
        assert "Voir le rendez-vous" in text
        assert "Vous ne pouvez pas venir" not in text


def test_one_event_with_a_rising_sequence_ends_with_a_cancel(school: School) -> None:
    made = booked(school)
    seen = [letters(school, "booking_made")]

    def change(hours: int) -> None:
        school.write(
            lambda s: appointments.move(
                s,
                factories.samira(s),
                s.get_one(Booking, made.id),
                FRIDAY + timedelta(hours=hours),
                Mode.VIDEO,
                now=NOW,
                zone=BRUSSELS,
            )
        )

    change(1)
    seen.append({k: v for k, v in letters(school, "booking_moved").items() if v})
    school.write(
        lambda s: appointments.cancel(
            s, factories.nadia(s), s.get_one(Booking, made.id), "", now=NOW, zone=BRUSSELS
        )
    )
    seen.append(letters(school, "booking_cancelled"))
    for name in ("Samira", "Nadia Dubois"):
        mails = [found[name] for found in seen]
        events = [event(mail) for mail in mails]
        assert {str(e["uid"]) for e in events} == {made.uid}
        assert [int(e["sequence"]) for e in events] == [0, 1, 2]
        assert [mail.calendar_method for mail in mails if mail] == ["REQUEST", "REQUEST", "CANCEL"]
        assert str(events[-1]["status"]) == "CANCELLED"
        assert events[1]["dtstart"].dt == FRIDAY + timedelta(hours=1)


def test_what_was_said_too_late_is_not_said(school: School) -> None:
    made = booked(school)
    assert all(letters(school, "booking_reminder").values())
    assert letters(school, "booking_reminder", at=FRIDAY) == {"Samira": None}
    school.write(
        lambda s: appointments.move(
            s,
            factories.samira(s),
            s.get_one(Booking, made.id),
            FRIDAY + timedelta(hours=1),
            Mode.VIDEO,
            now=NOW,
            zone=BRUSSELS,
        )
    )
    assert set(letters(school, "booking_made").values()) == {None}
    school.write(
        lambda s: appointments.cancel(
            s, factories.samira(s), s.get_one(Booking, made.id), "", now=NOW, zone=BRUSSELS
        )
    )
    for kind in ("booking_made", "booking_moved", "booking_reminder"):
        assert set(letters(school, kind).values()) == {None}


def test_a_reminder_says_tomorrow_only_when_it_is_tomorrow(school: School) -> None:
    booked(school)
    on_time = letters(school, "booking_reminder", at=FRIDAY - timedelta(hours=24))["Samira"]
    delayed = letters(school, "booking_reminder", at=FRIDAY - timedelta(hours=3))["Samira"]
    assert on_time is not None
    assert delayed is not None
    assert on_time.subject == "Demain, 14 h 00 : rendez-vous avec Nadia"
    assert delayed.subject == "vendredi 27 novembre, 14 h 00 : rendez-vous avec Nadia"
    assert on_time.calendar is None


def test_every_mail_says_whose_hour_it_is(school: School) -> None:
    made = booked(school)
    school.write(
        lambda s: appointments.cancel(
            s, factories.samira(s), s.get_one(Booking, made.id), "", now=NOW, zone=BRUSSELS
        )
    )
    letter = letters(school, "booking_cancelled")["Samira"]
    assert letter is not None
    assert "heure de Belgique" in letter.text
    assert "heure de Belgique" in letter.html
    assert "13:00" not in letter.text


def test_a_learner_without_an_address_gets_no_mail_and_her_row_closes(school: School) -> None:
    today = clock.now()
    soon = today + timedelta(days=7 if today.weekday() < 5 else 9)
    hour = wall(soon.date().isoformat(), "10:00")
    # The day may be a holiday: an extra opening wins over it.
    school.write(lambda s: factories.opened(s, factories.nadia(s), hour.date().isoformat(), "10:00", "11:00"))
    school.write(lambda s: factories.booked(s, factories.oksana(s), factories.nadia(s), hour, now=today))
    school.deliver()
    rows = school.read(lambda s: s.execute(select(OutboxItem.kind, OutboxItem.outcome)).all())
    # Nobody has to say it in person either: the learner booked.
    assert ("booking_made", Outcome.VOID) in [tuple(row) for row in rows]


def test_the_plain_text_breathes_and_ends_with_name_address_and_phone(school: School) -> None:
    def prepare(session: Session) -> None:
        service = factories.organisation(session)
        service.address, service.phone = "Rue du Pont 1", "071 12 34 56"

    school.write(prepare)
    booked(school)
    letter = letters(school, "booking_made")["Samira"]
    assert letter is not None
    lines = letter.text.rstrip().split("\n")
    assert lines[-2:] == ["Rue du Pont 1", "071 12 34 56"]
    assert [lines[-5], lines[-4]] == ["", "-- "]
    link = next(n for n, line in enumerate(lines) if line.startswith("Le lien ouvre"))
    other = next(n for n, line in enumerate(lines) if line.startswith("Vous ne pouvez pas"))
    assert lines[link - 1] == lines[other - 1] == ""


def test_two_hours_before_she_is_told_once_more(school: School) -> None:
    booked(school)
    letter = letters(school, "booking_soon", at=FRIDAY - timedelta(hours=2))["Samira"]
    assert letter is not None
    assert letter.subject == "Aujourd’hui, 14 h 00 : rendez-vous avec Nadia"
    assert "heure de Belgique" in letter.text
    assert letter.calendar is None
    assert letters(school, "booking_soon", at=FRIDAY) == {"Samira": None}


def test_a_late_reminder_is_dropped_when_the_next_one_is_due(school: School) -> None:
    booked(school)
    assert letters(school, "booking_reminder", at=FRIDAY - timedelta(hours=2)) == {"Samira": None}


def test_a_day_called_off_is_told_kindly_and_names_no_reason(school: School) -> None:
    booked(school)
    school.write(
        lambda s: absence.cancel_day(
            s, factories.nadia(s), factories.nadia(s), FRIDAY.date(), now=NOW, zone=BRUSSELS
        )
    )
    found = letters(school, "booking_cancelled")
    letter, hers = found["Samira"], found["Nadia Dubois"]
    assert letter is not None
    assert hers is not None
    for text in (letter.text, letter.html):
        assert "Votre professeur ne peut pas venir." in text
        assert "Ce rendez-vous ne compte pas pour vous." in text
        assert "http://localhost/bookings/new" in text
        assert "malade" not in text.lower()
    assert "Votre professeur" not in hers.text
    assert letter.calendar_method == "CANCEL"


def test_an_offer_leads_to_yes_and_no_and_is_silent_when_it_is_over(school: School) -> None:
    booked(school, who=factories.oksana)

    def free(session: Session) -> None:
        samira = factories.samira(session)
        waitlist.join_waitlist(session, samira, samira, None, AFTERNOON, None, now=NOW)
        appointments.cancel(
            session,
            factories.nadia(session),
            session.scalars(select(Booking)).one(),
            "",
            now=NOW,
            zone=BRUSSELS,
        )

    school.write(free)
    letter = letters(school, "booking_offer")["Samira"]
    assert letter is not None
    assert letter.subject == "Une heure est libre : vendredi 27 novembre, 14 h 00"
    offer = school.read(
        lambda s: s.scalars(select(Booking.id).where(Booking.state == BookingState.OFFERED)).one()
    )
    assert f"http://localhost/offers/{offer}" in letter.text
    assert "jusqu’au lundi 23 novembre, 21\u00a0h\u00a000. Toutes les heures sont" in letter.text
    assert letters(school, "booking_offer", at=NOW + timedelta(hours=12)) == {"Samira": None}
    school.write(
        lambda s: waitlist.accept_offer(
            s, factories.samira(s), waitlist.offer_for(s, factories.samira(s), offer), now=NOW, zone=BRUSSELS
        )
    )
    assert letters(school, "booking_offer") == {"Samira": None}


def test_a_changed_clock_puts_the_calendar_right_and_leaves_the_hour(school: School) -> None:
    made = booked(school)
    school.write(
        lambda s: [
            outbox.post(s, "booking_retimed", who(s), made.id, now=NOW)
            for who in (factories.samira, factories.nadia)
        ]
    )
    for letter in letters(school, "booking_retimed").values():
        assert letter is not None
        assert letter.subject.startswith("Même heure : rendez-vous vendredi 27 novembre, 14 h 00")
        assert letter.calendar_method == "REQUEST"
