"""Two teachers have one copy open: each sees the other, and neither loses a word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.adapters.store import LocalStore
from lms.clock import now
from lms.domain.homework import attempts, files
from lms.domain.people import logins
from lms.models import LoginKind, Person
from tests import factories
from tests.support.files import jpeg
from tests.support.live_server import LiveServer
from tests.support.school import School

pytestmark = pytest.mark.journey
SOON = 10_000


def sent_copy(session: Session, store: LocalStore) -> str:
    """Send an attempt of Samira with a photo of 30 x 40, as far as its row says."""
    work = factories.assignment(session)
    draft = factories.drafted(session, factories.samira(session), work, "Je prend le bus.")
    files.add_file(session, draft, work, factories.stored(store, jpeg(30, 40)), now=now())
    attempts.send_attempt(session, draft, work, now=now())
    return draft.id


def open_copy(
    browser: Browser, school: School, base: str, who: Callable[[Session], Person], copy: str
) -> tuple[BrowserContext, Page]:
    token = school.write(lambda s: logins.open_login(s, who(s), LoginKind.STAFF, now=now()))
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="fr", base_url=base)
    context.add_cookies([{"name": cookie_name(school.settings, "session"), "value": token, "url": base}])
    page = context.new_page()
    page.goto(f"/corrections/{copy}")
    return context, page


def test_two_teachers_see_each_other_and_what_the_other_writes(
    browser: Browser, tmp_path: Path, template: Path
) -> None:
    with LiveServer(tmp_path, template) as server:
        school = server.school()
        store = LocalStore(school.settings.uploads / "store")
        copy = school.write(lambda s: (factories.criteria(s), sent_copy(s, store))[1])
        school.write(lambda s: (factories.nadia(s), factories.luc(s)))
        base = server.url.replace("127.0.0.1", "localhost")
        nadias, hers = open_copy(browser, school, base, factories.nadia, copy)
        with hers.expect_response("**/viewer"):
            hers.reload()
        lucs, his = open_copy(browser, school, base, factories.luc, copy)
        expect(his.get_by_text("Nadia regarde aussi")).to_be_visible()

        # Luc writes the next step; it appears on Nadia's page when hers is saved.
        with his.expect_response(f"**/corrections/{copy}"):
            his.fill("textarea[name=next_step]", "Le pluriel")
        hers.fill("textarea[name=comment]", "Bravo")
        expect(hers.locator("textarea[name=next_step]")).to_have_value("Le pluriel", timeout=SOON)
        expect(hers.locator("textarea[name=comment]")).to_have_value("Bravo")
        with hers.expect_navigation():
            hers.get_by_role("button", name="Rendre la copie").click()
        expect(hers.get_by_text("Copie rendue à")).to_be_visible()

        # Luc, who has not seen it, is shown what she has returned before his own goes.
        his.fill("textarea[name=comment]", "Presque")
        his.get_by_role("button", name="À refaire").click()
        expect(his.get_by_text("Nadia Dubois a rendu cette copie")).to_be_visible()
        expect(his.locator("textarea[name=comment]")).to_have_value("Presque")
        school.close()
        nadias.close()
        lucs.close()


def test_a_page_that_is_turned_is_turned_for_the_other_too(
    browser: Browser, tmp_path: Path, template: Path
) -> None:
    with LiveServer(tmp_path, template) as server:
        school = server.school()
        store = LocalStore(school.settings.uploads / "store")
        copy = school.write(lambda s: sent_copy(s, store))
        school.write(lambda s: (factories.nadia(s), factories.luc(s)))
        base = server.url.replace("127.0.0.1", "localhost")
        nadias, hers = open_copy(browser, school, base, factories.nadia, copy)
        drawn = hers.locator("[data-sheet] svg[role=img]")
        with hers.expect_response("**/turn"):
            hers.get_by_role("button", name="Tourner").click()
        expect(drawn).to_have_attribute("viewBox", "0 0 40 30")
        expect(hers.locator("[data-sheet] image")).to_have_attribute(
            "transform", "translate(40 0) rotate(90)"
        )
        with hers.expect_response("**/turn"):
            hers.get_by_role("button", name="Tourner").click()
        expect(drawn).to_have_attribute("viewBox", "0 0 30 40")
        lucs, his = open_copy(browser, school, base, factories.luc, copy)
        expect(his.locator("[data-sheet] image")).to_have_attribute(
            "transform", "translate(30 40) rotate(180)"
        )
        school.close()
        nadias.close()
        lucs.close()
