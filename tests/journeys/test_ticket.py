"""The ticket in a real browser: one page of A6, nothing cut off, readable without colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pypdfium2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.adapters.store import LocalStore
from lms.clock import now
from lms.domain.people import logins
from lms.models import Booking, LoginKind, Organisation
from tests import factories
from tests.support import files
from tests.support.live_server import LiveServer
from tests.support.school import School

pytestmark = pytest.mark.journey

A6 = (105, 148)
HYGIENE = "Restez à la maison si vous êtes malade, et lavez-vous les mains. "


def short(service: Organisation) -> None:
    service.directions, service.phone = "Bus 41, arrêt Pont", "071 12 34 56"


def middling(service: Organisation) -> None:
    """As much as still has the large letters."""
    service.phone, service.name = "071 12 34 56", "Service d’accueil des primo-arrivants de Charleroi"
    service.address = ("Boulevard Joseph II numéro 13, bâtiment A, 6000 Charleroi " * 2)[:50]
    service.directions = ("Bus 41 ou 70, arrêt Pont de la Sambre, porte bleue " * 5)[:50]
    service.hygiene_notice, service.hygiene_text = True, (HYGIENE * 10)[:49]


def long(service: Organisation) -> None:
    """Every text as long as the form allows."""
    service.phone = "071 12 34 56"
    service.name = ("Centre public d’action sociale de la ville de Charleroi " * 3)[:120]
    service.address = ("Boulevard Joseph II numéro 13, 6000 Charleroi " * 5)[:200]
    service.directions = ("Bus 41 ou 70, arrêt Pont de la Sambre, porte bleue " * 5)[:200]
    service.hygiene_notice, service.hygiene_text = True, (HYGIENE * 10)[:600]


@pytest.fixture
def served(tmp_path: Path, template: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path / "school", template) as server:
        yield server


def seeded(school: School, folder: Path, dress: Callable[[Organisation], None], mode: str) -> Booking:
    """Samira, who reads Arabic, on Monday at nine with Nadia."""
    store: LocalStore = school.app.extensions["lms_store"]
    picture = folder / "door.jpg"
    picture.write_bytes(files.saved(files.upright(), "JPEG"))
    key = store.put(picture, suffix=".jpg")

    def seed(session: Session) -> Booking:
        service = factories.organisation(session)
        dress(service)
        service.door_photo_key = key
        samira, nadia = factories.samira(session), factories.nadia(session)
        samira.language = "ar"
        factories.all_week(session, nadia, mode="both")
        starts = factories.wall(factories.coming_monday().isoformat(), "09:00")
        return factories.booked(session, samira, nadia, starts, mode, now=now())

    return school.write(seed)


def entered(browser: Browser, served: LiveServer, school: School, *, scripts: bool) -> Page:
    def enter(session: Session) -> str:
        return logins.open_login(session, factories.samira(session), LoginKind.OWN, device="test", now=now())

    # Printing is done from a desk or a phone; the narrowest decides.
    context = browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=scripts)
    name, base = cookie_name(school.settings, "session"), f"http://localhost:{served.port}"
    context.add_cookies([{"name": name, "value": school.write(enter), "url": base}])
    return context.new_page()


@pytest.mark.parametrize("dress", [short, middling, long])
@pytest.mark.parametrize("mode", ["onsite", "video"])
def test_the_ticket_prints_on_one_page_of_a6(
    browser: Browser, served: LiveServer, tmp_path: Path, dress: Callable[[Organisation], None], mode: str
) -> None:
    school = served.school()
    booking = seeded(school, tmp_path, dress, mode)
    page = entered(browser, served, school, scripts=True)
    page.goto(f"http://localhost:{served.port}/bookings/{booking.id}/ticket")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the phone"
    barriers = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
    assert [found["id"] for found in barriers] == []

    printed = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
    assert len(printed) == 1
    assert tuple(round(points / 72 * 25.4) for points in printed[0].get_size()) == A6
    # A PDF may write a no-break space as a plain one.
    text = " ".join(printed[0].get_textpage().get_text_range().split())
    for said in ("9 h 00", "heure de Belgique", "Avec Nadia", "071 12 34 56"):
        assert said in text
    assert "Imprimer" not in text
    printed.close()

    page.emulate_media(media="print")
    cut = page.evaluate(
        """() => [...document.querySelectorAll('.slip, .slip-where, .slip-facts')]
            .filter(part => part.scrollHeight > part.clientHeight + 1).map(part => part.className)"""
    )
    assert cut == []
    bands = page.evaluate(
        """() => [...document.querySelector('.slip').children]
            .map(part => part.getBoundingClientRect()).map(box => [box.top, box.bottom])"""
    )
    assert all(upper[1] <= lower[0] for upper, lower in pairwise(bands)), "nothing lies over another"
    page.context.close()


def test_without_scripts_the_ticket_says_how_to_print(
    browser: Browser, served: LiveServer, tmp_path: Path
) -> None:
    school = served.school()
    booking = seeded(school, tmp_path, short, "onsite")
    page = entered(browser, served, school, scripts=False)
    page.goto(f"http://localhost:{served.port}/bookings/{booking.id}/ticket")
    assert page.locator("[data-print]").is_hidden()
    assert page.locator("noscript p").is_visible()
    page.context.close()
