"""A teacher marks a copy: with the mouse, with a finger, with the keyboard alone, and without a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.adapters.store import LocalStore
from lms.clock import now
from lms.domain.homework import attempts, files
from lms.domain.people import logins
from lms.models import Attempt, LoginKind, Mark, MarkCode, MarkKind, Rendition
from tests import factories
from tests.support.files import jpeg
from tests.support.live_server import LiveServer
from tests.support.school import School

pytestmark = pytest.mark.journey

TEXT = "Je prend le bus 🚌 et je mange."
SIDES = (600, 800)


def near(found: tuple[float, float], asked: tuple[float, float]) -> bool:
    return math.dist(found, asked) <= 2


@dataclass
class Desk:
    """Nadia before a copy with a photo of 600 x 800 and a text."""

    page: Page
    context: BrowserContext
    school: School
    copy: str

    @property
    def paper(self) -> Locator:
        return self.page.locator(".easel .page-box").first

    def open(self) -> None:
        self.page.goto(f"/corrections/{self.copy}")
        expect(self.page.locator("[data-palette]")).to_be_visible()
        self.page.wait_for_function("document.querySelector('.easel img, .easel image') !== null")

    def code(self, name: str) -> Locator:
        return self.page.locator(f"[data-palette] .code[data-code={name}]")

    def act(self, name: str) -> Locator:
        return self.page.locator(f"[data-palette] [data-act={name}]")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a part of the page as it is shown lies on the screen."""
        self.paper.evaluate(
            """(one, y) => {
          const box = one.getBoundingClientRect();
          window.scrollBy(0, box.top + box.height * y - innerHeight / 2);
        }""",
            y,
        )
        box = self.paper.bounding_box()
        assert box is not None
        return box["x"] + box["width"] * x, box["y"] + box["height"] * y

    def lies_at(self, mark: Locator, x: float, y: float) -> bool:
        """Return whether the middle of a mark is within two pixels of a part of the page as it is shown."""
        asked = self.at(x, y)
        return near(self.middle_of(mark), asked)

    def middle_of(self, mark: Locator) -> tuple[float, float]:
        box = mark.locator(".mark-pin path").bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def saved(self, number: int) -> list[Mark]:
        """Wait until the server has so many marks, and return them in the order in which they were made."""
        for _ in range(100):
            found = self.marks()
            if len(found) == number:
                return found
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{len(self.marks())} marks instead of {number}")

    def until(self, true: Callable[[Mark], bool]) -> Mark:
        """Wait until it is true of a mark that the server has, and return the mark."""
        for _ in range(100):
            for mark in self.marks():
                if true(mark):
                    return mark
            self.page.wait_for_timeout(50)
        raise AssertionError("it never became true")

    def marks(self) -> list[Mark]:
        asked = select(Mark).where(Mark.removed_at.is_(None)).order_by(Mark.created_at, Mark.id)
        return self.school.read(lambda s: list(s.scalars(asked)))


def sent_copy(session: Session, store: LocalStore) -> str:
    work = factories.assignment(session)
    draft = factories.drafted(session, factories.samira(session), work, TEXT)
    stored = factories.stored(store, jpeg(*SIDES))
    files.add_file(session, draft, work, stored, now=now())
    attempts.send_attempt(session, draft, work, now=now())
    for made in session.scalars(select(Rendition)):
        made.width, made.height = SIDES
    return draft.id


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("marking"), template) as running:
        yield running


@pytest.fixture
def desk(request: pytest.FixtureRequest, browser: Browser, server: LiveServer) -> Iterator[Desk]:
    width, height, touch = getattr(request, "param", (1280, 800, False))
    school = server.school()
    store = LocalStore(school.settings.uploads / "store")
    school.write(lambda s: s.execute(delete(Mark)))

    copy = school.read(lambda s: s.scalars(select(Attempt.id)).first())
    if copy is None:
        copy = school.write(lambda s: (factories.criteria(s), sent_copy(s, store))[1])
    school.write(lambda s: s.execute(update(Rendition).values(turns=0)))
    token = school.write(lambda s: logins.open_login(s, factories.nadia(s), LoginKind.STAFF, now=now()))
    base = server.url.replace("127.0.0.1", "localhost")
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=touch, locale="fr", base_url=base
    )
    context.add_cookies([{"name": cookie_name(school.settings, "session"), "value": token, "url": base}])
    found = Desk(context.new_page(), context, school, copy)
    found.page.set_default_timeout(8000)
    found.open()
    yield found
    context.close()
    school.close()


