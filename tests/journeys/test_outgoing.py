"""Files of homework leave a phone by themselves: without network, after a killed page, for one person."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    FilePayload,
    Page,
    Route,
    ViewportSize,
    expect,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.clock import now
from lms.models import Assignment, Attachment, Attempt, Person, Submission
from tests import factories
from tests.support import files
from tests.support.live_server import LiveServer
from tests.support.school import School
from tests.support.servers import wait_until

pytestmark = pytest.mark.journey

PHONE: ViewportSize = {"width": 360, "height": 740}
OFFLINE, ENDED = "En attente d’internet", "Il faut entrer de nouveau."
NUMBERS = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("school"), template) as served:
        yield served


@pytest.fixture(scope="module")
def school(server: LiveServer) -> Iterator[School]:
    opened = server.school()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def given(school: School) -> str:
    return school.write(lambda s: factories.assignment(s).id)


@pytest.fixture(scope="module")
def photo() -> bytes:
    """A photo that goes in several pieces."""
    return files.saved(files.noise(1500, 1400), "JPEG", quality=90)


@dataclass
class Phone:
    """The browser of a phone; `cut` decides which of the pieces do not get through."""

    context: BrowserContext
    school: School
    base: str
    path: str
    learner_id: str = ""
    cut: Callable[[int], bool] = lambda _piece: False
    pieces: int = 0
    sent: bytearray = field(default_factory=bytearray)

    def log_in(self) -> None:
        """Another learner takes the phone."""

        def enter(session: Session) -> tuple[str, str]:
            learner = factories.learner(session, f"Apprenant {next(NUMBERS)}")
            return learner.id, factories.entered(session, learner, now=now())

        self.learner_id, token = self.school.write(enter)
        self._carry(token)

    def log_in_again(self, learner_id: str) -> None:
        self.learner_id = learner_id
        self._carry(
            self.school.write(lambda s: factories.entered(s, s.get_one(Person, learner_id), now=now()))
        )

    def _carry(self, token: str) -> None:
        name = cookie_name(self.school.settings, "session")
        self.context.add_cookies([{"name": name, "value": token, "url": self.base}])

    def end_login(self) -> None:
        self.context.clear_cookies(name=cookie_name(self.school.settings, "session"))

    def open(self, path: str = "") -> Page:
        page = self.context.new_page()
        page.goto(path or self.path)
        if path:
            page.wait_for_load_state("networkidle")
        else:  # the script has looked at the page
            expect(page.locator("[data-record]")).to_be_visible()
        return page

    def handle(self, route: Route) -> None:
        if "Upload-Offset".lower() in route.request.headers:
            self.pieces += 1
            if self.cut(self.pieces):
                return route.abort("internetdisconnected")
            self.sent += route.request.post_data_buffer or b""
        return route.fallback()

    def drafts(self) -> list[str]:
        """Return the names of the files that the draft of the learner holds."""
        rows = select(Attachment.shown_name).join(Attempt).join(Submission)
        mine = rows.where(Submission.learner_id == self.learner_id).order_by(Attachment.position)
        return list(self.school.read(lambda s: s.scalars(mine).all()))

    def kept(self, page: Page) -> int:
        """Return how many files lie in the browser."""
        found: int = page.evaluate(
            """() => new Promise((done) => {
              const opening = indexedDB.open("passerelle");
              opening.onsuccess = () => {
                const asked = opening.result.transaction("bytes").objectStore("bytes").count();
                asked.onsuccess = () => { opening.result.close(); done(asked.result); };
              };
            })"""
        )
        return found


@pytest.fixture
def phone(browser: Browser, server: LiveServer, school: School, given: str) -> Iterator[Phone]:
    yield from held(browser, server, school, given)


def held(browser: Browser, server: LiveServer, school: School, given: str) -> Iterator[Phone]:
    base = server.url.replace("127.0.0.1", "localhost")
    context = browser.new_context(viewport=PHONE, base_url=base, locale="fr", reduced_motion="reduce")
    context.set_default_timeout(10_000)
    opened = Phone(context, school, base, f"/assignments/{given}")
    context.route("**/uploads/*", opened.handle)
    opened.log_in()
    yield opened
    context.close()


@pytest.fixture
def speaking(hearing: Browser, server: LiveServer, school: School, given: str) -> Iterator[Phone]:
    yield from held(hearing, server, school, given)


def choose(page: Page, photo: bytes, name: str = "feuille.jpg") -> None:
    chosen = FilePayload(name=name, mimeType="image/jpeg", buffer=photo)
    page.set_input_files("input[name=picture]", [chosen])


def test_a_photo_goes_on_where_the_network_was_cut_twice(phone: Phone, photo: bytes) -> None:
    page = phone.open()
    page.fill("[name=text]", "Lundi")
    phone.cut = lambda piece: piece in (2, 4)
    choose(page, photo)
    expect(page.locator("[data-outgoing] p")).to_have_text(OFFLINE)
    expect(page.locator("#files .piece")).to_have_count(1)
    expect(page.locator("[data-outgoing] li")).to_have_count(0)
    assert phone.drafts() == ["feuille.jpg"]
    assert phone.pieces == 2 + -(-len(phone.sent) // (256 * 1024)), "only what was cut was sent again"
    with Image.open(io.BytesIO(bytes(phone.sent))) as picture:
        picture.load()
    assert phone.kept(page) == 0
    expect(page.locator("[name=text]")).to_have_value("Lundi")


def test_a_killed_page_goes_on_in_a_new_one(phone: Phone, photo: bytes) -> None:
    page = phone.open()
    phone.cut = lambda piece: piece >= 3
    choose(page, photo)
    expect(page.locator("[data-outgoing] p")).to_have_text(OFFLINE)
    page.close()
    phone.cut, phone.pieces = lambda _piece: False, 0
    page = phone.open("/homework")  # any page of the homework goes on
    page.goto(phone.path)
    expect(page.locator("#files .piece")).to_have_count(1)
    assert phone.drafts() == ["feuille.jpg"]


def test_a_file_that_is_chosen_twice_is_there_once(phone: Phone, photo: bytes) -> None:
    page = phone.open()
    choose(page, photo)
    choose(page, photo)
    expect(page.locator("#files .piece")).to_have_count(1)
    expect(page.locator("[data-outgoing] li")).to_have_count(0)
    assert phone.drafts() == ["feuille.jpg"]


def test_the_text_is_kept_before_the_camera_opens(phone: Phone) -> None:
    page = phone.open()
    page.fill("[name=text]", "Mardi")
    with (
        page.expect_response(lambda answer: answer.request.method == "POST", timeout=3_000),
        page.expect_file_chooser(),
    ):
        page.locator("[name=photo]").click()
    texts = select(Attempt.text).join(Submission).where(Submission.learner_id == phone.learner_id)
    assert phone.school.read(lambda s: s.scalars(texts).all()) == ["Mardi"]


def test_two_pages_send_a_file_once_and_both_show_it(phone: Phone, photo: bytes) -> None:
    page = phone.open()
    phone.cut = lambda piece: piece >= 2
    choose(page, photo)
    expect(page.locator("[data-outgoing] p")).to_have_text(OFFLINE)
    phone.cut = lambda _piece: False
    other = phone.open()
    expect(other.locator("#files .piece")).to_have_count(1)
    page.bring_to_front()
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.locator("#files .piece")).to_have_count(1)
    expect(page.locator("[data-outgoing]")).to_be_hidden()
    with Image.open(io.BytesIO(bytes(phone.sent))) as picture:
        picture.load()
    assert phone.drafts() == ["feuille.jpg"]


def test_the_homework_waits_for_its_files(phone: Phone, photo: bytes) -> None:
    page = phone.open()
    phone.context.set_offline(True)
    choose(page, photo)
    expect(page.locator("[data-outgoing] p")).to_have_text(OFFLINE)
    page.dblclick("[data-hands-in]")
    expect(page.get_by_text("Vos fichiers partent d’abord.")).to_be_visible()
    phone.context.set_offline(False)
    page.wait_for_url("**/submissions/*")
    expect(page.get_by_text("C’est envoyé.")).to_be_visible()
    assert phone.drafts() == ["feuille.jpg"]


def test_a_homework_that_was_handed_in_is_sent_though_its_page_was_killed(phone: Phone, photo: bytes) -> None:
    """Also from the page that is opened first then, which sends the file and leads back."""
    page = phone.open()
    page.fill("[name=text]", "Lundi et mardi")
    phone.cut = lambda _piece: True
    choose(page, photo)
    expect(page.locator("[data-outgoing] p")).to_have_text(OFFLINE)
    page.click("[data-hands-in]")
    expect(page.get_by_text("Vos fichiers partent d’abord.")).to_be_visible()
    page.close()
    phone.cut = lambda _piece: False
    page = phone.context.new_page()
    page.goto("/")
    page.wait_for_url("**/submissions/*")
    expect(page.get_by_text("C’est envoyé.")).to_be_visible()
    assert phone.drafts() == ["feuille.jpg"]
    texts = select(Attempt.text, Attempt.sent_at).join(Submission)
    ((text, sent_at),) = phone.school.read(
        lambda s: s.execute(texts.where(Submission.learner_id == phone.learner_id)).all()
    )
    assert (text, sent_at is not None) == ("Lundi et mardi", True)
    page.goto("/")
    page.wait_for_load_state("networkidle")
    assert page.url == f"{page.url.split('/')[0]}//{page.url.split('/')[2]}/", "nothing leads back twice"


def test_who_writes_on_presses_the_button_again(phone: Phone, photo: bytes) -> None:
    page = phone.open()
    phone.cut = lambda _piece: True
    choose(page, photo)
    expect(page.locator("[data-outgoing] p")).to_have_text(OFFLINE)
    page.click("[data-hands-in]")
    page.locator("[name=text]").press_sequentially("Non")
    expect(page.get_by_text("Vos fichiers partent d’abord.")).to_be_hidden()
    phone.cut = lambda _piece: False
    page.close()
    page = phone.open()
    expect(page.locator("#files .piece")).to_have_count(1)
    assert "/assignments/" in page.url


def test_an_ended_login_keeps_the_file_and_nobody_else_sends_or_sees_it(phone: Phone, photo: bytes) -> None:
    owner, page = phone.learner_id, phone.open()
    phone.cut = lambda piece: piece >= 2
    choose(page, photo)
    expect(page.locator("[data-outgoing] p")).to_have_text(OFFLINE)
    phone.cut = lambda _piece: False
    phone.end_login()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("[data-outgoing] p")).to_contain_text(ENDED)
    link = page.locator("[data-outgoing] a")
    expect(link).to_have_attribute("href", re.compile(r"/card\?next=/assignments/\w{14}$"))

    phone.log_in()
    other = phone.open()
    expect(other.locator("[data-outgoing]")).to_be_hidden()
    with page.expect_response("**/uploads") as answer:  # the page of the first one is still open
        page.evaluate("window.dispatchEvent(new Event('online'))")
    assert answer.value.status == 401
    expect(page.locator("[data-outgoing] p")).to_contain_text(ENDED)
    assert phone.drafts() == []
    other.goto("/me")
    other.locator("form[action='/logout'] button").click()
    other.wait_for_url("**/card")  # without a question
    page.close()

    phone.log_in_again(owner)
    other.goto(phone.path)
    expect(other.locator("#files .piece")).to_have_count(1)
    assert phone.drafts() == ["feuille.jpg"]


def test_who_logs_out_is_asked_before_a_file_is_deleted(phone: Phone, photo: bytes) -> None:
    page = phone.open()
    phone.cut = lambda _piece: True
    choose(page, photo)
    expect(page.locator("[data-outgoing] p")).to_have_text(OFFLINE)
    page.goto("/me")
    page.locator("form[action='/logout'] button").click()
    expect(page.locator("[data-leaving]")).to_contain_text("feuille.jpg")
    assert phone.kept(page) == 1
    page.get_by_role("button", name="Effacer et se déconnecter").click()
    page.wait_for_url("**/card")
    assert phone.kept(page) == 0
    assert phone.drafts() == []


def test_who_logs_out_can_wait_for_a_file(phone: Phone, photo: bytes) -> None:
    page = phone.open()
    phone.cut = lambda _piece: True
    choose(page, photo)
    expect(page.locator("[data-outgoing] p")).to_have_text(OFFLINE)
    page.goto("/me")
    page.locator("form[action='/logout'] button").click()
    page.get_by_role("button", name="Envoyer, puis se déconnecter").click()
    phone.cut = lambda _piece: False
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.wait_for_url("**/card")
    assert phone.drafts() == ["feuille.jpg"]


def test_a_refused_file_says_why_and_can_be_removed(phone: Phone) -> None:
    page = phone.open()
    choose(page, b"", "vide.jpg")
    expect(page.locator("[data-outgoing] .refused")).to_contain_text("Ce fichier est vide.")
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="Supprimer").click()
    expect(page.locator("[data-outgoing]")).to_be_hidden()
    assert phone.kept(page) == 0


def test_a_file_that_comes_after_its_homework_says_so(phone: Phone, school: School, photo: bytes) -> None:
    page = phone.open()
    phone.cut = lambda piece: piece >= 2
    choose(page, photo)
    expect(page.locator("[data-outgoing] p")).to_have_text(OFFLINE)

    def send(session: Session) -> None:
        learner = session.get_one(Person, phone.learner_id)
        given = session.get_one(Assignment, phone.path.rpartition("/")[2])
        factories.sent(session, learner, given, now=now())

    school.write(send)  # on another device
    phone.cut = lambda _piece: False
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("[data-outgoing] .refused")).to_contain_text("Ce devoir est déjà envoyé.")
    assert phone.drafts() == []


def test_a_browser_that_keeps_nothing_sends_all_the_same(phone: Phone, photo: bytes) -> None:
    phone.context.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('SecurityError') }"
    )
    page = phone.open()
    phone.cut = lambda piece: piece == 2
    choose(page, photo)
    expect(page.locator("[data-outgoing] p")).to_have_text(f"{OFFLINE} Gardez la page ouverte.")
    expect(page.locator("#files .piece")).to_have_count(1)
    assert phone.drafts() == ["feuille.jpg"]


@pytest.mark.parametrize(
    ("size", "sent"),
    [((2600, 1950), (2000, 1500)), ((900, 2400), (900, 2400)), ((1400, 3300), (1000, 2357))],
    ids=["a sheet", "a till receipt", "a long picture"],
)
def test_a_photo_is_made_smaller_as_long_as_it_stays_legible(
    phone: Phone, size: tuple[int, int], sent: tuple[int, int]
) -> None:
    page = phone.open()
    choose(page, files.rotated_jpeg(*size))
    expect(page.locator("#files .piece")).to_have_count(1)
    with Image.open(io.BytesIO(bytes(phone.sent))) as picture:
        assert sorted(picture.size) == sorted(sent)
        assert picture.getexif().get(0x0112, 1) == 1
        assert files.stands_upright(picture)


def speak(page: Page, seconds: int) -> None:
    page.get_by_role("button", name="Enregistrer ma voix").click()
    rest = page.get_by_role("timer")
    expect(rest).to_have_text(re.compile(r"^1:(30|29|28)$"))
    level = "document.querySelector('[data-level]').value"
    wait_until(lambda: page.evaluate(level) > 0.02, "the voice is heard", 10)
    expect(rest).to_have_text(f"1:{30 - seconds}", timeout=10_000)


def test_a_voice_is_recorded_heard_and_sent(speaking: Phone) -> None:
    page = speaking.open()
    speak(page, 3)
    page.get_by_role("button", name="Arrêter").click()
    expect(page.locator("[data-told]")).to_have_text("Écoutez, puis envoyez.")
    assert Axe().run(page).response["violations"] == []
    began = time.monotonic()
    page.get_by_role("button", name="Écouter").click()
    expect(page.locator("[data-hear]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-hear]")).to_have_attribute("aria-pressed", "false", timeout=8_000)
    assert time.monotonic() - began > 2.5
    page.locator("[data-hands-in]").click()  # it does not go without the voice
    assert page.url.endswith(speaking.path)
    page.get_by_role("button", name="Envoyer ma voix").click()
    expect(page.locator("#files .heard")).to_have_count(1, timeout=30_000)
    assert speaking.drafts() == ["Ma voix.webm"]
    seconds = select(Attachment.seconds).join(Attempt).join(Submission)
    mine = seconds.where(Submission.learner_id == speaking.learner_id)
    assert 2 <= (speaking.school.read(lambda s: s.scalars(mine).one()) or 0) <= 6
    assert speaking.kept(page) == 0


def test_a_killed_page_loses_no_more_than_a_second_of_a_voice(speaking: Phone) -> None:
    page = speaking.open()
    speak(page, 3)
    page.close()
    page = speaking.open()
    expect(page.locator("[data-told]")).to_have_text("Un enregistrement n’est pas parti.")
    assert speaking.kept(page) >= 2, "a slice a second"
    page.get_by_role("button", name="Envoyer ma voix").click()
    expect(page.locator("#files .heard")).to_have_count(1, timeout=30_000)
    assert speaking.drafts() == ["Ma voix.webm"]


def test_a_browser_without_a_recorder_offers_none(phone: Phone) -> None:
    phone.context.add_init_script("delete window.MediaRecorder")
    page = phone.open(phone.path)
    expect(page.locator("[name=voice]")).to_be_attached()
    expect(page.locator("[data-record]")).to_be_hidden()


def test_without_script_the_form_takes_the_files(browser: Browser, phone: Phone, photo: bytes) -> None:
    state = phone.context.storage_state()
    plain = browser.new_context(
        base_url=phone.base, java_script_enabled=False, viewport=PHONE, storage_state=state
    )
    page = plain.new_page()
    page.goto(phone.path)
    expect(page.locator("[data-outgoing]")).to_be_hidden()
    choose(page, photo)
    with page.expect_navigation():
        page.locator("[data-add]").click()
    expect(page.locator("#files .piece")).to_have_count(1)
    with page.expect_navigation():
        page.locator("[data-hands-in]").click()
    assert "/submissions/" in page.url
    assert phone.pieces == 0
    plain.close()
