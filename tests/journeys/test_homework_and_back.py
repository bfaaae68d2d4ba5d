"""From a phone in Arabic to the screen of a teacher and back: photo, voice, text; marks; a second attempt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, Route, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.clock import now
from lms.domain.people import logins
from lms.models import Attempt, Feedback, FeedbackVoice, LoginKind, Mark, MarkKind, Person, ReturnedFeedback
from tests import factories
from tests.support import files
from tests.support.live_server import LiveServer
from tests.support.returns import let_undo_pass
from tests.support.school import School
from tests.support.servers import wait_until
from tests.support.smtp import SmtpServer

pytestmark = pytest.mark.journey

TEXT, BETTER = "Je prend le bus.", "Je prends le bus."


@pytest.fixture
def server(tmp_path: Path, template: Path, smtp: SmtpServer) -> Iterator[LiveServer]:
    mail = {"LMS_MAIL_HOST": smtp.host, "LMS_MAIL_PORT": str(smtp.port), "LMS_MAIL_SECURITY": "none"}
    with LiveServer(tmp_path, template, **mail) as running:
        yield running


def of_level_three(session: Session) -> Person:
    """Return a learner who reads Arabic, of the level that looks for the answers first."""
    return session.scalar(select(Person).where(Person.name == "Rania")) or factories.learner(
        session, "Rania", level_code="N3", language="ar", email="rania@learners.example.be"
    )


class Way:
    """The browsers of this journey: a phone, a teacher's screen that is touched, and that of a stranger."""

    def __init__(self, browser: Browser, server: LiveServer, school: School) -> None:
        self.browser, self.school = browser, school
        self.base = server.url.replace("127.0.0.1", "localhost")

    def open(self, size: tuple[int, int], token: str = "", locale: str = "fr") -> BrowserContext:
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=locale,
            base_url=self.base,
            has_touch=True,
            reduced_motion="reduce",
        )
        context.set_default_timeout(20_000)
        if token:
            name = cookie_name(self.school.settings, "session")
            context.add_cookies([{"name": name, "value": token, "url": self.base}])
        return context


@pytest.fixture
def way(hearing: Browser, server: LiveServer) -> Iterator[Way]:
    school = server.school()
    yield Way(hearing, server, school)
    for context in hearing.contexts:
        context.close()
    school.close()


def sends(phone: Page) -> None:
    """A photo whose pieces are cut off twice, a voice of some seconds, and words."""
    pieces = count(1)

    def cut(route: Route) -> None:
        is_piece = "upload-offset" in route.request.headers
        route.abort("internetdisconnected") if is_piece and next(pieces) in (2, 4) else route.continue_()

    phone.context.route("**/uploads/*", cut)
    content = files.saved(files.noise(1500, 1400), "JPEG", quality=90)
    photo = FilePayload(name="ورقة.jpg", mimeType="image/jpeg", buffer=content)
    phone.fill("[name=text]", TEXT)
    phone.set_input_files("input[name=picture]", [photo])
    expect(phone.locator("#files .piece img")).to_have_count(1, timeout=30_000)
    phone.locator("[data-record]").click()
    expect(phone.locator("[data-time]")).to_have_text("1:24", timeout=15_000)
    phone.locator("[data-stop]").click()
    phone.locator("[data-go]").click()
    expect(phone.locator("#files .heard")).to_have_count(1, timeout=30_000)
    phone.locator("[data-hands-in]").click()
    phone.wait_for_url("**/submissions/*")


def corrects(screen: Page, school: School) -> None:
    """Four marks with a finger, a circle, the voice of the teacher; then it is asked for again."""
    paper = screen.locator(".easel .page-box").first
    paper.scroll_into_view_if_needed()
    for number, code in enumerate(("agreement", "spelling", "word", "good")):
        box = paper.bounding_box()
        assert box is not None
        screen.touchscreen.tap(box["x"] + 80 + 60 * number, box["y"] + 160 + 40 * number)
        screen.locator(f"[data-palette] .code[data-code={code}]").tap()
    screen.locator("[data-palette] [data-act=pen]").tap()
    box = paper.bounding_box()
    assert box is not None
    screen.mouse.move(box["x"] + 200, box["y"] + 200)
    screen.mouse.down()
    for x, y in ((240, 180), (280, 200), (240, 220), (200, 200)):
        screen.mouse.move(box["x"] + x, box["y"] + y, steps=5)
    screen.mouse.up()
    kinds = select(Mark.kind).where(Mark.removed_at.is_(None))
    wait_until(lambda: len(school.read(lambda s: s.scalars(kinds).all())) == 5, "five marks are saved", 20)
    assert school.read(lambda s: s.scalars(kinds).all()).count(MarkKind.PIN) == 4
    voice = screen.locator("#voice")
    voice.locator("[data-act=start]").first.tap()
    expect(voice.locator("[data-time]")).to_have_text(re.compile("2:5[0-8]"), timeout=15_000)
    voice.locator("[data-act=stop]").tap()
    voice.locator("[data-act=keep]").tap()
    wait_until(
        lambda: bool(school.read(lambda s: s.scalars(select(FeedbackVoice)).all())), "a voice is kept", 20
    )
    screen.fill("textarea[name=comment]", "Écoutez ma voix, puis essayez encore.")
    screen.locator("button[formaction*='/redo']").tap()
    returned = select(ReturnedFeedback)
    wait_until(lambda: bool(school.read(lambda s: s.scalars(returned).all())), "the copy is returned", 20)


