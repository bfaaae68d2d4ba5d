"""Every page in a real browser: no barrier that axe knows, no wider than the phone, within its weight."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Request, ViewportSize
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.clock import now
from lms.domain.booking import availability, offers, waitlist
from lms.models import Lesson, Level, Organisation, Person
from tests.support.live_server import LiveServer
from tests.support.mails import waiting_mail

pytestmark = pytest.mark.journey

PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 800}
PIN, PASSWORD = "1234", "passerelle-demo"
AXE = Axe().axe_script
RUN_AXE = "async options => (await axe.run(document, options)).violations"
# The rules of axe that look at colours: the others find the same in the dark.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
# Letters as large as a browser's settings make them; the page is not loaded again for that.
LETTERS = (200, 150, 100)
# Whether the page scrolls sideways, and which controls lie beyond its edge and in nothing that scrolls.
LEAVES_SCREEN = """size => {
  const root = document.documentElement;
  root.style.fontSize = "";
  const normal = parseFloat(getComputedStyle(root).fontSize);
  if (size !== 100) root.style.fontSize = `${normal * size / 100}px`;
  const width = root.clientWidth;
  const beyond = box => Math.max(box.right - width, -box.left);
  const edge = node => beyond(node.getBoundingClientRect());
  const widest = () => [...document.body.querySelectorAll("*")].reduce((a, b) => (edge(b) > edge(a) ? b : a));
  const found = root.scrollWidth > width
    ? [`${root.scrollWidth} px wide on ${width}: ${widest().outerHTML.slice(0, 120)}`] : [];
  const moves = node => /auto|scroll/.test(getComputedStyle(node).overflowX);
  const scrolls = node => node && (moves(node) || scrolls(node.parentElement));
  for (const one of document.querySelectorAll("a[href], button, input, select, textarea, summary")) {
    const box = one.getBoundingClientRect();
    const isShown = one.checkVisibility() && box.width && !one.matches(".skip, .hush");
    if (!isShown || beyond(box) <= 1 || scrolls(one.parentElement)) continue;
    found.push(`out of reach: ${one.outerHTML.slice(0, 120)}`);
  }
  return found;
}"""
# There is a tray, and a coordinator is told that its mailbox does not answer.
NO_MAILBOX = {
    "LMS_INBOX_HOST": "localhost",
    "LMS_INBOX_PORT": "1",
    "LMS_INBOX_USER": "devoirs",
    "LMS_INBOX_PASSWORD": "secret",
    "LMS_INBOX_ADDRESS": "devoirs@school.example",
}
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternsa"
LEARNER_DOORS = {
    "/lessons": r"/lessons/\w{14}$",
    "/homework": r"/(assignments|submissions)/\w{14}$",
    "/bookings": r"/(bookings|offers)/\w{14}$",
}
LEARNER_PAGES = (
    "/",
    "/lessons",
    "/homework",
    "/bookings",
    "/bookings/new",
    "/waitlist",
    "/waitlist?change",
    "/calendar",
    "/me",
)
STAFF_PAGES = {
    "nadia@demo.example.be": (
        "/",
        "/corrections",
        "/lessons",
        "/lessons/new",
        "/agenda",
        "/agenda/availability",
        "/agenda/exceptions",
        "/agenda/conflicts",
        "/agenda/calendars",
        "/agenda/absence",
        "/waitlist/entries",
        "/messages",
        "/mail",
        "/mail?handled=1",
        "/calendar",
        "/people",
        "/people/new",
        "/me",
    ),
    "claire@demo.example.be": (
        "/",
        "/corrections",
        "/messages/failed",
        "/mail",
        "/people",
        "/people/team",
        "/people/team/new",
        "/organisation",
        "/agenda",
        "/agenda/exceptions",
        "/agenda/conflicts",
        "/agenda/absence",
        "/waitlist/entries",
        "/messages",
    ),
    "farid@demo.example.be": ("/", "/people"),
}
# One page of each kind, found by following the first link of that form.
STAFF_LINKS = (
    r"/corrections/\w{14}$",
    r"/mail/\w{14}$",
    r"/lessons/\w{14}/edit$",
    r"/assignments/\w{14}/edit$",
    r"/lessons/\w{14}/assignments/new$",
    r"/lessons/\w{14}/watch$",
    r"/people/\w{14}$",
    r"/people/\w{14}/edit$",
    r"/bookings/\w{14}$",
    r"/bookings/\w{14}/swap$",
    r"/bookings/\w{14}/ticket$",
    r"/people/team/\w{14}/edit$",
    r"/organisation/levels/\w{14}$",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, demo_template: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("school"), demo_template, **NO_MAILBOX) as served:
        school = served.school()
        school.write(an_hour_is_offered)
        school.write(mails_wait)
        school.write(names_are_long)
        yield served
    school.close()


def mails_wait(session: Session) -> None:
    """Thirty of them, with names and words that are as long as any."""
    for number in range(30):
        mail = waiting_mail(session, f"bonjour {LONG_NAME} Samira", name=f"{LONG_NAME} {number}")
        mail.subject = "devoir" * 20
        mail.whole_text = mail.text * 2


def an_hour_is_offered(session: Session) -> None:
    """To Samira and to Grace, who wait; and one of Nadia's appointments falls on a closed day."""
    for name in ("Samira", "Grace Mbala"):
        learner = session.scalars(select(Person).where(Person.name == name)).one()
        waitlist.join_waitlist(session, learner, learner, None, 7, None, now=now())
    today = now().date()
    offers.offer_to_waitlist(
        session, offers.FreedTime.on(today, today + timedelta(days=21), BRUSSELS), now=now(), zone=BRUSSELS
    )
    nadia = session.scalars(select(Person).where(Person.name == "Nadia Dubois")).one()
    soon = (today, today + timedelta(days=30))
    availability.close_days(
        session,
        nadia,
        nadia,
        soon,
        availability.WeeklyHours(None, None),
        "Formation",
        now=now(),
        zone=BRUSSELS,
    )


