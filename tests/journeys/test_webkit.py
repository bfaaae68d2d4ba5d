"""Homework from WebKit, the engine of every browser on an iPhone: a photo, a text, and what comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import WebKitGTK
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from sqlalchemy import select

from lms.clock import now
from lms.models import Attempt
from tests import factories
from tests.support.files import heic
from tests.support.live_server import LiveServer
from tests.support.school import School
from tests.support.servers import require, wait_until
from tests.support.webkit import find_webkit, running_webkit

pytestmark = pytest.mark.journey

LIMIT = 30
TEXT = "Je m’appelle Samira et j’ai mal à la tête."
COMMENT = "Bravo Samira, tout est clair."


@pytest.fixture
def school(tmp_path: Path, template: Path) -> Iterator[tuple[LiveServer, School]]:
    with LiveServer(tmp_path, template) as server:
        opened = server.school()
        yield server, opened
        opened.close()


@pytest.fixture
def phone() -> Iterator[WebKitGTK]:
    browser = find_webkit()
    require("webkit", browser)
    assert browser is not None
    with running_webkit(browser) as driver:
        driver.set_window_size(360, 740)
        yield driver


def find(phone: WebKitGTK, selector: str) -> WebElement:
    """Wait for an element that is shown."""
    found: list[WebElement] = []

    def is_shown() -> bool:
        found[:] = [each for each in phone.find_elements(By.CSS_SELECTOR, selector) if each.is_displayed()]
        return bool(found)

    wait_until(is_shown, f"{selector} is shown", LIMIT)
    return found[0]


def arrives(phone: WebKitGTK, path: str) -> None:
    """Wait for a page whose path begins so."""

    def is_there() -> bool:
        with suppress(WebDriverException):  # between two pages the driver has none
            return urlsplit(phone.current_url).path.startswith(path)
        return False

    wait_until(is_there, f"{path} is open", LIMIT)


def press(phone: WebKitGTK, selector: str) -> None:
    """Press a button in the middle of the screen, where nothing that is docked lies over it."""
    button = find(phone, selector)
    phone.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()


def loads(phone: WebKitGTK, selector: str) -> bool:
    """Return whether the pictures have pixels."""
    script = "return [...document.querySelectorAll(arguments[0])].map(each => each.naturalWidth)"
    widths = phone.execute_script(script, selector)
    return bool(widths) and all(widths)


def test_a_card_a_heic_photo_and_a_text_are_sent_and_the_corrected_copy_is_read(
    school: tuple[LiveServer, School], phone: WebKitGTK, tmp_path: Path
) -> None:
    server, opened = school
    given = opened.write(lambda s: factories.assignment(s, now=now()).id)
    card = opened.write(lambda s: factories.printed_card(s, factories.samira(s), now=now()))
    photo = tmp_path / "IMG_0001.heic"
    photo.write_bytes(heic())

    phone.get(f"{server.url}/card")
    find(phone, "input[name=code]").send_keys(card.code)
    find(phone, "input[name=pin]").send_keys(card.pin)  # the fourth digit sends it
    find(phone, ".tabs a[href='/me']")

    phone.get(f"{server.url}/assignments/{given}")
    records = phone.execute_script("return !!(self.MediaRecorder && navigator.mediaDevices?.getUserMedia)")
    find(phone, "textarea[name=text]")
    shown = [each.is_displayed() for each in phone.find_elements(By.CSS_SELECTOR, "[data-record]")]
    assert shown == [records], "a voice is recorded only where the browser can"
    find(phone, "textarea[name=text]").send_keys(TEXT)
    phone.find_element(By.CSS_SELECTOR, "input[name=picture]").send_keys(str(photo))
    wait_until(lambda: loads(phone, "#files .piece img"), "the photo is in the draft", LIMIT)
    press(phone, "button[formaction$='/submission']")
    arrives(phone, "/submissions/")
    assert re.search(r"\d{3}\s\d{3}", find(phone, ".receipt small").text), "a number to say on the phone"

    attempt = opened.read(lambda s: s.scalars(select(Attempt)).one())
    assert (attempt.text, attempt.sent_at is not None) == (TEXT, True)
    opened.write(lambda s: factories.answered(s, s.get_one(Attempt, attempt.id), comment=COMMENT, now=now()))
    phone.refresh()
    assert COMMENT in find(phone, "main").text
    wait_until(lambda: loads(phone, ".copy img"), "the copy is shown with its photo", LIMIT)
    assert TEXT in phone.find_element(By.CSS_SELECTOR, ".copy").text