@pytest.mark.parametrize("desk", [(1280, 800, False), (360, 740, False)], indirect=True)
def test_a_mark_lies_where_it_was_pointed_at_also_after_turns_and_zoom(desk: Desk) -> None:
    spot = desk.at(0.3, 0.2)
    desk.page.mouse.move(*spot)
    desk.page.evaluate("document.querySelector('.easel').focus({preventScroll: true})")
    desk.page.keyboard.press("c")
    mark = desk.page.locator(".easel .mark").first
    assert near(desk.middle_of(mark), spot)
    (stored,) = desk.saved(1)
    assert (stored.kind, stored.code) == (MarkKind.PIN, MarkCode.CONJUGATION)
    assert [stored.x, stored.y] == pytest.approx([3000, 2000], abs=40)
    for number, place in enumerate([(0.8, 0.3), (0.7, 0.8), (0.2, 0.7), (0.3, 0.2)], 1):
        with desk.page.expect_response("**/turn"):
            desk.act("turn").click()
        expect(desk.page.locator(f"[data-marks][data-turns='{number % 4}']")).to_have_count(1)
        assert desk.lies_at(mark, *place), f"after {number} turns"
    desk.act("larger").click()
    assert desk.lies_at(mark, 0.3, 0.2)
    # On the larger, turned page too.
    with desk.page.expect_response("**/turn"):
        desk.act("turn").click()
    desk.page.mouse.click(*desk.at(0.4, 0.45))
    desk.code("order").click()
    assert desk.lies_at(desk.page.locator(".easel .mark").nth(1), 0.4, 0.45)
    desk.saved(2)
    for _ in range(3):
        with desk.page.expect_response("**/turn"):
            desk.act("turn").click()
    desk.open()
    expect(desk.page.locator(".easel .mark")).to_have_count(2)
    assert desk.lies_at(desk.page.locator(".easel .mark").first, 0.3, 0.2)


def test_a_circle_of_the_pen_stays_a_circle_of_few_points(desk: Desk) -> None:
    assert desk.paper.evaluate("one => getComputedStyle(one).touchAction") == "auto"
    desk.act("pen").click()
    assert desk.paper.evaluate("one => getComputedStyle(one).touchAction") == "pinch-zoom"
    x, y = desk.at(0.5, 0.3)
    desk.page.mouse.move(x + 60, y)
    desk.page.mouse.down()
    for step in range(1, 73):
        desk.page.mouse.move(x + 60 * math.cos(step * math.pi / 36), y + 60 * math.sin(step * math.pi / 36))
    desk.page.mouse.up()
    (stroke,) = desk.saved(1)
    points = stroke.points or []
    assert stroke.kind == MarkKind.PEN
    assert 8 <= len(points) <= 40
    across = [point[0] for point in points]
    box = desk.paper.bounding_box()
    assert box is not None
    assert (max(across) - min(across)) * box["width"] / 10_000 == pytest.approx(120, abs=3)
    # Each of the other tools draws from where the pointer went down to where it came up.
    for tool in ("arrow", "highlight"):
        desk.act(tool).click()
        desk.page.mouse.move(*desk.at(0.5, 0.2))
        desk.page.mouse.down()
        desk.page.mouse.move(*desk.at(0.3, 0.3), steps=4)
        desk.page.mouse.up()
    desk.act("text").click()
    desk.page.mouse.click(*desk.at(0.2, 0.35))
    desk.page.keyboard.type("Attention au pluriel")
    kinds = {mark.kind: mark for mark in desk.saved(4)}
    arrow, area = kinds[MarkKind.ARROW], kinds[MarkKind.HIGHLIGHT]
    assert [arrow.w, arrow.h] == pytest.approx([-2000, 1000], abs=40)
    assert [area.x, area.w] == pytest.approx([3000, 2000], abs=40)
    assert kinds[MarkKind.TEXT].note.startswith("A")
    expect(desk.page.locator(".marks .text")).to_contain_text("Attention au pluriel")
    # A line is moved as a pin is.
    desk.act("text").click()
    desk.page.locator(".marks .pen").focus()
    desk.page.keyboard.press("Shift+ArrowRight")
    moved = desk.until(lambda mark: mark.kind == MarkKind.PEN and mark.x == (stroke.x or 0) + 500)
    assert (moved.points or [])[0][0] == points[0][0] + 500


