"""A learner reads the corrected copy on a small phone, in Arabic, without a script, and without a login."""

from __future__ import annotations

import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.clock import now
from lms.domain.people import logins
from lms.models import LoginKind, OutboxItem, ReturnedFeedback, Submission
from tests import factories
from tests.support.files import jpeg
from tests.support.live_server import LiveServer
from tests.support.narrow import of_type, present

pytestmark = pytest.mark.journey
LEVELS = ("N1", "N2", "N3")


@dataclass(frozen=True)
class Corrected:
    """A learner's login, the address of the corrected copy and the private address of the answer."""

    login: str
    copy: str
    view: str
    returned_id: str


@pytest.fixture(scope="module")
def copies(
    tmp_path_factory: pytest.TempPathFactory, template: Path
) -> Iterator[tuple[LiveServer, dict[str, Corrected]]]:
    """One corrected copy of a learner of each level; its page is turned once at N2 and twice at N3."""
    with LiveServer(tmp_path_factory.mktemp("corrected"), template) as server:
        school = server.school()
        store = school.app.extensions["lms_store"]

        def write(session: Session, level: str, turns: int) -> Corrected:
            learner = factories.learner(
                session,
                f"Samira {level}",
                level_code=level,
                language="ar",
                email=f"{level}@learners.example.be",
            )
            work = factories.assignment(session, factories.lesson(session, level_code=level))
            photo = jpeg(900, 1200)
            returned = factories.corrected(
                session, learner, work, store, photos=[photo], turns=turns, now=now()
            )
            token = session.scalar(select(OutboxItem.secret).where(OutboxItem.about_id == returned.id))
            submission = session.scalar(select(Submission.id).where(Submission.learner_id == learner.id))
            return Corrected(
                logins.open_login(session, learner, LoginKind.OWN, now=now()),
                f"/submissions/{present(submission)}",
                f"/r/{present(token)}",
                returned.id,
            )

        yield (
            server,
            {
                level: school.write(lambda s, level=level, turns=turns: write(s, level, turns))  # type: ignore[misc]
                for turns, level in enumerate(LEVELS)
            },
        )


@contextmanager
def phone(
    browser: Browser,
    server: LiveServer,
    login: str | None = None,
    *,
    scripts: bool = True,
    scheme: Literal["light", "dark"] = "light",
) -> Iterator[Page]:
    base = server.url.replace("127.0.0.1", "localhost")
    context = browser.new_context(
        viewport={"width": 360, "height": 740},
        base_url=base,
        java_script_enabled=scripts,
        color_scheme=scheme,
    )
    if login:
        name = cookie_name(server.school().settings, "session")
        context.add_cookies([{"name": name, "value": login, "url": base}])
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("level", ["N1", "N3"])
def test_the_copy_is_readable_in_arabic_on_a_small_phone_by_day_and_by_night(
    browser: Browser,
    copies: tuple[LiveServer, dict[str, Corrected]],
    level: str,
    scheme: Literal["light", "dark"],
) -> None:
    server, made = copies
    with phone(browser, server, made[level].login, scheme=scheme) as page:
        for address in (made[level].copy, made[level].view):
            page.goto(address)
            assert page.locator("html").get_attribute("dir") == "rtl"
            expect(page.locator(".marks .mark-pin")).to_have_count(2)
            assert page.evaluate("document.documentElement.scrollWidth") == 360
            assert Axe().run(page).response["violations"] == []
            assert len(page.content()) < 60_000


def test_without_a_script_she_reads_the_marks_opens_an_answer_and_says_that_she_has_not_understood(
    browser: Browser, copies: tuple[LiveServer, dict[str, Corrected]]
) -> None:
    server, made = copies
    with phone(browser, server, made["N1"].login, scripts=False) as page:
        page.goto(made["N1"].copy)
        expect(page.locator("#mark-2 .model")).to_have_text("les mots")
    with phone(browser, server, made["N3"].login, scripts=False) as page:
        page.goto(made["N3"].copy)
        expect(page.locator("#mark-2")).to_contain_text("les mot")
        expect(page.locator(".model")).to_have_count(0)
    with phone(browser, server, scripts=False) as page:
        page.goto(made["N2"].view)
        answer = page.locator("#mark-2 .model")
        expect(answer).to_be_hidden()
        page.locator("#mark-2 summary").click()
        expect(answer).to_be_visible()
        page.locator(".marks a[href='#mark-2']").click()
        assert page.url.endswith("#mark-2")
        page.locator("button[name=understood][value=no]").click()
        expect(page.locator("button[value=no]")).to_have_attribute("aria-pressed", "true")
    returned = server.school().read(lambda s: s.get_one(ReturnedFeedback, made["N2"].returned_id))
    assert returned.understood is False


def test_the_mail_is_readable_where_pictures_are_off(
    browser: Browser, copies: tuple[LiveServer, dict[str, Corrected]]
) -> None:
    server, _made = copies
    school = server.school()
    school.deliver()
    mails = [
        email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        for file in (school.settings.instance / "mail").glob("*.eml")
    ]
    (message,) = [of_type(EmailMessage, mail) for mail in mails if "n1@" in str(mail["To"]).lower()]
    html = str(present(message.get_body(("html",))).get_content())
    for width in (320, 600):
        page = browser.new_page(viewport={"width": width, "height": 740})
        page.set_content(html)  # a `cid:` leads nowhere here, as where pictures are off
        assert page.evaluate("document.documentElement.scrollWidth") == width
        alt = present(page.locator("img").get_attribute("alt"))
        assert alt.startswith("Votre copie avec les marques, page 1.")
        assert page.locator("img").evaluate("picture => picture.offsetHeight") < 120, "no empty place"
        expect(page.get_by_text("« les mot »").first).to_be_visible()
        page.close()


def test_the_button_that_takes_a_return_back_goes_when_its_time_is_over(
    browser: Browser, copies: tuple[LiveServer, dict[str, Corrected]]
) -> None:
    server, _made = copies
    school = server.school()

    def send(session: Session) -> tuple[str, str]:
        work = factories.assignment(session)
        sent = [factories.sent(session, factories.learner(session, name), work) for name in ("Ali", "Rosa")]
        login = logins.open_login(session, factories.nadia(session), LoginKind.STAFF, now=now())
        return login, sent[0].id

    login, attempt = school.write(send)
    with phone(browser, server, login) as page:
        page.clock.install()
        page.goto(f"/corrections/{attempt}")
        page.fill("textarea[name=comment]", "Bravo")
        page.locator('button[formaction*="/return"]').click()
        undo = page.get_by_role("button", name="Annuler").and_(page.locator("[data-toast] button"))
        expect(undo).to_be_visible()
        page.clock.run_for(20_000)
        expect(undo).to_be_visible()
        page.clock.run_for(11_000)
        expect(undo).to_have_count(0)
