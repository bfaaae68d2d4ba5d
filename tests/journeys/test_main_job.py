"""The main job from the first link to the cancelled hour, in a real browser against real servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time, timedelta
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from icalendar import Calendar
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, Request, ViewportSize, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.adapters import passwords
from lms.clock import now
from lms.models import Availability, Criterion, Level, Person
from tests import factories
from tests.support.files import heic, rotated_jpeg
from tests.support.live_server import LiveServer
from tests.support.narrow import of_type, present
from tests.support.returns import let_undo_pass
from tests.support.servers import wait_until
from tests.support.smtp import SmtpServer
from tests.support.waitlist import end_kept_time

pytestmark = pytest.mark.journey

PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 800}
PASSWORD = "une phrase assez longue"
COMMENT = "Très bien, Samira : tout est lisible."
NEXT_STEP = "Écrivez aussi les mois."
ARABIC = re.compile(r"[\u0600-\u06FF]{3,}")


def a_school_with_nadia(session: Session) -> None:
    factories.organisation(session)
    for level in session.scalars(select(Level)):
        for place, label in enumerate(("La tâche", "Les mots", "La grammaire"), start=1):
            session.add(Criterion(level_id=level.id, position=place, label=label))
    nadia = factories.nadia(session)
    nadia.password_hash = passwords.hash_secret(PASSWORD)
    today = now().date()
    for weekday in range(7):
        session.add(
            Availability(
                teacher_id=nadia.id,
                weekday=weekday,
                start_wall=time(9),
                end_wall=time(17),
                valid_from=today - timedelta(days=1),
                mode="video",
            )
        )


@pytest.fixture
def served(tmp_path: Path, template: Path, smtp: SmtpServer) -> Iterator[LiveServer]:
    with LiveServer(
        tmp_path,
        template,
        LMS_MAIL_HOST=smtp.host,
        LMS_MAIL_PORT=str(smtp.port),
        LMS_MAIL_SECURITY="none",
    ) as server:
        server.school().write(a_school_with_nadia)
        yield server


class Cast:
    """Browsers of the people of this journey."""

    def __init__(self, browser: Browser, base: str, scripts: bool) -> None:
        self.browser, self.base, self.scripts = browser, base, scripts
        self.contexts: list[BrowserContext] = []
        self.strangers: list[str] = []  # requests to anybody but the school

    def sits_down(self, size: ViewportSize, locale: str) -> Page:
        context = self.browser.new_context(
            viewport=size,
            locale=locale,
            base_url=self.base,
            java_script_enabled=self.scripts,
        )
        context.set_default_timeout(20_000)
        context.on("request", self._note)
        # This machine may have no internet: what leaves the school is counted and goes nowhere.
        context.route(self._is_strange, lambda route: route.abort())
        self.contexts.append(context)
        return context.new_page()

    def _is_strange(self, url: str) -> bool:
        return url.startswith("http") and urlsplit(url).netloc != urlsplit(self.base).netloc

    def _note(self, request: Request) -> None:
        if self._is_strange(request.url):
            self.strangers.append(request.url)

    def go_home(self) -> None:
        for context in self.contexts:
            context.close()


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def cast(request: pytest.FixtureRequest, browser: Browser, served: LiveServer) -> Iterator[Cast]:
    people = Cast(browser, served.url.replace("127.0.0.1", "localhost"), request.param)
    yield people
    people.go_home()


def press(page: Page, form: str, button: str = "button") -> None:
    """Press a button of the form that posts there, and wait for the answer."""
    with page.expect_navigation():
        page.locator(f'main form[action$="{form}"] {button}').first.click()


def nadia_enters(cast: Cast) -> Page:
    page = cast.sits_down(DESK, "fr-BE")
    page.goto("/login")
    page.fill("input[name=email]", "nadia@service.example.be")
    page.fill("input[name=password]", PASSWORD)
    press(page, "/login")
    expect(page.locator("h1")).to_contain_text("Nadia")
    return page


def nadia_makes_a_lesson(page: Page) -> str:
    """By pasting one link; answers with the lesson's address."""
    page.goto("/lessons/new")
    page.fill("[name=title]", "Les jours de la semaine")
    page.fill("[name=links]", "Regardez ceci : https://youtu.be/M7lc1UVf-VE?t=1m30s")
    press(page, "/lessons")
    lesson = re.search(r"/lessons/(\w{14})", page.url)
    assert lesson is not None, page.url
    page.goto(f"/lessons/{lesson[1]}/assignments/new")
    page.fill("[name=instruction]", "Écrivez les sept jours sur une feuille. Envoyez une photo.")
    page.check("input[value=photo]")
    press(page, "/assignments/new", "button.main")
    page.goto(f"/lessons/{lesson[1]}/edit")
    with page.expect_navigation():
        page.locator('button[formaction$="/publication"]').click()
    return f"/lessons/{lesson[1]}"


