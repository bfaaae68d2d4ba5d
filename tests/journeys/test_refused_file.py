"""A photo that turns out to be damaged: the page says so by itself, and another one goes in its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FilePayload, expect

from lms.access import cookie_name
from lms.clock import now
from lms.domain.people import logins
from lms.models import LoginKind
from tests import factories
from tests.support.files import jpeg, truncated_jpeg
from tests.support.live_server import LiveServer

pytestmark = pytest.mark.journey
REFUSED = "Ce fichier est abîmé."


def test_a_refusal_appears_by_itself_and_what_is_typed_stays(
    browser: Browser, tmp_path: Path, template: Path
) -> None:
    with LiveServer(tmp_path, template) as server:
        school = server.school()
        given = school.write(lambda s: factories.assignment(s).id)
        base = server.url.replace("127.0.0.1", "localhost")
        token = school.write(lambda s: logins.open_login(s, factories.samira(s), LoginKind.OWN, now=now()))
        context = browser.new_context(viewport={"width": 360, "height": 740}, base_url=base)
        context.add_cookies([{"name": cookie_name(school.settings, "session"), "value": token, "url": base}])
        page = context.new_page()
        page.goto(f"/assignments/{given}")
        broken = FilePayload(name="coupe.jpg", mimeType="image/jpeg", buffer=truncated_jpeg())
        page.locator("input[name=picture]").set_input_files([broken])
        expect(page.locator(".piece")).to_have_count(1)
        page.fill("textarea", "Lundi")
        expect(page.locator(".piece", has_text=REFUSED)).to_be_visible(timeout=30_000)
        expect(page.locator("textarea")).to_have_value("Lundi")
        page.locator('.piece button[formaction$="/removal"]').click()
        expect(page.locator(".piece")).to_have_count(0)

        # Sent without waiting.
        page.locator("input[name=picture]").set_input_files([broken])
        expect(page.locator(".piece")).to_have_count(1)
        page.locator('button[formaction$="/submission"]').click()
        page.wait_for_url("**/submissions/**")
        expect(page.locator("main", has_text=REFUSED)).to_be_visible(timeout=30_000)
        page.get_by_role("link", name="Envoyer un autre fichier").click()
        assert Axe().run(page).response["violations"] == []
        whole = FilePayload(name="entière.jpg", mimeType="image/jpeg", buffer=jpeg(400, 300))
        page.locator("input[name=picture]").set_input_files([whole])
        page.locator("main form button.main").click()
        page.wait_for_url("**/submissions/*")
        expect(page.locator(".copy img")).to_have_count(1, timeout=30_000)
        assert Axe().run(page).response["violations"] == []
        context.close()