def names_are_long(session: Session) -> None:
    """Fifty-two letters without a space: people, a level, lessons and the organisation."""
    for person in session.scalars(select(Person)):
        person.name = f"{LONG_NAME} {person.name}"
    for named in session.scalars(select(Level)):
        named.name = f"{LONG_NAME} {named.code}"
    for lesson in session.scalars(select(Lesson)):
        lesson.title = LONG_NAME
    session.scalars(select(Organisation)).one().name = LONG_NAME


class Guest:
    """A browser of one person."""

    def __init__(self, browser: Browser, server: LiveServer, size: ViewportSize, locale: str) -> None:
        # The team has both; on the phone first, so that the desk is there for the next page.
        self.screens = [PHONE] if size == PHONE else [PHONE, DESK]
        self.base = server.url.replace("127.0.0.1", "localhost")
        self.context: BrowserContext = browser.new_context(
            viewport=size,
            locale=locale,
            base_url=self.base,
            color_scheme="light",
            reduced_motion="reduce",  # no colour is measured half way between light and dark
        )
        self.context.set_default_timeout(20_000)
        self.context.add_init_script(AXE)
        self.page: Page = self.context.new_page()

    def with_card(self, code: str) -> Guest:
        self.page.goto(f"/card/demo-card-{code}")
        with self.page.expect_navigation():  # the fourth digit sends it
            self.page.fill("input[name=pin]", PIN)
        return self

    def with_password(self, email: str) -> Guest:
        self.page.goto("/login")
        self.page.fill("input[name=email]", email)
        self.page.fill("input[name=password]", PASSWORD)
        self._press("/login")
        return self

    def _press(self, form: str) -> None:
        with self.page.expect_navigation():
            self.page.locator(f'main form[action$="{form}"] button.main').click()

    def links(self, like: str) -> list[str]:
        found = self.page.locator("a").evaluate_all("all => all.map(a => a.getAttribute('href') || '')")
        return [href for href in found if re.search(like, href.split("?")[0])]

    def first_links(self) -> dict[str, str]:
        """The first link of each kind of page of the team."""
        every = self.links("")
        return {
            like: href
            for like in STAFF_LINKS
            for href in [href for href in every if re.search(like, href.split("?")[0])][:1]
        }

    def faults(self) -> list[str]:
        """What axe finds in light and in dark colours, and what large letters push off the screen."""
        where = urlsplit(self.page.url).path
        faults = [f"{where}: {fault}" for fault in self.violations({})]
        self.page.emulate_media(color_scheme="dark")
        faults += [f"{where}, dark: {fault}" for fault in self.violations({"runOnly": COLOUR_RULES})]
        self.page.emulate_media(color_scheme="light")
        for screen in self.screens:
            self.page.set_viewport_size(screen)
            for size in LETTERS:
                found = self.page.evaluate(LEAVES_SCREEN, size)
                faults += [f"{where}, {screen['width']} px, {size} %: {fault}" for fault in found]
        return faults

    def violations(self, options: dict[str, object]) -> list[str]:
        found = self.page.evaluate(RUN_AXE, {"resultTypes": ["violations"], **options})
        return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found if one["impact"] != "none"]