def nadia_adds(page: Page, name: str, language: str, email: str) -> tuple[str, str]:
    """A learner in one short form; the code and the PIN of her printed card."""
    page.goto("/people/new")
    page.fill("[name=name]", name)
    page.locator("main input[type=radio]").first.check()  # Niveau 1
    page.select_option("[name=language]", language)
    page.fill("[name=email]", email)
    press(page, "/people/new")
    press(page, "/card")
    expect(page.locator(".id-card svg, .id-card img").first).to_be_visible()
    return page.locator(".id-card .code").inner_text(), page.locator(".pin").inner_text()


def enters_by_card(cast: Cast, card: tuple[str, str], locale: str) -> Page:
    page = cast.sits_down(PHONE, locale)
    page.goto("/card")
    page.fill("input[name=code]", card[0])
    if cast.scripts:
        with page.expect_navigation():  # the fourth digit sends it
            page.fill("input[name=pin]", card[1])
    else:
        page.fill("input[name=pin]", card[1])
        press(page, "/card/login")
    assert urlsplit(page.url).path == "/"
    return page


def opens_the_clip(cast: Cast, page: Page, lesson: str) -> None:
    page.goto(lesson)
    expect(page.locator(".poster")).to_be_visible()
    assert cast.strangers == [], "nobody is asked before the tap"
    if cast.scripts:
        page.locator(".poster").click()
        page.locator('form[action$="/consents/video"] button').click()
        frame = page.locator("iframe")
        expect(frame).to_be_visible()
        address = urlsplit(frame.get_attribute("src") or "")
        assert (address.netloc, address.path) == ("www.youtube-nocookie.com", "/embed/M7lc1UVf-VE")
        assert parse_qs(address.query)["start"] == ["90"]
        assert frame.get_attribute("referrerpolicy") == "strict-origin-when-cross-origin"
    else:
        link = page.locator("a.poster").get_attribute("href") or ""
        assert "M7lc1UVf-VE" in link
        expect(page.locator("[data-notice]")).to_be_visible()
    press(page, "/watched")
    expect(page.locator("[data-toast]")).to_be_visible()


def is_upright(page: Page, selector: str) -> None:
    for picture in page.locator(selector).all():
        picture.scroll_into_view_if_needed()
        size = picture.evaluate("async e => { await e.decode(); return [e.naturalWidth, e.naturalHeight] }")
        assert size[0] < size[1], f"{picture.get_attribute('src')} lies on its side: {size}"


def sends(page: Page, photos: int) -> None:
    """With scripts the chosen photos go up at once and are shown; without, they go with the button."""
    if page.locator(".door.ready").count():
        expect(page.locator(".piece img")).to_have_count(photos, timeout=30_000)
    page.locator('button[formaction$="/submission"]').click()
    page.wait_for_url("**/submissions/**")


def sees_the_pictures(cast: Cast, page: Page, number: int) -> None:
    """What is being prepared turns into pictures by itself; without scripts when the page is loaded again."""
    pictures = page.locator("main img")

    def are_shown() -> bool:
        page.reload()
        return pictures.count() == number

    if not cast.scripts:
        wait_until(are_shown, "the photos are ready", 30)
    expect(pictures).to_have_count(number, timeout=30_000)


def sends_two_photos(cast: Cast, page: Page, lesson: str) -> str:
    """A turned JPEG and a HEIC; answers with the address of the receipt."""
    page.goto(f"{lesson}/homework")
    page.locator('main a[href*="/assignments/"]').first.click()
    page.locator("input[type=file][name=picture]").set_input_files(
        [
            FilePayload(name="IMG_0001.jpg", mimeType="image/jpeg", buffer=rotated_jpeg()),
            FilePayload(name="صورة.heic", mimeType="application/octet-stream", buffer=heic()),
        ]
    )
    sends(page, 2)
    sees_the_pictures(cast, page, 2)
    is_upright(page, "main img")
    return urlsplit(page.url).path


def nadia_answers(page: Page) -> None:
    page.goto("/corrections")
    page.locator('main a[href*="/corrections/"]', has_text="Samira").first.click()
    pictures = ".sheets img, .copy img, main img"
    expect(page.locator(pictures).first).to_be_visible()
    is_upright(page, pictures)
    for name in page.locator("form.feedback-form input[type=radio][value='2']").evaluate_all(
        "all => all.map(e => e.name)"
    ):
        page.locator(f"input[name='{name}'][value='2']").check(force=True)
    page.fill("textarea[name=comment]", COMMENT)
    page.fill("textarea[name=next_step]", NEXT_STEP)
    with page.expect_navigation():
        page.locator('button[formaction*="/return"]').click()


