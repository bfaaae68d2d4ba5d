"""A teacher answers with her voice: recorded in the page, heard, kept, returned; the learner plays it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Dialog, FilePayload, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.clock import now
from lms.domain.people import logins
from lms.models import Attempt, FeedbackVoice, LoginKind, Person, ReturnedFeedback
from tests import factories
from tests.support.files import recording
from tests.support.live_server import LiveServer
from tests.support.returns import let_undo_pass
from tests.support.school import School
from tests.support.servers import wait_until

pytestmark = pytest.mark.journey
PLAYS = """async (player) => {
  await player.play();
  await new Promise((done, failed) => {
    player.ontimeupdate = () => { if (player.currentTime > 0.1) done(); };
    player.onerror = failed;
  });
  return player.duration;
}"""


@dataclass
class Classroom:
    """Nadia's page of a copy of Samira, in a browser with a microphone."""

    school: School
    base: str
    browser: Browser
    copy: str

    def enter(self, who: Callable[[Session], Person], path: str, *, script: bool = True) -> Page:
        def login(session: Session) -> str:
            person = who(session)
            if person.is_learner:
                return factories.entered(session, person, now=now())
            return logins.open_login(session, person, LoginKind.STAFF, now=now())

        token = self.school.write(login)
        context: BrowserContext = self.browser.new_context(
            viewport={"width": 1280, "height": 800},
            locale="fr",
            base_url=self.base,
            java_script_enabled=script,
        )
        context.set_default_timeout(10_000)
        name = cookie_name(self.school.settings, "session")
        context.add_cookies([{"name": name, "value": token, "url": self.base}])
        page = context.new_page()
        page.goto(path)
        return page

    def voices(self) -> list[FeedbackVoice]:
        return list(self.school.read(lambda s: s.scalars(select(FeedbackVoice)).all()))

    def returned(self) -> list[str | None]:
        return list(self.school.read(lambda s: s.scalars(select(ReturnedFeedback.voice_id)).all()))


@pytest.fixture
def classroom(hearing: Browser, tmp_path: Path, template: Path) -> Iterator[Classroom]:
    with LiveServer(tmp_path, template) as server:
        school = server.school()
        copy = school.write(lambda s: factories.sent(s, factories.samira(s), factories.assignment(s)).id)
        school.write(factories.nadia)
        yield Classroom(school, server.url.replace("127.0.0.1", "localhost"), hearing, copy)
        for context in hearing.contexts:
            context.close()
        school.close()


def test_a_teacher_speaks_listens_returns_and_the_learner_plays_it(classroom: Classroom) -> None:
    page = classroom.enter(factories.nadia, f"/corrections/{classroom.copy}")
    page.locator("#copy").focus()
    page.keyboard.press("v")
    expect(page.get_by_text("Parlez maintenant.")).to_be_visible()
    expect(page.locator("[data-level]")).not_to_have_js_property("value", 0)
    expect(page.locator("[data-time]")).to_have_text(re.compile("2:5[0-7]"), timeout=10_000)
    page.keyboard.press("v")
    expect(page.get_by_text("Écoutez, puis gardez votre voix.")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    hear = page.get_by_role("button", name="Écouter")
    hear.click()
    expect(hear).to_have_attribute("aria-pressed", "true")
    hear.click()
    expect(hear).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Garder ma voix").click()
    expect(page.get_by_text("Votre voix est ajoutée.")).to_be_visible()
    (voice,) = classroom.voices()
    assert voice.seconds is not None
    assert 2 <= voice.seconds <= 6
    with page.expect_navigation():
        page.get_by_role("button", name="Rendre la copie").click()
    expect(page.get_by_text("Copie rendue à Samira.")).to_be_visible()
    assert classroom.returned() == [voice.id]
    wait_until(lambda: classroom.voices()[0].played_key is not None, "the copy for every phone")

    submission = classroom.school.read(lambda s: s.get_one(Attempt, classroom.copy).submission_id)
    classroom.school.write(let_undo_pass)
    hers = classroom.enter(factories.samira, f"/submissions/{submission}")
    assert Axe().run(hers).response["violations"] == []
    player = hers.get_by_label("La voix de Nadia")
    assert player.evaluate(PLAYS) == pytest.approx(voice.seconds, abs=1)


def test_what_was_recorded_goes_with_the_return_and_is_not_left_by_accident(classroom: Classroom) -> None:
    page = classroom.enter(factories.nadia, f"/corrections/{classroom.copy}")
    page.get_by_role("button", name="Répondre avec ma voix").click()
    expect(page.locator("[data-time]")).to_have_text(re.compile("2:5[0-9]"))
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.get_by_role("link", name="Agenda").click(no_wait_after=True)
    expect(page.get_by_text("Parlez maintenant.")).to_be_visible()
    assert asked == ["beforeunload"]
    with page.expect_navigation():
        page.get_by_role("button", name="Rendre la copie").click()
    expect(page.get_by_text("Copie rendue à Samira.")).to_be_visible()
    assert classroom.returned() == [classroom.voices()[0].id]


def test_the_voice_of_a_colleague_is_heard_before_it_is_replaced(classroom: Classroom) -> None:
    page = classroom.enter(factories.nadia, f"/corrections/{classroom.copy}")
    his = classroom.enter(factories.luc, f"/corrections/{classroom.copy}")
    choose(his, "voice.ogg")
    expect(his.get_by_text("Votre voix est ajoutée.")).to_be_visible()
    choose(page, "voice.webm")
    expect(page.get_by_text("Écoutez d’abord la sienne.")).to_be_visible()
    expect(page.get_by_label("La voix de Luc")).to_be_visible()
    page.get_by_role("button", name="Garder ma voix").click()
    expect(page.get_by_label("La voix de Nadia")).to_be_visible()
    assert [voice.mime for voice in classroom.voices()] == ["audio/webm"]


def choose(page: Page, name: str) -> None:
    page.get_by_text("Un fichier").click()
    chosen = FilePayload(name=name, mimeType="audio/*", buffer=recording(name))
    page.set_input_files("#voice-file", [chosen])
    page.get_by_role("button", name="Ajouter la voix").click()


def test_without_a_script_the_voice_is_a_file(classroom: Classroom) -> None:
    page = classroom.enter(factories.nadia, f"/corrections/{classroom.copy}", script=False)
    assert not page.get_by_role("button", name="Répondre avec ma voix").is_visible()
    choose(page, "voice.3gp")
    expect(page.get_by_text("Votre voix est ajoutée.")).to_be_visible()
    page.get_by_role("button", name="Rendre la copie").click()
    expect(page.get_by_text("Copie rendue à Samira.")).to_be_visible()
    assert classroom.returned() == [classroom.voices()[0].id]
