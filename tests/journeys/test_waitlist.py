"""From a full week to an hour of one's own: she moves, waits, and takes the offer from her mail."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.clock import now
from lms.domain.people import logins
from lms.models import LoginKind, Person
from tests import factories
from tests.support.live_server import LiveServer
from tests.support.servers import wait_until
from tests.support.waitlist import end_kept_time, entries_in_order

pytestmark = pytest.mark.journey

PHONE: ViewportSize = {"width": 360, "height": 740}
MONDAY = factories.coming_monday()
ARABIC = re.compile(r"[\u0600-\u06FF]{3,}")
IN_TIME = 30


def two_hours_on_one_monday(session: Session) -> None:
    factories.organisation(session).horizon_days = (MONDAY - now().date()).days + 6
    factories.rule(session, factories.nadia(session), 0, "09:00", "11:00", valid_from=MONDAY)
    factories.samira(session, language="ar")
    factories.oksana(session).language = "fr"


@pytest.fixture
def served(tmp_path: Path, template: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path, template) as server:
        server.school().write(two_hours_on_one_monday)
        yield server


class Street:
    """The phones of the people, each with its own entry."""

    def __init__(self, browser: Browser, served: LiveServer, scripts: bool) -> None:
        self.browser, self.served, self.scripts = browser, served, scripts
        self.base = served.url.replace("127.0.0.1", "localhost")
        self.school = served.school()

    def phone_of(self, who: Callable[[Session], Person], *, dark: bool = False) -> Page:
        def enter(session: Session) -> str:
            return logins.open_login(session, who(session), LoginKind.OWN, device="test", now=now())

        context = self.browser.new_context(
            viewport=PHONE,
            base_url=self.base,
            java_script_enabled=self.scripts,
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(20_000)
        name = cookie_name(self.school.settings, "session")
        context.add_cookies([{"name": name, "value": self.school.write(enter), "url": self.base}])
        return context.new_page()

    def link_in_the_mail(self, to: str) -> str:
        """The address that the offer names, as soon as the worker has written its mail."""
        found: list[str] = []

        def came() -> bool:
            for path in (self.served.folder / "instance" / "mail").glob("*.eml"):
                letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                body = letter.get_body(("plain",))
                text = body.get_content() if body else ""
                if to in str(letter["To"]) and "/offers/" in text:
                    assert ARABIC.search(text), "her language stands under the French"
                    found.extend(re.findall(r"http://\S+/offers/\w{14}", text))
            return bool(found)

        wait_until(came, "the mail of the offer", IN_TIME)
        return found[0]

    def go_home(self) -> None:
        for context in self.browser.contexts:
            context.close()


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def street(request: pytest.FixtureRequest, browser: Browser, served: LiveServer) -> Iterator[Street]:
    people = Street(browser, served, request.param)
    yield people
    people.go_home()


def press(page: Page, form: str, button: str = "button") -> None:
    with page.expect_navigation():
        page.locator(f'main form[action$="{form}"] {button}').first.click()


def looks_right(street: Street, page: Page) -> None:
    """Arabic from right to left, no wider than the phone, and nothing that axe knows of."""
    html = page.locator("html")
    assert (html.get_attribute("lang"), html.get_attribute("dir")) == ("ar", "rtl")
    if not street.scripts:
        return  # axe is a script
    wide, screen = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= screen
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [f"{urlsplit(page.url).path} {one['id']}: {one['nodes'][0]['html'][:160]}" for one in found] == []


def books_the_first_hour(page: Page) -> str:
    page.goto("/bookings/new")
    with page.expect_navigation():
        page.locator(".hour").first.click()
    press(page, "/bookings", "button.main")
    assert "done=made" in page.url
    return urlsplit(page.url).path


def moves_to_the_last_hour(page: Page, appointment: str) -> None:
    page.goto(f"{appointment}/move")
    with page.expect_navigation():
        page.locator(".hour").last.click()
    press(page, "/move", "button.main")
    assert "done=moved" in page.url


def hour_on(page: Page) -> str:
    return page.locator("main time.hour-big").first.inner_text().replace("\u202f", " ").replace("\xa0", " ")


def waits_for_a_morning(street: Street, page: Page) -> None:
    page.goto("/bookings/new")
    expect(page.locator(".hour")).to_have_count(0)
    looks_right(street, page)
    with page.expect_navigation():
        page.locator('main a[href="/waitlist"]').click()
    looks_right(street, page)
    press(page, "/waitlist")  # without saying when
    expect(page.locator("[role=alert]")).to_be_visible()
    looks_right(street, page)
    page.check('input[name=parts][value="1"]')
    press(page, "/waitlist")
    assert urlsplit(page.url).path == "/waitlist"
    expect(page.locator('form[action="/waitlist/end"]')).to_be_visible()
    looks_right(street, page)


def open_question(page: Page) -> None:
    page.locator('details:has([name="question"]) > summary').click()


def test_a_learner_moves_waits_and_takes_the_offer_from_her_mail(street: Street) -> None:
    samira = street.phone_of(factories.samira)
    appointment = books_the_first_hour(samira)
    assert hour_on(samira) == "9 h 00"
    moves_to_the_last_hour(samira, appointment)
    assert hour_on(samira) == "10 h 00"

    oksana = street.phone_of(factories.oksana)
    taken = books_the_first_hour(oksana)
    assert hour_on(oksana) == "9 h 00", "the hour that Samira left"
    waits_for_a_morning(street, samira)

    oksana.goto(taken)
    press(oksana, "/cancellation")
    end_kept_time(street.school)
    link = street.link_in_the_mail("samira@")

    samira.goto("/bookings")
    expect(samira.locator('form[action$="/acceptance"]')).to_be_visible()
    looks_right(street, samira)
    samira.goto(link)
    samira.reload()
    looks_right(street, samira)
    assert hour_on(samira) == "9 h 00"
    assert ARABIC.search(samira.locator("main .ticket").inner_text())
    press(samira, "/acceptance")
    assert "done=made" in samira.url
    samira.goto(link)
    assert urlsplit(samira.url).path == urlsplit(link).path.replace("/offers/", "/bookings/")
    samira.goto("/bookings")
    assert samira.locator('form[action$="/acceptance"], a[href="/waitlist"]').count() == 0


def test_who_says_no_keeps_her_place_and_may_ask_something_instead(street: Street) -> None:
    samira, oksana = street.phone_of(factories.samira, dark=True), street.phone_of(factories.oksana)
    appointment = books_the_first_hour(samira)
    taken = books_the_first_hour(oksana)
    waits_for_a_morning(street, samira)
    oksana.goto(taken)
    press(oksana, "/cancellation")
    end_kept_time(street.school)

    samira.goto("/bookings")
    press(samira, "/refusal")
    assert "/offers/" in samira.url
    looks_right(street, samira)
    samira.goto("/waitlist")
    expect(samira.locator('form[action="/waitlist/end"]')).to_be_visible()

    samira.goto(appointment)
    open_question(samira)
    samira.fill("[name=question]", "كيف أكتب رسالة؟")
    press(samira, "/question")
    open_question(samira)
    expect(samira.locator("[name=question]")).to_have_value("كيف أكتب رسالة؟")
    looks_right(street, samira)
    assert street.school.read(lambda s: [one.learner.name for one in entries_in_order(s)]) == ["Samira"]
