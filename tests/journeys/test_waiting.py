"""Whoever waits for a page sees that it is on its way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.live_server import LiveServer

pytestmark = pytest.mark.journey

LATENCY = 900  # ms
# Keeps in the tab that the page was busy, and how high the line at its top was then.
WATCH = """new MutationObserver(() => {
  if (document.body.getAttribute("aria-busy") === "true")
    sessionStorage.setItem("line", getComputedStyle(document.body, "::before").height);
}).observe(document.body, { attributes: true })"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, demo_template: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("waiting"), demo_template) as served:
        yield served


@pytest.fixture
def page(browser: Browser, server: LiveServer) -> Iterator[Page]:
    context = browser.new_context(base_url=server.url.replace("127.0.0.1", "localhost"), locale="fr")
    yield context.new_page()
    context.close()


def slow_down(page: Page, latency: int) -> None:
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    speed = {"offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", {**speed, "latency": latency})


def take_line(page: Page) -> str | None:
    """Return how high the line was while the page before was busy; check that the new page is not."""
    expect(page.locator("body")).not_to_have_attribute("aria-busy", "true")
    line: str | None = page.evaluate("sessionStorage.getItem('line')")
    page.evaluate("sessionStorage.clear()")
    return line


def test_a_line_at_the_top_says_that_a_link_or_a_form_is_under_way(page: Page) -> None:
    page.goto("/login")
    page.evaluate(WATCH)
    slow_down(page, LATENCY)
    page.locator("a[href='/password']").click()
    page.wait_for_url("**/password")
    assert take_line(page) == "4.5px"

    page.evaluate(WATCH)
    page.fill("[name=email]", "nobody@example.org")
    page.locator("main form button").click()
    expect(page.locator("main [role=status]")).to_contain_text("Regardez vos e-mails.")
    assert take_line(page) == "4.5px"


def test_a_page_that_comes_at_once_shows_no_line(page: Page) -> None:
    page.goto("/login")
    page.evaluate(WATCH)
    page.locator("a[href='/password']").click()
    page.wait_for_url("**/password")
    assert take_line(page) is None
