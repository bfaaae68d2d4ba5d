"""What a text on a phone says, as it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from config import BRUSSELS
from lms.adapters.sms.message import segments
from lms.domain.booking import absence, appointments, waitlist
from lms.i18n import languages
from lms.jobs import SMS_RENDERERS
from lms.models import AFTERNOON, Booking, Mode, OutboxItem, Outcome, Person
from lms.notifications import sms
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School

FRIDAY = wall("2026-11-27", "14:00")
HOUR = timedelta(hours=1)
TEMPLATES = Path(__file__).parents[2] / "lms/templates/mail"


@pytest.fixture(autouse=True)
def prepared(school: School) -> None:
    def open_hours(session: Session) -> None:
        service = factories.organisation(session)
        service.address, service.phone = "Rue du Pont 1, 6000 Charleroi", "071 12 34 56"
        factories.oksana(session).phone = "0470 12 34 56"
        factories.all_week(session, factories.nadia(session), mode="both")

    school.write(open_hours)


def booked(school: School, mode: str = "video", who: Callable[[Session], Person] = factories.oksana) -> None:
    school.write(
        lambda s: factories.booked(s, who(s), factories.nadia(s), FRIDAY, mode, by=factories.nadia(s)),
    )


def change(school: School, operation: Callable[[Session, Booking, Person], object]) -> None:
    """Something that Nadia does with the one appointment."""
    school.write(lambda s: operation(s, s.scalars(select(Booking)).one(), factories.nadia(s)))


def said(
    school: School,
    kind: str,
    at: datetime = NOW,
    *,
    language: str = "fr",
    base: str = "https://cours.example.be",
) -> str | None:
    """The last text of this kind to Oksana, as a worker would send it at this moment."""
    settings = replace(school.settings, base_url=base)
    school.write(lambda s: setattr(factories.oksana(s), "language", language))

    def write(session: Session) -> str | None:
        item = session.scalars(
            select(OutboxItem)
            .where(OutboxItem.kind == kind, OutboxItem.person_id == factories.oksana(session).id)
            .options(joinedload(OutboxItem.person).selectinload(Person.role_rows))
            .order_by(OutboxItem.sequence.desc())
            .execution_options(populate_existing=True)
        ).first()
        assert item is not None
        return sms.render_sms(session, item, SMS_RENDERERS[kind], settings, at)

    return school.read(write)


def test_a_text_begins_with_what_matters_and_says_whose_hour_it_is(school: School) -> None:
    booked(school)
    booking_id = school.read(lambda s: s.scalars(select(Booking.id)).one())
    assert said(school, "booking_made") == (
        "Votre rendez-vous : vendredi 27 novembre, 14 h 00 (heure de Belgique), avec Nadia\n"
        f"https://cours.example.be/s/{booking_id}"
    )


def test_on_site_it_says_room_street_and_telephone(school: School) -> None:
    booked(school, "onsite")
    text = said(school, "booking_made") or ""
    assert "\nSalle 2, Rue du Pont 1, 6000 Charleroi, 071 12 34 56\n" in text


def test_both_reminders_say_the_hour_of_belgium_and_never_that_of_greenwich(school: School) -> None:
    booked(school)
    day_before = said(school, "booking_reminder", FRIDAY - timedelta(hours=24)) or ""
    soon = said(school, "booking_soon", FRIDAY - timedelta(hours=2)) or ""
    assert day_before.startswith("Demain : vendredi 27 novembre, 14 h 00 (heure de Belgique)")
    assert soon.startswith("Aujourd'hui : vendredi 27 novembre, 14 h 00 (heure de Belgique)")
    for text in (day_before, soon):
        assert "13" not in text.split("\n")[0]
        assert "UTC" not in text


def test_a_reminder_is_never_sent_after_a_cancellation_a_move_or_the_beginning(school: School) -> None:
    booked(school)
    early, late = FRIDAY - timedelta(hours=24), FRIDAY - timedelta(hours=2)
    assert said(school, "booking_reminder", late) is None, "the second one is due"
    assert said(school, "booking_soon", FRIDAY) is None, "it has begun"
    before = school.read(
        lambda s: s.scalars(select(OutboxItem.id).where(OutboxItem.closed_at.is_(None))).all()
    )
    change(
        school,
        lambda s, b, nadia: appointments.move(s, nadia, b, FRIDAY + HOUR, Mode.VIDEO, now=NOW, zone=BRUSSELS),
    )
    outcomes = school.read(
        lambda s: s.scalars(select(OutboxItem.outcome).where(OutboxItem.id.in_(before))).all()
    )
    assert set(outcomes) == {Outcome.VOID}
    assert "15 h 00" in (said(school, "booking_reminder", early) or "")
    change(school, lambda s, b, nadia: appointments.cancel(s, nadia, b, "", now=NOW, zone=BRUSSELS))
    for kind, at in (("booking_reminder", early), ("booking_soon", late), ("booking_made", NOW)):
        assert said(school, kind, at) is None


def test_a_row_of_an_hour_that_was_moved_says_nothing_even_if_it_was_left_open(school: School) -> None:
    booked(school)
    change(school, lambda s, b, _nadia: setattr(b, "sequence", 1))
    for kind in ("booking_made", "booking_reminder", "booking_soon"):
        assert said(school, kind) is None


def test_what_she_did_herself_is_not_written_to_her_phone(school: School) -> None:
    school.write(lambda s: factories.booked(s, factories.oksana(s), factories.nadia(s), FRIDAY))
    assert said(school, "booking_made") is None
    school.write(
        lambda s: appointments.cancel(
            s, factories.oksana(s), s.scalars(select(Booking)).one(), "", now=NOW, zone=BRUSSELS
        )
    )
    assert said(school, "booking_cancelled") is None


def test_a_day_called_off_is_told_kindly_and_leads_to_other_hours(school: School) -> None:
    booked(school)
    school.write(
        lambda s: absence.cancel_day(
            s, factories.nadia(s), factories.nadia(s), FRIDAY.date(), now=NOW, zone=BRUSSELS
        )
    )
    text = said(school, "booking_cancelled") or ""
    assert text.startswith("Annulé : vendredi 27 novembre, 14 h 00")
    assert "Votre professeur ne peut pas venir." in text
    assert text.endswith("\nhttps://cours.example.be/bookings/new")
    assert "malade" not in text.lower()


def offered(school: School) -> None:
    booked(school, who=factories.samira)
    school.write(
        lambda s: waitlist.join_waitlist(
            s, factories.oksana(s), factories.oksana(s), None, AFTERNOON, Mode.VIDEO, now=NOW
        )
    )
    change(school, lambda s, b, nadia: appointments.cancel(s, nadia, b, "", now=NOW, zone=BRUSSELS))


def test_an_offer_says_until_when_and_leads_to_yes_and_no(school: School) -> None:
    offered(school)
    text = said(school, "booking_offer") or ""
    assert text.startswith("Place libre : vendredi 27 novembre, 14 h 00 (heure de Belgique).")
    assert "Répondez avant le lundi 23 novembre, 21 h 00." in text
    assert "https://cours.example.be/offers/" in text
    assert said(school, "booking_offer", NOW + timedelta(hours=12)) is None


CAUSES: dict[str, Callable[[School], None]] = {
    "booking_made": booked,
    "booking_reminder": booked,
    "booking_soon": booked,
    "booking_offer": offered,
}


def moved(school: School) -> None:
    booked(school)
    change(
        school,
        lambda s, b, nadia: appointments.move(s, nadia, b, FRIDAY + HOUR, Mode.VIDEO, now=NOW, zone=BRUSSELS),
    )


def cancelled(school: School) -> None:
    booked(school)
    change(
        school,
        lambda s, b, nadia: appointments.cancel(
            s, nadia, b, "", cancelled_by_teacher=True, now=NOW, zone=BRUSSELS
        ),
    )


CAUSES |= {"booking_moved": moved, "booking_cancelled": cancelled}


def test_every_kind_that_a_phone_can_get_has_its_words() -> None:
    assert set(CAUSES) == set(SMS_RENDERERS)
    assert {path.name for path in TEMPLATES.glob("*.sms.txt")} == {
        f"{kind}.sms.txt" for kind in SMS_RENDERERS
    }


@pytest.mark.parametrize("kind", sorted(CAUSES))
def test_no_text_costs_more_than_two_pages_in_any_language(school: School, kind: str) -> None:
    CAUSES[kind](school)
    for language in [one.code for one in languages.WITH_CATALOGUE]:
        for base in ("https://cours.example.be", "https://francais.une-tres-longue-adresse.example.be"):
            text = said(school, kind, language=language, base=base) or ""
            assert segments(text) <= 2, text
            assert text.split("\n")[0].isprintable()
            assert "heure de Belgique" in text
            assert ".." not in text


@pytest.mark.parametrize("language", [one.code for one in languages.WITH_CATALOGUE])
def test_two_pages_have_room_for_the_link_in_every_language(school: School, language: str) -> None:
    booked(school)
    text = said(school, "booking_soon", FRIDAY - timedelta(hours=2), language=language) or ""
    assert "\nhttps://cours.example.be/s/" in text
    assert text.count("\n") == (1 if language == "fr" else 2)


LONG_BASES = ("https://passerelle.cpas-charleroi.be", "https://francais.une-tres-longue-adresse.example.be")


@pytest.mark.parametrize("language", [one.code for one in languages.WITH_CATALOGUE])
def test_an_offer_always_leads_to_yes_and_no_however_long_the_address(school: School, language: str) -> None:
    offered(school)
    for base in LONG_BASES:
        text = said(school, "booking_offer", language=language, base=base) or ""
        assert f"\n{base}/offers/" in text
        assert segments(text) <= 2


def test_where_the_day_finds_no_room_a_word_and_the_link_say_it_in_her_language(school: School) -> None:
    booked(school)
    lines = said(school, "booking_made", language="ar", base=LONG_BASES[0]) or ""
    french, arabic, link = lines.split("\n")
    assert french == "Votre rendez-vous : ven. 27 nov., 14 h 00 (heure de Belgique)"
    assert arabic == "موعدكم"
    assert link.startswith(LONG_BASES[0])


def test_the_hour_keeps_its_order_in_a_line_from_right_to_left(school: School) -> None:
    booked(school)
    french, arabic, *_more = (said(school, "booking_reminder", language="ar") or "").split("\n")
    assert "\u200e14 h 00" in arabic
    assert "\u200e" not in french


def test_nobody_writes_to_the_phone_of_somebody_who_left(school: School) -> None:
    booked(school)
    school.write(lambda s: setattr(factories.oksana(s), "deactivated_at", NOW))
    assert said(school, "booking_made") is None
