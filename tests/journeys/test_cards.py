"""Cards for one learner and for a class in a real browser: how many clicks they take, and what is printed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect
from sqlalchemy import func, select

from lms.access import cookie_name
from lms.clock import now
from lms.models import AccessCard
from tests import factories
from tests.support.clicks import Clicks
from tests.support.live_server import LiveServer

pytestmark = pytest.mark.journey

DESK: ViewportSize = {"width": 1280, "height": 800}
NAMES = ["محمد عبد الرحمن الخطيب", "Mehari Tesfay Gebremedhin Woldemariam", *(f"Nom {n}" for n in range(28))]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("school"), template) as server:
        yield server


class TeacherClicks(Clicks):
    """A teacher at the list of learners; what she prints is noted in `window.printed`."""

    def __init__(self, browser: Browser, served: LiveServer, *, scripts: bool = True) -> None:
        super().__init__()
        school, base = served.school(), f"http://localhost:{served.port}"
        context = browser.new_context(viewport=DESK, base_url=base, java_script_enabled=scripts)
        value = school.write(lambda s: factories.entered(s, factories.nadia(s), now=now()))
        context.add_cookies([{"name": cookie_name(school.settings, "session"), "value": value, "url": base}])
        # A browser without a screen has no window for printing.
        context.add_init_script(
            "window.printed = []; window.print = () => window.printed.push(location.hash)"
        )
        self.page: Page = context.new_page()
        self.page.goto("/people")

    def press_named(self, name: str, role: Literal["button", "link", "radio"] = "button") -> None:
        """Press the first control whose name begins like this."""
        self.press(self.page.get_by_role(role, name=re.compile(f"^{name}")))


def is_printed(page: Page, selector: str) -> bool:
    """Return whether the element would be on paper now."""
    page.emulate_media(media="print")
    shown = page.locator(selector).first.is_visible()
    page.emulate_media(media="null")
    return shown


def test_a_learner_is_added_with_a_card_in_six_clicks_and_fifteen_seconds(
    browser: Browser, served: LiveServer
) -> None:
    nadia = TeacherClicks(browser, served)
    page, began = nadia.page, time.monotonic()
    nadia.press_named("Ajouter une personne", "link")
    nadia.press(page.get_by_label("Nom"))
    page.keyboard.type("Mehari Tesfay")
    nadia.press_named("Niveau 1", "radio")
    nadia.press_named("Ajouter")
    nadia.press_named("Faire la carte")
    expect(page.locator(".id-card svg").first).to_be_visible()
    nadia.press_named("Imprimer")
    assert page.evaluate("window.printed.length") == 1
    took = time.monotonic() - began
    nadia.check(f"a learner added with a card, {took:.1f} s of at most 15", 6)
    page.context.close()


def test_thirty_learners_get_their_cards_in_twelve_clicks(browser: Browser, served: LiveServer) -> None:
    school = served.school()
    nadia = TeacherClicks(browser, served)
    page = nadia.page
    before = school.read(lambda s: s.scalar(select(func.count(AccessCard.id)))) or 0
    nadia.press_named("Ajouter une personne", "link")
    nadia.press_named("Ajouter plusieurs personnes", "link")
    nadia.press(page.get_by_label("Noms"))
    page.keyboard.insert_text("\n".join(NAMES))
    nadia.press_named("Niveau 1", "radio")
    nadia.press_named("Ajouter")
    nadia.press_named("Faire 30 cartes")
    expect(page.locator(".id-card")).to_have_count(30)
    expect(page.locator(".pins tbody tr")).to_have_count(30)
    nadia.press_named("Imprimer les cartes", "link")
    assert is_printed(page, ".id-card")
    assert not is_printed(page, ".pins"), "no PIN is on the paper with the cards"
    paper = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 8, "four cards on each sheet"
    nadia.press_named("Imprimer les codes secrets", "link")
    assert is_printed(page, ".pins")
    assert not is_printed(page, ".id-card")
    assert page.evaluate("window.printed") == ["#cards", "#pins"]
    nadia.check("30 learners with cards", 12)
    assert school.read(lambda s: s.scalar(select(func.count(AccessCard.id)))) == before + 30
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found] == []
    page.context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_everybody_of_the_page_is_chosen_with_one_click(
    browser: Browser, served: LiveServer, scripts: bool
) -> None:
    served.school().write(lambda s: (factories.learner(s, "Zoé 1"), factories.learner(s, "Zoé 2")))
    nadia = TeacherClicks(browser, served, scripts=scripts)
    page = nadia.page
    page.goto("/people?q=zoé")
    number = page.locator(".pick input").count()
    nadia.press_named("Tout cocher", "link")
    expect(page.locator(".pick input:checked")).to_have_count(number)
    counted = page.get_by_role("button", name=f"Faire les cartes ({number})")
    expect(counted).to_have_count(1 if scripts else 0)
    nadia.press_named("Faire les cartes")
    nadia.press_named(f"Faire {number} cartes")
    expect(page.locator(".id-card")).to_have_count(number)
    nadia.press_named("Imprimer les codes secrets", "link")
    assert is_printed(page, ".pins")
    assert not is_printed(page, ".id-card"), "the part that the address aims at is printed alone"
    page.context.close()
