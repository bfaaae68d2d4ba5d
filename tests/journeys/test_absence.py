"""A teacher cannot come: one press at her desk, and each learner knows by the way that reaches her."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask_babel import force_locale, gettext
from playwright.sync_api import Browser, Page, ViewportSize, expect
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.clock import now
from lms.models import Person
from tests import factories
from tests.support.live_server import LiveServer
from tests.support.school import School
from tests.support.servers import wait_until
from tests.support.smtp import SmtpServer

pytestmark = pytest.mark.journey

PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 800}
MONDAY = factories.coming_monday()
Who = Callable[[Session], Person]


@pytest.fixture
def served(tmp_path: Path, template: Path, smtp: SmtpServer) -> Iterator[LiveServer]:
    mail = {"LMS_MAIL_HOST": smtp.host, "LMS_MAIL_PORT": str(smtp.port), "LMS_MAIL_SECURITY": "none"}
    with LiveServer(tmp_path / "school", template, **mail) as server:
        yield server


def three_sessions(session: Session) -> None:
    """Samira reads Arabic and has an e-mail; Grace wants texts by hand; Oksana has neither mail nor phone."""
    nadia, samira = factories.nadia(session), factories.samira(session, "ar")
    grace = factories.learner(session, "Grace Mbala", "N3")
    grace.phone, grace.reach = "0470 12 34 56", "hand"
    factories.all_week(session, nadia)
    for who, hour in ((samira, "10:00"), (factories.oksana(session), "11:00"), (grace, "14:00")):
        factories.booked(session, who, nadia, factories.wall(MONDAY.isoformat(), hour), now=now())


def sits_down(
    browser: Browser, served: LiveServer, school: School, who: Who, size: ViewportSize, *, scripts: bool
) -> Page:
    def enter(session: Session) -> str:
        return factories.entered(session, who(session), now=now())

    base = f"http://localhost:{served.port}"
    context = browser.new_context(
        viewport=size,
        base_url=base,
        java_script_enabled=scripts,
    )
    context.set_default_timeout(20_000)
    context.add_cookies(
        [{"name": cookie_name(school.settings, "session"), "value": school.write(enter), "url": base}]
    )
    return context.new_page()


def no_barrier(page: Page, *, scripts: bool) -> None:
    wide, screen = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= screen, f"{page.url}: {wide} px wide on {screen}"
    if scripts:  # axe needs them
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found] == []


def in_arabic(school: School, sentence: str) -> str:
    with school.app.test_request_context(), force_locale("ar"):
        return str(gettext(sentence))


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_teacher_cannot_come_and_everybody_knows(
    browser: Browser, served: LiveServer, smtp: SmtpServer, scripts: bool
) -> None:
    school = served.school()
    school.write(three_sessions)

    nadia = sits_down(browser, served, school, factories.nadia, DESK, scripts=scripts)
    nadia.goto("/agenda")
    nadia.get_by_role("link", name="Je ne peux pas venir aujourd’hui").click()
    nadia.fill("input[name=day]", MONDAY.isoformat())
    nadia.get_by_role("button", name="Voir ce jour").click()
    rows = nadia.locator("form.card li")
    expect(rows).to_have_count(3)
    for row, (name, way) in enumerate(
        (("Samira", "par e-mail"), ("Oksana Bondar", "sans e-mail ni téléphone"), ("Grace", "à la main"))
    ):
        expect(rows.nth(row)).to_contain_text(name)
        expect(rows.nth(row)).to_contain_text(way)
    no_barrier(nadia, scripts=scripts)
    nadia.get_by_role("button", name="Annuler cette journée").click()
    expect(nadia.locator("#told")).to_have_text("Ce jour est fermé.")
    expect(nadia.locator("main")).to_contain_text("Personnes prévenues : 1. À prévenir vous-même : 2.")
    no_barrier(nadia, scripts=scripts)

    def letter() -> bool:
        return any(
            "samira@" in str(one["To"]) and "annulé" in str(one["Subject"]).lower() for one in smtp.messages
        )

    wait_until(letter, "the mail to Samira", 60)
    texts = [part.get_content() for one in smtp.messages for part in one.walk() if not part.is_multipart()]
    assert any("ne peut pas venir" in text for text in texts)
    assert not any("malad" in text.lower() for text in texts)

    samira = sits_down(browser, served, school, factories.samira, PHONE, scripts=scripts)
    samira.goto("/bookings")
    expect(samira.locator("html")).to_have_attribute("dir", "rtl")
    notice = samira.locator("main .notice.warm")
    expect(notice).to_contain_text(in_arabic(school, "Votre professeur ne peut pas venir."))
    expect(notice).to_contain_text(in_arabic(school, "Vous choisissez en premier."))
    no_barrier(samira, scripts=scripts)
    notice.locator("a.button").click()
    samira.wait_for_url("**/bookings/new")
    expect(samira.locator(".hour").first).to_be_visible()

    nadia.get_by_role("link", name="Messages à envoyer").click()
    nadia.wait_for_url("**/messages")
    wait_until(lambda: _shows(nadia, "Grace Mbala"), "the message to be sent by hand", 60)
    for context in browser.contexts:
        context.close()


def _shows(page: Page, name: str) -> bool:
    page.reload()
    return name in page.locator("main").inner_text()
