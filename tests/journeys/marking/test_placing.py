"""Marks are put in their place: with the mouse, with a finger, with the keyboard alone."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.clock import now
from lms.models import (
    Attachment,
    FileKind,
    FileState,
    Mark,
    MarkCode,
    MarkKind,
)
from tests.support.marking import Desk, near

pytestmark = pytest.mark.journey


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
    desk.until(lambda mark: mark.x == 5300)  # it is where it was moved to
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
    places = {mark.code: mark.x for mark in desk.saved(2)}
    assert places == {
        MarkCode.SPELLING: pytest.approx(4000, abs=60),
        MarkCode.GOOD: pytest.approx(7000, abs=60),
    }
    page.locator("[data-list] [data-remove]").first.tap()
    desk.saved(1)


def test_a_moment_of_a_voice_is_marked_and_found_again(desk: Desk) -> None:
    page = desk.page
    store = LocalStore(desk.school.settings.uploads)
    voice = (Path(__file__).parents[2] / "fixtures/voices/voice.ogg").read_bytes()

    def write(session: Session) -> str:
        kept = store.put(BytesIO(voice), suffix=".ogg")
        attached = Attachment(
            attempt_id=desk.copy,
            position=2,
            kind=FileKind.VOICE,
            state=FileState.READY,
            shown_name="voix.ogg",
            store_key=kept,
            mime="audio/ogg",
            size=len(voice),
            sha256=store.digest(kept),
            created_at=now(),
        )
        session.add(attached)
        session.flush()
        return attached.id

    attachment_id = desk.school.write(write)
    desk.open()
    sound = page.locator(f"[data-voice='{attachment_id}'] audio")
    sound.evaluate("""one => new Promise((done, fail) => {
      setTimeout(() => fail(one.error?.message ?? one.readyState), 6000);
      one.onloadedmetadata = () => { one.currentTime = 1.2; };
      one.onseeked = done;
      one.preload = "auto";
      one.load();
    }).then(() => true)""")
    desk.code("conjugation").click()
    page.get_by_role("button", name="Marquer ce moment").click()
    (moment,) = desk.saved(1)
    assert (moment.kind, moment.code, moment.starts) == (MarkKind.MOMENT, MarkCode.CONJUGATION, 1)
    sound.evaluate("one => { one.currentTime = 0; }")
    page.locator("[data-list] .seek").click()
    expect(page.locator("[data-list] .seek")).to_have_text("0:01")
    assert sound.evaluate("one => one.currentTime") >= 1
    desk.school.write(
        lambda s: (
            s.execute(delete(Mark)),
            s.execute(delete(Attachment).where(Attachment.id == attachment_id)),
        )
    )