def test_homework_from_a_phone_in_arabic_comes_back_marked_and_is_done_again(
    way: Way, smtp: SmtpServer
) -> None:
    school = way.school
    given = school.write(lambda s: factories.assignment(s, factories.lesson(s, "En bus", "N3"), now=now()).id)
    school.write(lambda s: factories.criteria(s, "N3"))
    entered = school.write(lambda s: factories.entered(s, of_level_three(s), now=now()))
    staff = school.write(lambda s: logins.open_login(s, factories.nadia(s), LoginKind.STAFF, now=now()))

    phone = way.open((360, 740), entered, "ar").new_page()
    phone.goto(f"/assignments/{given}")
    assert phone.locator("html").get_attribute("dir") == "rtl"
    sends(phone)
    first = school.read(lambda s: s.scalars(select(Attempt)).one())
    wait_until(
        lambda: school.read(lambda s: s.get_one(Attempt, first.id).queued_at) is not None, "it is ready", 30
    )

    screen = way.open((1280, 800), staff).new_page()
    screen.goto(f"/corrections/{first.id}")
    corrects(screen, school)
    school.write(let_undo_pass)
    school.app.extensions["lms_jobs"].deliver_due()

    letter = smtp.wait_for(1)[-1]
    assert len(letter.as_bytes()) <= 150_000
    pictures = [part for part in letter.walk() if part.get_content_type() == "image/jpeg"]
    content = pictures[0].get_payload(decode=True)
    assert isinstance(content, bytes)
    with Image.open(BytesIO(content)) as picture:
        assert picture.width >= 480
    words = next(part for part in letter.walk() if part.get_content_type() == "text/html").get_content()
    assert "Accord" in words
    assert re.search("[\u0600-\u06ff]{3,}", words), "in her language too"
    signed = re.search(r"http[^\"<]+/r/[\w-]+", words)
    assert signed is not None

    stranger = way.open((360, 740), locale="ar").new_page()
    stranger.goto(urlsplit(signed[0]).path)
    expect(stranger.locator(".marks .mark-pin")).to_have_count(4)
    stranger.locator("button[name=understood][value=no]").tap()
    said = select(ReturnedFeedback.understood)
    wait_until(lambda: school.read(lambda s: s.scalars(said).one()) is False, "it is recorded", 20)
    screen.goto("/")
    expect(screen.get_by_text("N’a pas compris la correction")).to_be_visible()

    phone.goto(f"/submissions/{first.submission_id}")
    expect(phone.locator("audio").first).to_be_attached()
    expect(phone.locator(".marks .mark-pin")).to_have_count(4)
    phone.locator("form[action$='/attempts'] button").tap()
    phone.fill("[name=text]", BETTER)
    phone.locator("[data-hands-in]").tap()
    phone.wait_for_url("**/submissions/*")

    second = school.read(lambda s: s.scalars(select(Attempt).order_by(Attempt.number.desc())).first())
    assert second is not None
    screen.goto(f"/corrections/{second.id}")
    screen.locator("#check-0 button").first.focus()
    with screen.expect_navigation():
        screen.keyboard.press("c")
    screen.fill("textarea[name=comment]", "Bravo, c’est juste.")
    with screen.expect_navigation():
        screen.locator("[data-return]").tap()
    school.write(let_undo_pass)
    checked = select(ReturnedFeedback).join(Feedback).where(Feedback.attempt_id == second.id)
    assert [each["is_mended"] for each in school.read(lambda s: s.scalars(checked).one()).checked] == [True]
    phone.goto(f"/submissions/{first.submission_id}")
    expect(phone.get_by_text("Bravo, c’est juste.")).to_be_visible()