def books(page: Page) -> str:
    """The first hour on offer; answers with the address of the appointment."""
    hour = chooses_an_hour(page)
    press(page, "/bookings", "button.main")
    assert re.search(r"/bookings/\w{14}$", urlsplit(page.url).path), page.url
    return hour


def chooses_an_hour(page: Page) -> str:
    page.goto("/bookings/new")
    hour = page.locator(".hour").first
    with page.expect_navigation():
        hour.click()
    return page.url


def invitation(letter: EmailMessage) -> tuple[str, str, int]:
    """UID, method and sequence, as a calendar reads them; the mail part names the method too."""
    (part,) = [p for p in letter.walk() if p.get_content_type() == "text/calendar" and not p.get_filename()]
    calendar = Calendar.from_ical(of_type(bytes, part.get_payload(decode=True)).decode())
    (event,) = calendar.walk("VEVENT")
    assert part.get_param("method") == str(calendar["METHOD"])
    return str(event["UID"]), str(calendar["METHOD"]), of_type(int, event["SEQUENCE"])


def letters_to(smtp: SmtpServer, address: str, subject: str = "") -> list[EmailMessage]:
    return [m for m in smtp.messages if address in str(m["To"]) and subject in str(m["Subject"])]


def test_a_lesson_a_photo_an_answer_and_an_hour(cast: Cast, served: LiveServer, smtp: SmtpServer) -> None:
    nadia = nadia_enters(cast)
    lesson = nadia_makes_a_lesson(nadia)
    samira_card = nadia_adds(nadia, "Samira", "ar", "samira@learners.example.be")
    oksana_card = nadia_adds(nadia, "Oksana Bondar", "uk", "oksana@learners.example.be")

    samira = enters_by_card(cast, samira_card, "ar")
    assert samira.locator("html").get_attribute("dir") == "rtl"
    assert samira.locator("html").get_attribute("lang") == "ar"
    opens_the_clip(cast, samira, lesson)
    receipt = sends_two_photos(cast, samira, lesson)

    nadia_answers(nadia)
    expect(nadia.get_by_text("Copie rendue à Samira.")).to_be_visible()
    school = served.school()
    school.write(let_undo_pass)
    school.deliver()
    smtp.wait_for(1)
    (letter,) = letters_to(smtp, "samira@")
    assert letter["Subject"] == "Votre devoir est corrigé"
    for kind in ("plain", "html"):
        part = letter.get_body((kind,))
        assert part is not None
        text = part.get_content()
        assert COMMENT in text
        assert NEXT_STEP in text
        assert ARABIC.search(text), "the learner's language stands under the French"
        assert text.index("corrigé") < present(ARABIC.search(text)).start()
        assert receipt in text

    samira.goto("/")
    expect(samira.locator("main .hero")).to_contain_text("Nadia")
    samira.goto(receipt)
    expect(samira.get_by_text(COMMENT)).to_be_visible()
    press(samira, "/attempts")
    samira.locator("input[type=file][name=picture]").set_input_files(
        [FilePayload(name="deux.jpg", mimeType="image/jpeg", buffer=rotated_jpeg(width=640))]
    )
    sends(samira, 1)
    sees_the_pictures(cast, samira, 3)  # with those of the first attempt
    nadia.goto("/corrections")
    expect(nadia.locator("main", has_text="Samira")).to_contain_text("suite")

    oksana = enters_by_card(cast, oksana_card, "uk")
    contested = chooses_an_hour(oksana)
    books(samira)
    appointment = urlsplit(samira.url).path
    refused = oksana.goto(contested)
    assert refused is not None
    if refused.status == 200:
        press(oksana, "/bookings", "button.main")
    assert "/bookings/" not in urlsplit(oksana.url).path.replace("/bookings/new", "")
    expect(oksana.locator(".hour").first).to_be_visible()

    smtp.wait_for(3)
    asked = [letters_to(smtp, who)[-1] for who in ("samira@", "nadia@")]
    calls = {invitation(one) for one in asked}
    assert {(method, sequence) for _, method, sequence in calls} == {("REQUEST", 0)}
    assert len({uid for uid, _, _ in calls}) == 1, "one event for both sides"

    samira.goto(appointment)
    press(samira, "/cancellation")
    end_kept_time(school)
    school.app.extensions["lms_jobs"].every_minute()
    smtp.wait_for(5)
    gone = {invitation(letters_to(smtp, who)[-1]) for who in ("samira@", "nadia@")}
    assert gone == {(uid, "CANCEL", sequence + 1) for uid, _, sequence in calls}
    assert len(letters_to(smtp, "samira@", "corrigé")) == 1
    assert served.school().read(lambda s: s.scalar(select(Person.name).where(Person.name == "Samira")))
