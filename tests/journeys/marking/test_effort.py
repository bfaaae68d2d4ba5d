"""How much a teacher has to do for a copy: copies of each kind corrected by a script that counts.

`LMS_COPIES=40` corrects forty, as a teacher does in a week; `-rP` shows the estimate of the time. Typing of
words, speaking and reading are not counted: they are the work itself.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.adapters.store import LocalStore
from lms.clock import now
from lms.domain.homework import attempts, files
from lms.domain.people import logins
from lms.models import LoginKind, Rendition, ReturnedFeedback
from tests import factories
from tests.support.files import jpeg
from tests.support.live_server import LiveServer
from tests.support.marking import SIDES
from tests.support.school import School

VOICE = Path(__file__).parents[2] / "fixtures" / "files" / "webm-of-chromium-in-slices.webm"
pytestmark = pytest.mark.journey

COPIES = int(os.environ.get("LMS_COPIES", "4"))
KINDS = ("photo", "text", "photo", "voice", "photo", "document", "photo", "text")
WORDS = "Je prend le bus et je mange à la maison."
# Seconds: a key, pointing, a press of the mouse, a hand that changes, a decision (Card, Moran and Newell).
KEY, POINT, PRESS, HAND, DECISION = 0.28, 1.1, 0.1, 0.4, 1.35


@dataclass
class Teacher:
    """Hands of a teacher; `actions` are key presses and clicks, `seconds` what they take."""

    page: Page
    actions: int = 0
    seconds: float = 0.0
    holds_mouse: bool = False

    def decide(self) -> None:
        self.seconds += DECISION

    def press(self, key: str) -> None:
        self._take(mouse=False)
        self.page.keyboard.press(key)
        self.actions += 1
        self.seconds += KEY * len(key.split("+"))

    def point(self, part: Locator, x: float, y: float) -> None:
        self._take(mouse=True)
        box = part.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + box["width"] * x, box["y"] + min(box["height"], 300) * y)
        self.seconds += POINT

    def click(self, part: Locator, x: float = 0.5, y: float = 0.5, *, times: int = 1) -> None:
        self.point(part, x, y)
        box = part.bounding_box()
        assert box is not None
        self.page.mouse.click(
            box["x"] + box["width"] * x, box["y"] + min(box["height"], 300) * y, click_count=times
        )
        self.actions += times
        self.seconds += 2 * PRESS * times

    def _take(self, *, mouse: bool) -> None:
        self.seconds += HAND if mouse != self.holds_mouse else 0
        self.holds_mouse = mouse


def send(session: Session, store: LocalStore, kind: str, number: int) -> str:
    learner = factories.learner(session, f"Apprenant {number}")
    work = factories.assignment(session, now=now())
    draft = factories.drafted(session, learner, work, WORDS if kind == "text" else "")
    if kind == "voice":
        sound = replace(factories.stored(store, VOICE.read_bytes(), kind), renditions=())
        files.add_file(session, draft, work, replace(sound, mime="audio/webm"), now=now())
    elif kind != "text":
        files.add_file(session, draft, work, factories.stored(store, jpeg(*SIDES), kind), now=now())
    attempts.send_attempt(session, draft, work, now=now())
    session.execute(update(Rendition).values(width=SIDES[0], height=SIDES[1]))
    return draft.id


@pytest.fixture
def queue(tmp_path: Path, template: Path) -> Iterator[tuple[LiveServer, School, list[str]]]:
    with LiveServer(tmp_path, template) as server:
        school = server.school()
        store = LocalStore(school.settings.uploads)
        school.write(factories.criteria)
        kinds = islice(cycle(KINDS), COPIES)
        copies = [
            school.write(partial(send, store=store, kind=kind, number=number))
            for number, kind in enumerate(kinds)
        ]
        yield server, school, copies
        school.close()


def correct(page: Page) -> tuple[int, float]:
    """Correct the copy that is open: a fault, what is good, the bands, some words; return it and go on."""
    teacher, easel = Teacher(page), page.locator(".easel")
    expect(page.locator("[data-palette]")).to_be_visible()
    is_voice, is_text = easel.locator("audio").count() > 0, easel.locator(".page-box").count() == 0
    for band in "221":  # the focus stands in the feedback
        teacher.decide()
        teacher.press(band)
    if is_voice:
        teacher.click(page.locator("textarea[name=comment]"))
    elif is_text:
        text = page.locator(".easel [data-text]")
        for x, letter in ((0.13, "c"), (0.5, "b")):
            teacher.decide()
            teacher.click(text, x, 0.3, times=2)
            page.wait_for_function("getSelection().toString().trim() !== ''")
            teacher.press(letter)
    else:
        paper = easel.locator(".page-box").first
        paper.scroll_into_view_if_needed()
        for place, letter in (((0.3, 0.3), "a"), ((0.6, 0.8), "b")):
            teacher.decide()
            teacher.click(paper, *place)
            teacher.press(letter)
    expect(page.locator("[data-list] li")).to_have_count(0 if is_voice else 2)
    page.locator("textarea[name=comment]").fill(
        "Bravo, le message est clair."
    )  # typed or spoken: not counted
    teacher.decide()
    address = page.url
    teacher.press("Control+Enter")
    page.wait_for_url(lambda url: url != address)
    return teacher.actions, teacher.seconds


def test_a_copy_takes_at_most_twelve_presses_and_two_minutes(
    browser: Browser, queue: tuple[LiveServer, School, list[str]]
) -> None:
    server, school, copies = queue
    token = school.write(lambda s: logins.open_login(s, factories.nadia(s), LoginKind.STAFF, now=now()))
    base = server.url.replace("127.0.0.1", "localhost")
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="fr", base_url=base)
    context.set_default_timeout(15_000)
    context.add_cookies([{"name": cookie_name(school.settings, "session"), "value": token, "url": base}])
    page = context.new_page()
    page.goto(f"/corrections/{copies[0]}")
    done = [correct(page) for _ in copies]
    context.close()
    actions, seconds = zip(*done, strict=True)
    most, longest = statistics.median(actions), statistics.median(seconds)
    sys.stdout.write(f"{COPIES} copies: median {most} actions, {longest:.0f} s\n")
    assert most <= 12
    assert longest <= 120
    returned = select(func.count()).select_from(ReturnedFeedback)
    assert school.read(lambda s: s.scalar(returned)) == COPIES
