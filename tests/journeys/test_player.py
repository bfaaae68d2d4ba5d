"""The clip in a real browser. YouTube is a page of ours here, so that its answers can be told at will."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import select

from lms.access import cookie_name
from lms.models import ClipProgress, Lesson
from tests import factories
from tests.support.live_server import LiveServer
from tests.support.school import School

pytestmark = pytest.mark.journey

YOUTUBE = "https://www.youtube-nocookie.com"
# It answers the first greeting only, as the real frame does, and then says what the test wants.
FRAME = """<!doctype html><title>frame</title><script>
let known = false;
addEventListener("message", (event) => {
  if (known || JSON.parse(event.data).event !== "listening") return;
  known = true;
  document.title = "greeted";
});
window.say = (told) => parent.postMessage(JSON.stringify(told), "*");
</script>"""


@dataclass
class Stage:
    """Samira before a clip."""

    page: Page
    school: School
    lesson: Lesson
    asked: list[str] = field(default_factory=list)  # of anybody but the school

    def kept(self) -> ClipProgress | None:
        return self.school.read(lambda s: s.scalars(select(ClipProgress)).first())

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not true():
            assert time.monotonic() < deadline, "it never became true"
            self.page.wait_for_timeout(50)

    def play(self) -> None:
        self.page.locator(".poster").click()
        self.page.locator("[data-agree] button").click()
        expect(self.page.frame_locator("iframe").locator("html")).to_be_attached()
        self.until(lambda: self.page.frames[-1].title() == "greeted")

    def say(self, **told: object) -> None:
        self.page.frames[-1].evaluate("told => say(told)", told)


@pytest.fixture
def stage(browser: Browser, tmp_path: Path, template: Path) -> Iterator[Stage]:
    with LiveServer(tmp_path, template) as served:
        school = served.school()
        lesson = school.write(factories.lesson)
        cookie = school.visitor(school.write(factories.samira)).client.get_cookie(
            name := cookie_name(school.settings, "session")
        )
        assert cookie is not None
        base = served.url.replace("127.0.0.1", "localhost")
        context = browser.new_context(viewport={"width": 360, "height": 740})
        context.add_cookies([{"name": name, "value": cookie.value, "url": base}])
        page = context.new_page()
        found = Stage(page, school, lesson)
        page.on("request", lambda r: None if r.url.startswith(base) else found.asked.append(r.url))

        def answer(route: Route) -> None:
            route.fulfill(body=FRAME, content_type="text/html")

        page.route(f"{YOUTUBE}/**", answer)
        page.goto(f"{base}/lessons/{lesson.id}")
        yield found
        context.close()


def test_the_first_tap_asks_and_only_the_yes_loads_the_frame(stage: Stage) -> None:
    stage.page.wait_for_load_state("networkidle")
    stage.page.locator(".poster").click()
    expect(stage.page.locator("[data-agree]")).to_be_visible()
    stage.page.wait_for_timeout(300)
    assert stage.asked == []
    stage.page.locator("[data-agree] button").click()
    stage.until(lambda: len(stage.asked) == 1)
    assert stage.asked[0].startswith(f"{YOUTUBE}/embed/{stage.lesson.clips[0].youtube_id}?")
    frame = stage.page.locator("iframe")
    assert frame.get_attribute("referrerpolicy") == "strict-origin-when-cross-origin"
    assert frame.get_attribute("allow") == "fullscreen; encrypted-media; picture-in-picture"
    assert frame.get_attribute("title")


def test_a_pause_keeps_the_second_and_the_end_lights_the_plank(stage: Stage) -> None:
    stage.play()
    stage.say(event="infoDelivery", info={"currentTime": 41.7, "playerState": 1})
    stage.say(event="onStateChange", info=2)
    stage.until(lambda: (row := stage.kept()) is not None and row.seconds == 41)
    stage.say(event="infoDelivery", info={"currentTime": 159.2})
    stage.say(event="onStateChange", info=0)
    expect(stage.page.locator("[data-seen]")).to_be_visible()
    row = stage.kept()
    assert row is not None
    assert row.watched_at is not None


def test_words_from_anywhere_else_are_not_believed(stage: Stage) -> None:
    stage.play()
    lie = '{"event": "onStateChange", "info": 0}'
    second = '{"event": "infoDelivery", "info": {"currentTime": 50, "playerState": 2}}'
    stage.page.evaluate("([a, b]) => { postMessage(a, '*'); postMessage(b, '*'); }", [second, lie])
    for nonsense in ("null", "[1", '{"info": null}', '{"info": {"currentTime": "x", "playerState": 2}}'):
        stage.page.frames[-1].evaluate("text => parent.postMessage(text, '*')", nonsense)
    stage.page.wait_for_timeout(400)
    assert stage.kept() is None
