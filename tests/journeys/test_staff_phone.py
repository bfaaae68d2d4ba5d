"""The team's pages on a phone: the bar, lists, messages over the page, buttons over a text in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.clock import now
from lms.domain.people import logins
from lms.models import Lesson, LoginKind, Person
from tests import factories
from tests.support.live_server import LiveServer

pytestmark = pytest.mark.journey
PHONE_HEIGHT = 740
COPIES = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, demo_template: Path) -> Iterator[LiveServer]:
    def send(session: Session) -> None:
        given = factories.assignment(session)
        for number in range(COPIES):
            learner = factories.learner(session, f"Personne au nom assez long {number:02}")
            factories.sent(session, learner, given, now=now())

    with LiveServer(tmp_path_factory.mktemp("school"), demo_template) as served:
        school = served.school()
        school.write(send)
        yield served
    school.close()


Opens = Callable[..., Page]


@pytest.fixture
def opens(browser: Browser, server: LiveServer) -> Iterator[Opens]:
    """Open a page as Nadia on a phone."""
    contexts = []

    def open_page(path: str, *, scripts: bool = True) -> Page:
        school, base = server.school(), server.url.replace("127.0.0.1", "localhost")

        def log_in(session: Session) -> str:
            nadia = session.scalars(select(Person).where(Person.name == "Nadia Dubois")).one()
            return logins.open_login(session, nadia, LoginKind.OWN, now=now())

        token = school.write(log_in)
        context = browser.new_context(
            viewport={"width": 360, "height": PHONE_HEIGHT}, base_url=base, java_script_enabled=scripts
        )
        contexts.append(context)
        context.add_cookies([{"name": cookie_name(school.settings, "session"), "value": token, "url": base}])
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def lesson_path(server: LiveServer) -> str:
    return f"/lessons/{server.school().read(lambda s: s.scalars(select(Lesson.id)).first())}/edit"


def test_four_places_and_the_rest_behind_plus_without_script(opens: Opens) -> None:
    page = opens("/corrections", scripts=False)
    bar = page.locator(".tabs > ul > li")
    assert [words.strip() for words in bar.locator("> a, summary").all_inner_texts()] == [
        "Aujourd’hui",
        "À corriger",
        "Agenda",
        "Apprenants",
        "Plus",
    ]
    box = page.locator(".tabs").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] == PHONE_HEIGHT, "it stays at the bottom"
    page.locator(".tabs summary").click()
    page.locator(".tabs").get_by_role("link", name="Leçons").click()
    expect(page.locator("h1")).to_have_text("Leçons")


def test_a_copy_in_the_list_is_a_card_of_few_lines(opens: Opens) -> None:
    page = opens("/corrections")
    rows = page.locator(".table tbody tr")
    expect(rows).to_have_count(20)
    heights = rows.evaluate_all("rows => rows.map(row => row.offsetHeight)")
    assert max(heights) < 150, heights
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_message_lies_over_the_page_and_goes_unless_somebody_is_on_it(
    opens: Opens, server: LiveServer
) -> None:
    page = opens(lesson_path(server))
    page.locator("form#lesson .actions button").click()
    toast = page.locator("[data-toast]")
    expect(toast).to_have_text("C’est enregistré.")
    assert toast.evaluate("toast => getComputedStyle(toast.parentElement).position") == "fixed"
    expect(toast.locator("[data-close]")).to_be_visible()  # the script has put it there once more
    toast.hover()
    leaving = "toast => toast.getAnimations().map(each => [each.effect.getTiming().delay, each.playState])"
    assert toast.evaluate(leaving) == [[6000, "paused"]]
    page.mouse.move(5, PHONE_HEIGHT / 2)
    assert toast.evaluate(leaving) == [[6000, "running"]]
    toast.evaluate("toast => toast.getAnimations().forEach(each => each.finish())")
    expect(toast).to_have_count(0)


def test_without_script_the_message_is_a_part_of_the_page(opens: Opens, server: LiveServer) -> None:
    page = opens(lesson_path(server), scripts=False)
    page.locator("form#lesson .actions button").click()
    toast = page.locator("[data-toast]")
    expect(toast).to_have_text("C’est enregistré.")
    box, title = toast.bounding_box(), page.locator("h1").bounding_box()
    assert box is not None
    assert title is not None
    assert box["y"] + box["height"] < title["y"]
    expect(page.locator("[data-format]")).to_be_hidden()


def test_buttons_write_what_a_teacher_need_not_know(opens: Opens, server: LiveServer) -> None:
    page = opens(lesson_path(server))
    text = page.locator("#instructions")
    text.fill("Lisez bien.\npage 3\npage 4")
    text.evaluate("field => field.setSelectionRange(6, 10)")
    page.get_by_role("button", name="Gras").click()
    expect(text).to_have_value("Lisez **bien**.\npage 3\npage 4")
    text.evaluate("field => field.setSelectionRange(18, field.value.length)")
    page.get_by_role("button", name="Liste").click()
    expect(text).to_have_value("Lisez **bien**.\n- page 3\n- page 4")
    page.keyboard.press("Control+z")
    expect(text).to_have_value("Lisez **bien**.\npage 3\npage 4")
    text.fill("le bus")
    text.evaluate("field => field.select()")
    page.get_by_role("button", name="Lien").click()
    expect(text).to_have_value("[le bus](https://)")
    page.keyboard.type("https://www.letec.be")
    expect(text).to_have_value("[le bus](https://www.letec.be)")