@pytest.mark.parametrize("locale", ["fr", "ar"])
def test_no_learner_page_puts_up_a_barrier(browser: Browser, server: LiveServer, locale: str) -> None:
    stranger = Guest(browser, server, PHONE, locale)
    stranger.page.goto("/card")
    faults = stranger.faults()
    stranger.page.goto("/card/demo-card-10000001")
    faults += stranger.faults()
    stranger.context.close()

    # Samira reads Arabic, Grace French: the demo school gives them copies and appointments.
    guest = Guest(browser, server, PHONE, locale).with_card("10000001" if locale == "ar" else "10000006")
    page = guest.page
    assert page.locator("html").get_attribute("lang") == locale
    seen = 0
    for path in LEARNER_PAGES:
        page.goto(path)
        faults += guest.faults()
        doors = guest.links(LEARNER_DOORS[path])[:4] if path in LEARNER_DOORS else []
        for inner in doors:
            page.goto(inner)
            faults += guest.faults()
            seen += 1
            for step in guest.links(r"/(lessons/\w{14}/(words|homework)|bookings/\w{14}/ticket)$"):
                page.goto(step)
                faults += guest.faults()
    page.goto("/nothing-here")
    faults += guest.faults()
    page.goto("/bookings/new")
    page.locator(".hour").first.click()
    page.wait_for_url("**/confirm**")
    faults += guest.faults()
    guest.context.close()
    assert seen >= 6, "lessons, homework and an appointment were opened"
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("email", STAFF_PAGES)
def test_no_page_of_the_team_puts_up_a_barrier(browser: Browser, server: LiveServer, email: str) -> None:
    guest = Guest(browser, server, DESK, "fr").with_password(email)
    page, faults, kinds = guest.page, [], dict[str, str]()
    for path in STAFF_PAGES[email]:
        page.goto(path)
        faults += guest.faults()
        kinds.update(guest.first_links())
    for inner in list(kinds.values()):
        page.goto(inner)
        faults += guest.faults()
        for like, href in guest.first_links().items():
            if like not in kinds:
                kinds[like] = href
                page.goto(href)
                faults += guest.faults()
    guest.context.close()
    assert not faults, "\n".join(faults)


@dataclass
class Weight:
    requests: int = 0
    bytes: int = 0
    scripts: int = 0
    styles: int = 0
    strangers: int = 0


def weigh(guest: Guest, path: str) -> Weight:
    """What comes over the line for a page that was never seen before, compressed."""
    weight, done = Weight(), list[Request]()

    def note(request: Request) -> None:
        done.append(request)

    session = guest.context.new_cdp_session(guest.page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    guest.page.on("requestfinished", note)
    guest.page.goto(path, wait_until="networkidle")
    for request in done:
        sizes = request.sizes()
        weight.requests += 1
        weight.bytes += sizes["responseBodySize"] + sizes["responseHeadersSize"]
        weight.scripts += sizes["responseBodySize"] if request.resource_type == "script" else 0
        weight.styles += sizes["responseBodySize"] if request.resource_type == "stylesheet" else 0
        weight.strangers += urlsplit(request.url).netloc != urlsplit(guest.base).netloc
    guest.page.remove_listener("requestfinished", note)
    return weight


@pytest.mark.parametrize(
    ("door", "like", "most_bytes", "most_requests"),
    [
        ("/", None, 50_000, 6),
        ("/lessons", r"/lessons/\w{14}$", 60_000, 7),
        ("/homework", r"/assignments/\w{14}$", 60_000, 9),
        ("/bookings/new", None, 50_000, 6),
    ],
    ids=["home", "lesson", "homework", "picker"],
)
def test_pages_stay_within_their_weight(
    browser: Browser, server: LiveServer, door: str, like: str | None, most_bytes: int, most_requests: int
) -> None:
    guest = Guest(browser, server, PHONE, "ar").with_card("10000001")
    path = door
    if like is not None:
        guest.page.goto(door)
        path = guest.links(like)[0]
        guest.page.goto(path)
        path = urlsplit(guest.page.url).path  # a lesson leads on to its step
    weight = weigh(guest, path)
    guest.context.close()
    assert weight.strangers == 0
    assert weight.requests <= most_requests, weight
    assert weight.bytes <= most_bytes, weight
    assert weight.scripts <= 15_000, weight
    assert weight.styles <= 12_000, weight


def test_the_menu_and_the_next_thing_are_reached_with_the_keyboard_alone(
    browser: Browser, server: LiveServer
) -> None:
    guest = Guest(browser, server, PHONE, "fr").with_card("10000006")
    page = guest.page
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#content", (
        "the skip link is first"
    )
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.hero') !== null"), "then the next useful thing"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert urlsplit(page.url).path != "/"
    guest.context.close()
