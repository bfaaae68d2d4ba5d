"""Every mail: French first, the person's language under it, nothing half translated or escaped twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from config import BRUSSELS
from lms.adapters.mail.message import Email
from lms.domain import outbox
from lms.domain.booking import appointments, waitlist
from lms.domain.homework import attempts, correction, inbox_answers, inbox_filing
from lms.domain.people import staff
from lms.i18n import languages
from lms.jobs import MAIL_RENDERERS
from lms.models import (
    AFTERNOON,
    MAIL_KINDS,
    MORNING,
    Booking,
    ExternalCalendar,
    MailState,
    Mode,
    OutboxItem,
    Person,
)
from lms.notifications import render_email
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW, wall
from tests.support.mails import waiting_mail
from tests.support.pages import Element, parse
from tests.support.school import School
from tests.support.waitlist import cancel_for_good

# What people type: an entity typed by hand, a tag, a percent sign, two writing directions.
TRICKY = "L’été & l’hiver <b>100 %</b> « à vélo » %(name)s"
FRIDAY = wall("2026-11-27", "14:00")
FOR_THE_TEAM = ("password_link", "calendar_failing", "teacher_digest")


def reader(session: Session, language: str) -> Person:
    """A learner who reads this language, and one of the team, so that every kind of mail can be hers."""
    email = f"{language}@people.example.be"
    found = session.scalars(select(Person).where(Person.email == email)).first()
    return found or factories.person(
        session,
        "Ümit <O’Neill> & fils",
        "learner",
        "teacher",
        email=email,
        login_email=email,
        language=language,
        level_code="N1",
    )


def corrected(session: Session, person: Person) -> None:
    lines = factories.criteria(session)
    lesson = factories.lesson(session)
    lesson.title = TRICKY
    attempt = factories.sent(session, person, factories.assignment(session, lesson))
    copy = attempts.queued_attempt_for(session, factories.nadia(session), attempt.id)
    answer = correction.FeedbackDraft(
        comment=f"{TRICKY}\n\nDeuxième ligne", next_step=TRICKY, bands={line.id: 2 for line in lines}
    )
    shown, returns = factories.what_is_shown(session, copy)
    nadia = factories.nadia(session)
    correction.return_feedback(session, copy, nadia, answer, shown, returns=returns, redo=False, now=NOW)


def link(session: Session, person: Person) -> None:
    staff.send_link(session, person, staff.new_token(), now=NOW)


def hour(session: Session, person: Person) -> None:
    service = factories.organisation(session)
    service.directions = service.hygiene_text = TRICKY
    service.hygiene_notice = True
    factories.all_week(session, factories.luc(session), mode="both")
    factories.booked(session, person, factories.luc(session), FRIDAY, "onsite")


def moved(session: Session, person: Person) -> None:
    hour(session, person)
    booking = session.scalars(select(Booking)).one()
    appointments.move(
        session, person, booking, FRIDAY + timedelta(hours=1), Mode.VIDEO, now=NOW, zone=BRUSSELS
    )


def cancelled(session: Session, person: Person) -> None:
    hour(session, person)
    booking = session.scalars(select(Booking)).one()
    appointments.cancel(session, factories.luc(session), booking, "", now=NOW, zone=BRUSSELS)


def retimed(session: Session, person: Person) -> None:
    hour(session, person)
    booking = session.scalars(select(Booking)).one()
    outbox.post(session, "booking_retimed", person, booking.id, now=NOW)


def offered(session: Session, person: Person) -> None:
    """Samira gave back the hour for which somebody waits."""
    hour(session, factories.samira(session))
    waitlist.join_waitlist(session, person, person, None, MORNING | AFTERNOON, None, now=NOW)
    cancel_for_good(session, factories.samira(session), session.scalars(select(Booking)).one(), now=NOW)


def failing(session: Session, person: Person) -> None:
    calendar = ExternalCalendar(
        teacher_id=person.id,
        address="https://calendar.example.be/a-secret.ics",
        created_at=NOW,
        failing_since=NOW,
        error="calendar_broken",
    )
    session.add(calendar)
    session.flush()
    outbox.post(session, "calendar_failing", person, calendar.id, now=NOW)


def mailed(session: Session, person: Person, *, refused: bool = False) -> None:
    lesson = factories.lesson(session)
    lesson.title = TRICKY
    assignment = factories.assignment(session, lesson)
    mail = waiting_mail(session, TRICKY)
    inbox_filing.file_mail(
        session, factories.nadia(session), mail, person, assignment.id, quota=9999, now=NOW
    )
    if refused:
        mail.state, mail.attempt_id, mail.why = MailState.REFUSED, None, RefusalCode.MAIL_NO_HOMEWORK
    inbox_answers.post_answers(session, now=NOW)


def weekly(session: Session, person: Person) -> None:
    factories.sent(session, factories.learner(session, TRICKY), factories.assignment(session))
    outbox.post(session, "teacher_digest", person, "2026-W48", now=NOW)


CAUSES: dict[str, Callable[[Session, Person], None]] = {
    "feedback_returned": corrected,
    "password_link": link,
    "booking_made": hour,
    "booking_moved": moved,
    "booking_cancelled": cancelled,
    "booking_reminder": hour,
    "booking_soon": hour,
    "booking_retimed": retimed,
    "booking_offer": offered,
    "calendar_failing": failing,
    "homework_received": mailed,
    "mail_unreadable": partial(mailed, refused=True),
    "teacher_digest": weekly,
}


def letter(school: School, kind: str, language: str) -> Email:
    school.write(lambda s: CAUSES[kind](s, reader(s, language)))

    def write(session: Session) -> Email | None:
        item = session.scalars(
            select(OutboxItem)
            .where(OutboxItem.kind == kind, OutboxItem.person_id == reader(session, language).id)
            .options(joinedload(OutboxItem.person).selectinload(Person.role_rows))
            .execution_options(populate_existing=True)
        ).one()
        return render_email(session, item, MAIL_RENDERERS[kind], school.settings, NOW)

    found = school.read(write)
    assert found is not None
    return found


def parts(letter: Email) -> list[Element]:
    """The card of the mail in each language."""
    return [cell for cell in parse(letter.html).all("td") if "panel" in (cell.get("class") or "")]


def test_every_kind_of_mail_has_a_cause_here() -> None:
    assert set(CAUSES) == set(MAIL_KINDS) == set(MAIL_RENDERERS)


@pytest.mark.parametrize(
    ("language", "tongues"),
    [
        ("fr", [("fr", "ltr")]),
        ("ar", [("fr", "ltr"), ("ar", "rtl")]),
        ("tr", [("fr", "ltr"), ("tr", "ltr")]),
        ("uk", [("fr", "ltr"), ("uk", "ltr")]),
        ("en", [("fr", "ltr"), ("en", "ltr")]),
        ("ti", [("fr", "ltr")]),
        ("ps", [("fr", "ltr")]),
    ],
)
@pytest.mark.parametrize("kind", ["feedback_returned", "booking_made"])
def test_french_comes_first_and_the_language_of_the_person_under_it(
    school: School, kind: str, language: str, tongues: list[tuple[str, str]]
) -> None:
    mail = letter(school, kind, language)
    assert [(part.get("lang"), part.get("dir")) for part in parts(mail)] == tongues
    assert mail.text.count("-" * 40) == len(tongues) - 1
    page = parse(mail.html).all("html")[0]
    assert (page.get("lang"), page.get("dir")) == ("fr", "ltr")


@pytest.mark.parametrize("language", [one.code for one in languages.WITH_CATALOGUE])
@pytest.mark.parametrize("kind", MAIL_KINDS)
def test_no_mail_has_a_hole_and_none_is_escaped_twice(school: School, kind: str, language: str) -> None:
    mail = letter(school, kind, language)
    typed = TRICKY.replace("%(name)s", "")
    for text in (mail.subject, mail.text, mail.html):
        assert "%(" not in text.replace(TRICKY, typed).replace("« à vélo » %(name)s", "")
        assert "None" not in text
        assert "&amp;amp;" not in text
        assert "&amp;lt;" not in text
        assert "{{" not in text
    # In plain text nothing is escaped, and what people typed arrives as they typed it.
    assert not re.search(r"&(amp|lt|gt|quot|#\d+);", mail.subject + mail.text)
    # A tag that somebody typed is text, also in the part that is made of templates.
    assert "<b>100 %</b>" not in mail.html
    assert "<O’Neill>" not in mail.html
    if kind == "feedback_returned":
        assert mail.text.count(TRICKY) == 3 * len(parts(mail))
        assert all(part.text.count(TRICKY) == 3 for part in parts(mail))
    # The second part is no copy of the first. (What goes to the team alone is French or English.)
    if language == "en" or (language != "fr" and kind not in FOR_THE_TEAM):
        french, own = parts(mail)
        first = {paragraph.text for paragraph in french.all("p")}
        assert not first & {paragraph.text for paragraph in own.all("p") if not paragraph.get("lang")}
    # Who reads the page and who reads the text are led to the same places.
    links = {a.get("href") for a in parse(mail.html).all("a")}
    assert links
    assert links == set(re.findall(r"http://localhost\S+", mail.text))


# The main action of each kind: the words of its button, and where that leads.
ACTIONS = {
    "feedback_returned": ("Voir le devoir", "/submissions/"),
    "password_link": ("Choisir mon mot de passe", "/password/"),
    "booking_made": ("Voir le rendez-vous", "/bookings/"),
    "booking_moved": ("Entrer dans la vidéo", "/s/"),
    "booking_cancelled": ("Choisir une autre place", "/bookings/new"),
    "booking_reminder": ("Voir le rendez-vous", "/bookings/"),
    "booking_soon": ("Voir le rendez-vous", "/bookings/"),
    "booking_retimed": ("Voir le rendez-vous", "/bookings/"),
    "booking_offer": ("Répondre oui ou non", "/offers/"),
    "calendar_failing": ("Voir mes autres agendas", "/agenda/calendars"),
    "homework_received": ("Voir le devoir", "/submissions/"),
    "mail_unreadable": ("Voir les devoirs", "/homework"),
    "teacher_digest": ("À corriger", "/corrections"),
}


@pytest.mark.parametrize("kind", MAIL_KINDS)
def test_the_main_action_is_a_button_with_its_address_under_it(school: School, kind: str) -> None:
    mail = letter(school, kind, "ar")
    words, place = ACTIONS[kind]
    french, own = parts(mail)
    for card in (french, own):
        button, address, *_ = card.all("a")
        assert "main-words" in (button.get("class") or "")
        assert button.get("href") == address.get("href") == address.text
        assert address.text.startswith(f"http://localhost{place}")
    assert french.all("a")[0].text == words


@pytest.mark.parametrize("kind", MAIL_KINDS)
def test_a_mail_loads_nothing_and_runs_nothing(school: School, kind: str) -> None:
    root = parse(letter(school, kind, "ar").html)
    assert root.all("img", "script", "link", "iframe", "svg") == []
    for element in root.all():
        assert not {"src", "background", "srcset"} & set(element.attrs), dict(element.attrs)
        assert not any(name.startswith("on") for name in element.attrs), dict(element.attrs)
        assert "url(" not in (element.get("style") or "")
    assert "url(" not in root.all("style")[0].text


def test_the_first_card_says_that_the_own_language_follows(school: School) -> None:
    french, own = parts(letter(school, "booking_made", "ar"))
    hint = [cell for cell in french.all("td") if cell.get("lang") == "ar"]
    assert [(cell.text.strip(), cell.get("dir")) for cell in hint] == [("العربية ↓", "rtl")]
    assert "العربية" not in own.text
    assert "↓" not in letter(school, "password_link", "fr").html


def test_the_appreciation_has_as_many_dots_as_on_the_page(school: School) -> None:
    card = parts(letter(school, "feedback_returned", "fr"))[0]
    looks = [span.get("class") for span in card.all("span") if (span.get("class") or "").startswith("dot")]
    assert looks == ["dot-on", "dot-on", "dot"] * 3


def test_a_cancelled_hour_is_struck_through(school: School) -> None:
    card = parts(letter(school, "booking_cancelled", "fr"))[0]
    struck = [b.text for b in card.all("b") if "line-through" in (b.get("style") or "")]
    assert struck == ["vendredi 27 novembre", "14 h 00"]
    assert "line-through" not in letter(school, "booking_made", "tr").html


@pytest.fixture(scope="module")
def mail_program(browser: Browser) -> Iterator[Page]:
    """Return a page in which mails are opened one after the other."""
    page = browser.new_page()
    yield page
    page.close()


# The edges of what is wider than the screen, the widths of the cards, the heights of the buttons.
MEASURES = """() => ({
  scrolls: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  cards: [...document.querySelectorAll(".panel")].map(card => card.getBoundingClientRect().width),
  buttons: [...document.querySelectorAll(".main a, .quiet a")].map(a => a.getBoundingClientRect().height),
  paper: getComputedStyle(document.body).backgroundColor,
  words: getComputedStyle(document.querySelector("h1")).color,
})"""
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternsa"


@pytest.mark.parametrize("language", ["fr", "ar"])
@pytest.mark.parametrize("kind", MAIL_KINDS)
def test_a_mail_fits_a_narrow_phone_a_wide_screen_and_the_dark(
    school: School, mail_program: Page, kind: str, language: str
) -> None:
    html = letter(school, kind, language).html
    assert "Ümit" in html or kind == "password_link"
    mail_program.set_viewport_size({"width": 320, "height": 640})
    mail_program.emulate_media(color_scheme="light")
    mail_program.set_content(html.replace("Ümit", LONG_NAME))
    phone = mail_program.evaluate(MEASURES)
    assert phone["scrolls"] == 0
    assert phone["cards"]
    assert min(phone["buttons"]) >= 48
    assert (phone["paper"], phone["words"]) == ("rgb(251, 248, 243)", "rgb(29, 36, 51)")

    mail_program.set_viewport_size({"width": 1000, "height": 640})
    mail_program.emulate_media(color_scheme="dark")
    desk = mail_program.evaluate(MEASURES)
    assert desk["scrolls"] == 0
    assert 500 < max(desk["cards"]) <= 600
    assert (desk["paper"], desk["words"]) == ("rgb(20, 22, 28)", "rgb(243, 238, 229)")
