"""The main job of each role with the keyboard alone: Tab, Enter, the space bar, and typing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, ViewportSize, expect

from tests.support.files import rotated_jpeg
from tests.support.live_server import LiveServer

pytestmark = pytest.mark.journey

PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 800}
PASSWORD = "passerelle-demo"
# More stops than a person would bear; the longest page of these journeys has fewer.
MOST_STOPS = 90
# Drawn on the control or, of one that is hidden, on what stands for it.
SHOWS_FOCUS = """one => {
  const drawn = node => {
    const style = getComputedStyle(node);
    return style.outlineStyle !== "none" || style.boxShadow !== "none";
  };
  return drawn(one) || [...(one.labels || [])].some(drawn) || drawn(one.parentElement);
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, demo_template: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("keys"), demo_template) as running:
        yield running


class Keyboard:
    """A person who has no pointer."""

    def __init__(self, browser: Browser, server: LiveServer, size: ViewportSize) -> None:
        base = server.url.replace("127.0.0.1", "localhost")
        self.context = browser.new_context(viewport=size, locale="fr", base_url=base)
        self.context.set_default_timeout(20_000)
        self.page: Page = self.context.new_page()

    def reach(self, control: Locator) -> None:
        """Press Tab until the control has the focus, and see that it shows it."""
        control.first.wait_for()
        for _ in range(MOST_STOPS):
            if control.first.evaluate("one => one === document.activeElement"):
                assert control.first.evaluate(SHOWS_FOCUS), f"the focus is not seen: {control}"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"not reached with Tab: {control}")

    def press(self, control: Locator, key: str = "Enter") -> None:
        self.reach(control)
        self.page.keyboard.press(key)

    def follow(self, control: Locator) -> None:
        """Press a link or the button of a form, and wait for the page that it leads to."""
        self.reach(control)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def type(self, control: Locator, text: str) -> None:
        self.reach(control)
        self.page.keyboard.type(text)

    def link(self, name: str) -> Locator:
        return self.page.get_by_role("link", name=name)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def log_in(self, email: str) -> None:
        self.page.goto("/login")
        self.type(self.page.locator("input[name=email]"), email)
        self.type(self.page.locator("input[name=password]"), PASSWORD)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


def test_a_learner_sends_homework_and_books_without_a_pointer(browser: Browser, server: LiveServer) -> None:
    grace = Keyboard(browser, server, PHONE)
    page = grace.page
    page.goto("/card/demo-card-10000006")
    grace.reach(page.locator("input[name=pin]"))
    with page.expect_navigation():
        page.keyboard.type("1234")
    grace.follow(grace.link("Devoir à faire"))
    photo = FilePayload(name="devoir.jpg", mimeType="image/jpeg", buffer=rotated_jpeg())
    with page.expect_file_chooser() as chosen:
        grace.press(page.locator("input[type=file]"), "Space")
    chosen.value.set_files(photo)  # it is sent at once, and shown
    expect(page.locator("#files .piece")).to_have_count(1)
    grace.press(grace.button("Envoyer"))
    expect(page.get_by_text("Envoyé le")).to_be_visible(timeout=20_000)
    grace.follow(grace.link("Rendez-vous"))
    grace.follow(grace.link("Prendre rendez-vous"))
    grace.follow(page.locator("main .day a, main .day button"))
    grace.press(grace.button("Réserver"))
    expect(page.get_by_role("heading", name="C’est réservé")).to_be_visible()
    grace.context.close()


def test_a_teacher_returns_a_copy_without_a_pointer(browser: Browser, server: LiveServer) -> None:
    nadia = Keyboard(browser, server, DESK)
    page = nadia.page
    nadia.log_in("nadia@demo.example.be")
    nadia.follow(nadia.link("À corriger"))
    nadia.follow(page.locator("main tbody a, main .list a"))
    nadia.press(page.locator("main input[type=radio]"), "Space")
    nadia.type(page.locator("main textarea"), "Bravo. Tout est lisible.")
    nadia.press(nadia.button("Rendre la copie"))
    expect(page.get_by_text("Copie rendue à").first).to_be_visible()
    nadia.context.close()


def test_letters_act_while_the_copy_has_the_focus_and_can_be_switched_off(
    browser: Browser, server: LiveServer
) -> None:
    nadia = Keyboard(browser, server, DESK)
    page, copy = nadia.page, nadia.page.locator("#copy")
    nadia.log_in("nadia@demo.example.be")
    nadia.follow(nadia.link("À corriger"))
    nadia.follow(page.locator("main tbody a, main .list a"))
    first = page.url.split("#")[0]
    page.keyboard.press("j")  # nothing has the focus
    nadia.reach(page.locator("main input[type=radio]"))
    page.keyboard.press("j")
    nadia.type(page.locator("main textarea"), "j")
    assert page.url == first
    page.locator("h1").click()  # in the copy
    assert copy.evaluate(SHOWS_FOCUS)
    with page.expect_navigation():
        page.keyboard.press("j")
    expect(copy).to_be_focused()  # so that the next letter acts as well
    assert copy.evaluate(SHOWS_FOCUS)
    assert page.url.split("#")[0] != first
    nadia.reach(nadia.link("Copie précédente"))  # within the copy
    with page.expect_navigation():
        page.keyboard.press("k")
    assert page.url.split("#")[0] == first

    page.goto("/me")
    nadia.press(page.get_by_label("Touches d’une seule lettre"), "Space")
    with page.expect_navigation():
        nadia.press(nadia.button("Enregistrer"))
    page.goto(first)
    page.locator("h1").click()
    nadia.reach(nadia.link("Copie suivante"))
    page.keyboard.press("j")
    nadia.type(page.locator("main textarea").first, "Bravo.")
    assert page.url == first
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Copie rendue à").first).to_be_visible()
    nadia.context.close()


def test_a_coordinator_adds_a_learner_with_a_card_without_a_pointer(
    browser: Browser, server: LiveServer
) -> None:
    claire = Keyboard(browser, server, DESK)
    page = claire.page
    claire.log_in("claire@demo.example.be")
    claire.follow(claire.link("Apprenants"))
    claire.follow(claire.link("Ajouter une personne"))
    claire.type(page.get_by_label("Nom"), "Mehari Tesfay")
    claire.press(page.get_by_role("radio"), "Space")
    claire.follow(claire.button("Ajouter"))
    claire.press(claire.button("Faire la carte"))
    expect(page.locator(".id-card svg").first).to_be_visible()
    claire.context.close()


def test_a_social_worker_opens_the_page_of_a_learner_without_a_pointer(
    browser: Browser, server: LiveServer
) -> None:
    farid = Keyboard(browser, server, DESK)
    farid.log_in("farid@demo.example.be")
    farid.follow(farid.link("Apprenants"))
    farid.follow(farid.page.locator("main tbody a"))
    expect(farid.page.get_by_role("heading", level=1)).to_be_visible()
    assert "/people/" in farid.page.url
    farid.context.close()
