"""How many taps the jobs of a learner take on a phone, and a teacher's lesson with homework at a desk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, ViewportSize, expect

from tests.support.clicks import Clicks
from tests.support.files import rotated_jpeg
from tests.support.live_server import LiveServer

pytestmark = pytest.mark.journey

PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 800}
CARD, PIN, PASSWORD = "/card/demo-card-10000006", "1234", "passerelle-demo"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, demo_template: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("demo"), demo_template) as running:
        yield running


def open_browser(browser: Browser, server: LiveServer, size: ViewportSize) -> Page:
    base = server.url.replace("127.0.0.1", "localhost")
    context = browser.new_context(viewport=size, locale="fr", base_url=base)
    context.set_default_timeout(20_000)
    return context.new_page()


def enter_with_card(page: Page, clicks: Clicks) -> None:
    """Open the address that the camera reads from the card, on a phone that the school does not know yet."""
    page.goto(CARD)
    clicks.press(page.locator("input[name=pin]"))
    with page.expect_navigation():  # the fourth digit sends it
        page.keyboard.type(PIN)


def test_from_the_card_to_the_sent_photo_a_learner_taps_four_times(
    browser: Browser, server: LiveServer
) -> None:
    page, taps = open_browser(browser, server, PHONE), Clicks()
    enter_with_card(page, taps)
    taps.press(page.get_by_role("link", name="Devoir à faire"))
    photo = FilePayload(name="devoir.jpg", mimeType="image/jpeg", buffer=rotated_jpeg())
    with page.expect_file_chooser() as chosen:
        taps.press(page.locator("label", has_text="Prendre une photo"))
    chosen.value.set_files(photo)  # it is sent at once, and shown
    expect(page.locator("#files .piece")).to_have_count(1)
    taps.press(page.get_by_role("button", name="Envoyer"))
    expect(page.get_by_text("Envoyé le")).to_be_visible(timeout=20_000)
    taps.check("from the card to the sent photo, beside four digits and the camera", 4)
    page.context.close()


def test_a_learner_books_an_hour_with_four_taps(browser: Browser, server: LiveServer) -> None:
    page, taps = open_browser(browser, server, PHONE), Clicks()
    enter_with_card(page, Clicks())
    taps.press(page.get_by_role("link", name="Rendez-vous"))
    taps.press(page.get_by_role("link", name="Prendre rendez-vous"))
    taps.press(page.locator("main .day a, main .day button"))
    taps.press(page.get_by_role("button", name="Réserver"))
    expect(page.get_by_role("heading", name="C’est réservé")).to_be_visible()
    taps.check("an appointment is booked", 4)
    page.context.close()


def test_a_teacher_publishes_a_lesson_with_homework_with_eight_clicks(
    browser: Browser, server: LiveServer
) -> None:
    page, clicks = open_browser(browser, server, DESK), Clicks()
    page.goto("/login")
    page.fill("input[name=email]", "nadia@demo.example.be")
    page.fill("input[name=password]", PASSWORD)
    page.locator('main form[action$="/login"] button.main').click()
    clicks.press(page.get_by_role("link", name="Leçons"))
    clicks.press(page.get_by_role("link", name="Nouvelle leçon"))
    clicks.press(page.get_by_label("Titre"))
    page.keyboard.type("Je lis une affiche")
    page.keyboard.press("Tab")
    page.keyboard.type("https://youtu.be/dQw4w9WgXcQ")
    clicks.press(page.get_by_role("button", name="Enregistrer"))
    clicks.press(page.get_by_role("link", name="Ajouter un devoir"))
    clicks.press(page.get_by_label("Consigne"))
    page.keyboard.type("Écrivez trois phrases.")
    clicks.press(page.get_by_role("button", name="Enregistrer"))
    clicks.press(page.get_by_role("button", name="Publier"))
    expect(page.get_by_text("Publiée", exact=True)).to_be_visible()
    expect(page.get_by_text("Écrivez trois phrases.")).to_be_visible()
    clicks.check("a lesson with homework is published", 8)
    page.context.close()
