"""Two teachers with one first name: whatever names one of them says which one."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from config import BRUSSELS, ROOT
from lms import clock
from lms.domain.booking import appointments, waitlist
from lms.domain.calendars import feeds
from lms.domain.homework import attempts, correction
from lms.domain.people import staff
from lms.jobs import MAIL_RENDERERS, SMS_RENDERERS
from lms.models import AFTERNOON, Booking, OutboxItem, Person
from lms.notifications import render_email, sms
from tests import factories
from tests.factories import Who
from tests.support.appointments import MONDAY, at
from tests.support.pages import Visitor
from tests.support.school import School

HREF = re.compile(r'href="(/[^"#]*)')
OTHER_WEEK = re.compile(r"[?&](?:week|day|from)=|^/static/")
# Named as "Nadia D.", "Nadia B." or with the whole name.
UNCLEAR = re.compile(r"Nadia(?! (?:D\.|B\.|Dubois|Benali))")
FIRST_WORD = re.compile(r"(?:teacher|maker|holder)\)?\.(?:first_name|split)|\.name\.split|split\(\)\[0\]")


def benali(session: Session) -> Person:
    found = session.scalars(select(Person).where(Person.name == "Nadia Benali")).first()
    return found or staff.invite_colleague(
        session,
        factories.claire(session),
        "Nadia Benali",
        "benali@service.example.be",
        ["teacher"],
        staff.new_token(),
        now=clock.now(),
    )


@pytest.fixture
def two_nadias(school: School) -> School:
    """Both gave and answered homework, have appointments, cancelled one, and offer an hour to Samira."""

    def live(session: Session) -> None:
        moment, samira, claire = clock.now(), factories.samira(session), factories.claire(session)
        service = factories.organisation(session)
        service.horizon_days, service.weekly_cap, service.open_cap = 90, 20, 20
        samira.phone = "0470123456"
        for days, who in enumerate((factories.nadia, benali)):
            teacher = who(session)
            factories.all_week(session, teacher, valid_from=MONDAY)
            for redo in (False, True):
                work = factories.assignment(session, by=teacher)
                factories.answered(session, factories.sent(session, samira, work), by=teacher, redo=redo)
            factories.sent(session, samira, factories.assignment(session, by=teacher))
            factories.assignment(session, by=teacher)
            factories.booked(session, samira, teacher, at("09:00", days), by=claire, now=moment)
            made = factories.booked(session, samira, teacher, at("10:00", days), by=claire, now=moment)
            appointments.cancel(session, teacher, made, "", now=moment, zone=BRUSSELS)
            other = factories.learner(session, f"Amina {days}")
            begun = factories.sent(session, other, factories.assignment(session))
            copy = attempts.queued_attempt_for(session, teacher, begun.id)
            correction.save_feedback(session, copy, teacher, correction.FeedbackDraft("Bien"), {}, now=moment)
        waitlist.join_waitlist(session, samira, samira, benali(session).id, AFTERNOON, None, now=moment)
        waitlist.offer_new_hours(session, now=moment, zone=BRUSSELS)

    school.write(live)
    return school


def walk(browser: Visitor, *more: str) -> dict[str, str]:
    """Return the pages that links lead to from the start page, by address; of weeks only the first."""
    ahead, seen = ["/", "/bookings/new", "/waitlist?change", *more], dict[str, str]()
    while ahead:
        address = ahead.pop()
        answer = browser.client.get(address, follow_redirects=True)
        seen[address] = answer.get_data(as_text=True)
        if answer.mimetype == "text/html":
            found = {link.replace("&amp;", "&") for link in HREF.findall(seen[address])}
            found = {link for link in found if not OTHER_WEEK.search(link)}
            ahead += sorted(found - seen.keys() - set(ahead))
    return seen


@pytest.mark.parametrize(
    ("who", "naming"), [(factories.samira, 15), (factories.luc, 5), (factories.claire, 5)]
)
def test_every_page_that_names_one_of_them_says_which_one(two_nadias: School, who: Who, naming: int) -> None:
    bookings = two_nadias.read(lambda s: s.scalars(select(Booking.id)).all())
    doors = [f"/{way}/{booking}" for way in ("s", "bookings", "offers") for booking in bookings]
    pages = walk(two_nadias.visitor(two_nadias.write(who)), *doors)
    assert [address for address, html in pages.items() if UNCLEAR.search(html)] == []
    assert len([address for address, html in pages.items() if "Nadia" in html]) >= naming, sorted(pages)


def test_every_mail_and_text_to_the_learner_says_which_one(two_nadias: School) -> None:
    def written(session: Session) -> list[str]:
        items = session.scalars(
            select(OutboxItem)
            .where(OutboxItem.person_id == factories.samira(session).id)
            .options(joinedload(OutboxItem.person).selectinload(Person.role_rows))
        ).all()
        found: list[str] = []
        for item in items:
            moment = max(item.due_at, clock.now())
            mail = render_email(session, item, MAIL_RENDERERS[item.kind], two_nadias.settings, moment)
            if mail is not None:
                found += [mail.subject, mail.text, mail.html, (mail.calendar or b"").decode()]
            if item.kind in SMS_RENDERERS:
                short = sms.render_sms(session, item, SMS_RENDERERS[item.kind], two_nadias.settings, moment)
                found.append(short or "")
        return found

    texts = two_nadias.read(written)
    assert [text for text in texts if UNCLEAR.search(text)] == []
    assert len([text for text in texts if "Nadia" in text]) >= 10


def test_her_calendar_says_which_one(two_nadias: School) -> None:
    token = feeds.new_token()
    two_nadias.write(lambda s: feeds.create_feed(s, factories.samira(s), token, now=clock.now()))
    text = two_nadias.app.test_client().get(f"/cal/{token}.ics").get_data(as_text=True)
    assert "Nadia B." in text
    assert "Nadia D." in text
    assert UNCLEAR.search(text) is None


def test_no_code_takes_the_first_word_of_a_name_of_the_team() -> None:
    """`short_name` is the name that others read; `first_name` is for the person herself and for learners."""
    found = [
        f"{path.name}: {line.strip()}"
        for folder in ("lms/blueprints", "lms/domain", "lms/notifications", "lms/templates")
        for path in sorted((ROOT / folder).rglob("*.*"))
        if path.suffix in (".py", ".html", ".txt")
        for line in path.read_text().splitlines()
        if FIRST_WORD.search(line)
    ]
    assert found == []