def test_marks_are_placed_moved_undone_and_removed_with_the_keyboard_alone(desk: Desk) -> None:
    page = desk.page
    expect(page.locator(".feedback-form .bands input").first).to_be_focused()
    page.keyboard.press("2")
    page.keyboard.press("0")
    page.keyboard.press("3")
    expect(page.locator("textarea[name=comment]")).to_be_focused()
    chosen = page.locator(".feedback-form .bands input:checked")
    assert chosen.evaluate_all("all => all.map(each => each.value)") == ["2", "0", "3"]
    page.keyboard.type("o")
    page.locator(".easel").focus()
    page.keyboard.press("ArrowRight")  # the cursor, in the middle
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("r")
    (pin,) = desk.saved(1)
    assert (pin.code, pin.x, pin.y) == (MarkCode.PREPOSITION, 5500, 4900)
    page.keyboard.press("b")
    desk.saved(2)
    page.locator(".marks .mark").first.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".marks .mark").first).to_be_focused()
    page.keyboard.press("Delete")
    (kept,) = desk.saved(1)
    assert kept.code == MarkCode.GOOD
    page.keyboard.press("Control+z")
    assert desk.saved(2)[0].x == 5300, "it is where it was moved to"
    page.keyboard.press("Control+z")
    expect(page.locator(".marks .at").first).to_have_attribute("x", "55%")
    page.keyboard.press("Control+y")
    page.keyboard.press("Control+y")
    desk.saved(1)


def test_the_letters_are_silent_where_they_are_switched_off_or_the_copy_has_no_focus(desk: Desk) -> None:
    desk.page.mouse.move(*desk.at(0.3, 0.2))
    desk.page.keyboard.press("o")  # the focus is in the feedback
    desk.page.locator(".easel").evaluate("one => one.removeAttribute('data-letters')")
    desk.page.locator(".easel").focus()
    desk.page.keyboard.press("o")
    expect(desk.page.locator(".easel .mark")).to_have_count(0)


@pytest.mark.parametrize("desk", [(360, 740, True)], indirect=True)
def test_a_finger_taps_the_spot_and_then_the_code_or_the_other_way_round(desk: Desk) -> None:
    page = desk.page
    page.touchscreen.tap(*desk.at(0.4, 0.35))
    expect(page.locator(".marks .cursor")).to_have_count(1)
    desk.code("spelling").tap()
    expect(page.locator(".marks .cursor")).to_have_count(0)
    desk.code("good").tap()
    page.touchscreen.tap(*desk.at(0.7, 0.45))
    first, second = desk.saved(2)
    assert (first.code, second.code) == (MarkCode.SPELLING, MarkCode.GOOD)
    assert [first.x, second.x] == pytest.approx([4000, 7000], abs=60)
    page.locator("[data-list] [data-remove]").first.tap()
    desk.saved(1)


def test_words_of_the_text_are_marked_with_how_they_are_right(desk: Desk) -> None:
    page = desk.page
    page.locator("[data-text]").scroll_into_view_if_needed()
    page.evaluate("""() => {
      const node = document.querySelector('.easel [data-text]').firstChild;
      const at = node.data.indexOf('mange');
      getSelection().setBaseAndExtent(node, at, node, at + 6);
    }""")
    desk.code("conjugation").click()
    expect(page.locator("[data-text] mark")).to_have_text("mange.")
    page.locator("[data-list] .model").fill("mangeais")
    page.locator(".easel").focus()
    page.keyboard.press("c")
    word = desk.until(lambda mark: mark.model != "")
    assert (TEXT[word.starts : word.ends], word.quote, word.model) == ("mange.", "mange.", "mangeais")


def test_without_a_network_a_mark_stays_and_is_sent_later(desk: Desk) -> None:
    page = desk.page
    desk.context.set_offline(True)
    page.mouse.click(*desk.at(0.4, 0.2))
    desk.code("missing").click()
    page.locator("[data-list] .model").fill("ne … pas")
    expect(page.locator("[data-list] .told")).to_contain_text("Pas encore enregistré")
    expect(page.locator(".marks .mark")).to_have_count(1)
    page.locator("textarea[name=comment]").fill("Bravo")
    page.locator("[data-return]").click()
    expect(page.locator("[data-kept]")).to_contain_text("Attendez")
    assert desk.marks() == []
    desk.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    mark = desk.until(lambda mark: mark.model != "")
    assert (mark.code, mark.model) == (MarkCode.MISSING, "ne … pas")
    expect(page.locator("[data-list] .told")).to_be_empty()


def test_who_changes_what_a_colleague_has_changed_sees_both(desk: Desk) -> None:
    page = desk.page
    page.mouse.click(*desk.at(0.4, 0.2))
    desk.code("word").click()
    (mark,) = desk.saved(1)

    def change(session: Session) -> None:
        stored = session.get_one(Mark, mark.id)
        stored.model, stored.version = "le métro", stored.version + 1

    desk.school.write(change)
    page.locator("[data-list] .model").fill("le tram")
    told = page.locator("[data-list] .told")
    expect(told).to_contain_text("le métro")
    expect(page.locator("[data-list] .model")).to_have_value("le tram")
    told.get_by_role("button", name="Garder ma marque").click()
    desk.until(lambda mark: mark.model == "le tram")
