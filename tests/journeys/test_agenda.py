"""The agenda in a real browser: how many clicks its main jobs take, and where the hours stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.clock import now
from lms.models import Availability, Booking, Person
from tests import factories
from tests.support.clicks import Clicks
from tests.support.live_server import LiveServer
from tests.support.school import School

pytestmark = pytest.mark.journey

PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 800}
MONDAY = factories.coming_monday()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("school"), template) as server:
        yield server


def enters(
    browser: Browser,
    served: LiveServer,
    school: School,
    who: Callable[[Session], Person],
    size: ViewportSize,
    *,
    scripts: bool = True,
) -> Page:
    base = f"http://localhost:{served.port}"
    context = browser.new_context(viewport=size, base_url=base, java_script_enabled=scripts)
    value = school.write(lambda s: factories.entered(s, who(s), now=now()))
    context.add_cookies([{"name": cookie_name(school.settings, "session"), "value": value, "url": base}])
    return context.new_page()


def one_appointment(session: Session) -> str:
    session.execute(delete(Availability))
    nadia = factories.nadia(session)
    factories.all_week(session, nadia)
    starts = factories.wall(MONDAY.isoformat(), "10:00")
    return factories.booked(session, factories.samira(session), nadia, starts, now=now()).id


def test_monday_to_friday_from_nine_to_twelve_takes_five_clicks_at_most(
    browser: Browser, served: LiveServer
) -> None:
    school, clicks = served.school(), Clicks()
    school.write(lambda s: s.execute(delete(Availability)))
    nadia = enters(browser, served, school, factories.nadia, DESK)
    nadia.goto("/agenda")
    clicks.press(nadia.get_by_role("link", name="Disponibilités").first)
    expect(nadia.get_by_label("Salle")).to_be_hidden()
    clicks.press(nadia.get_by_role("button", name="Ajouter", exact=True))
    expect(nadia.locator(".hours-table li")).to_have_count(5)
    rules = school.read(lambda s: s.scalars(select(Availability)).all())
    assert sorted(rule.weekday for rule in rules) == [0, 1, 2, 3, 4]
    clicks.check("Monday to Friday 9-12", 5)
    nadia.context.close()


def test_a_teacher_moves_an_appointment_with_three_clicks_at_most(
    browser: Browser, served: LiveServer
) -> None:
    school, clicks = served.school(), Clicks()
    made = school.write(one_appointment)
    before = school.read(lambda s: s.get_one(Booking, made).starts)
    nadia = enters(browser, served, school, factories.nadia, DESK)
    nadia.goto(f"/agenda?day={MONDAY}")
    heights = [
        box["y"]
        for box in (
            nadia.locator(".axis li", has_text="10 h").bounding_box(),
            nadia.locator(f"#b-{made}").bounding_box(),
        )
        if box
    ]
    assert abs(heights[0] - heights[1]) <= 5, "the appointment stands at its hour of the axis"
    found = Axe().run(nadia, options={"resultTypes": ["violations"]}).response["violations"]
    assert [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found] == []
    clicks.press(nadia.get_by_role("link", name="Déplacer Samira"))
    clicks.press(nadia.locator("button.hour").first)
    clicks.press(nadia.get_by_role("button", name="Déplacer", exact=True))
    expect(nadia.locator("main")).to_contain_text("Le rendez-vous est déplacé")
    clicks.check("a teacher moves an appointment", 3)
    assert school.read(lambda s: s.get_one(Booking, made).starts) != before
    nadia.context.close()


def test_the_phone_shows_one_day_without_scripts_too(browser: Browser, served: LiveServer) -> None:
    school = served.school()
    nadia = enters(browser, served, school, factories.nadia, PHONE, scripts=False)
    nadia.goto("/agenda")
    today = nadia.locator(".weekday:visible")
    expect(today).to_have_count(1)
    first = today.locator("h3").inner_text()
    nadia.get_by_role("link", name="Jour suivant").click()
    expect(nadia.locator(".weekday:visible")).to_have_count(1)
    assert nadia.locator(".weekday:visible h3").inner_text() != first
    wide = nadia.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"]
    nadia.context.close()
