"""What a teacher has marked is never lost, and the page around it stays usable."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import delete
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.homework import attempts, correction, marks
from lms.domain.homework.marks import MarkContent
from lms.models import (
    Criterion,
    Mark,
    MarkCode,
    MarkKind,
)
from tests import factories
from tests.support.marking import TEXT, Desk

pytestmark = pytest.mark.journey


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


@pytest.mark.parametrize("number", [3, 4, 5])
def test_the_comment_and_the_buttons_are_in_view_with_any_criteria_and_after_a_notice(
    desk: Desk, number: int
) -> None:
    page = desk.page

    def write(session: Session) -> None:
        level = factories.level(session, "N1")
        for position in range(4, number + 1):
            session.add(
                Criterion(
                    level_id=level.id, position=position, label=f"Les liens entre les phrases {position}"
                )
            )
        attempt = attempts.queued_attempt_for(session, factories.nadia(session), desk.copy)
        feedback = correction.open_feedback(session, attempt, factories.nadia(session), returns=0, now=now())
        for each in range(30):
            content = MarkContent(
                MarkKind.PIN,
                MarkCode.ORDER,
                attempt.attachments[0].id,
                1,
                each * 300,
                each * 300,
                model="x" * 60,
            )
            marks.add_mark(
                session, attempt, feedback.id, factories.nadia(session), f"key-{each:04}", content, now=now()
            )

    desk.school.write(write)
    with page.expect_navigation():
        page.get_by_role("button", name="Enregistrer le brouillon").click()  # leaves a notice
    expect(page.locator("[data-toast]")).to_be_visible()
    expect(page.locator(".feedback-form .bands")).to_have_count(number)
    expect(page.locator("[data-list] > li")).to_have_count(30)
    for control in (
        page.locator("textarea[name=comment]"),
        page.get_by_role("button", name="À refaire"),
        page.get_by_role("button", name="Rendre la copie"),
        page.locator(".feedback-form .bands").last,
        page.locator("[data-list] > li").first,
    ):
        box = control.bounding_box()
        assert box is not None
        assert box["y"] >= 0, control
        assert box["y"] + box["height"] <= 800, control
    desk.school.write(lambda s: s.execute(delete(Criterion).where(Criterion.position > 3)))


@pytest.mark.parametrize("desk", [(1280, 800, False), (360, 740, False)], indirect=True)
def test_the_page_with_marks_has_no_barrier_that_axe_knows(desk: Desk) -> None:
    page = desk.page
    page.mouse.click(*desk.at(0.4, 0.3))
    desk.code("order").click()
    page.mouse.click(*desk.at(0.6, 0.3))
    desk.code("good").click()
    desk.saved(2)
    page.evaluate(Axe().axe_script)
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)
        found = page.evaluate("async () => (await axe.run()).violations")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


def test_with_the_keyboard_alone_a_word_of_a_text_is_chosen_and_marked(desk: Desk) -> None:
    page = desk.page
    page.evaluate("document.querySelectorAll('.easel .sheet').forEach(each => each.remove())")  # a text alone
    page.locator(".easel").focus()
    page.keyboard.press("ArrowRight")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("s")
    (mark,) = desk.saved(1)
    assert (TEXT[mark.starts : mark.ends], mark.quote, mark.code) == ("🚌 et", "🚌 et", MarkCode.ORDER)
    page.locator("[data-text] .mark").focus()
    page.keyboard.press("Delete")
    desk.saved(0)


def test_on_a_school_without_tls_a_mark_is_made_all_the_same(desk: Desk) -> None:
    """A browser makes no UUID there, as on the local network of `./dev run --phone`."""
    desk.page.add_init_script("delete Crypto.prototype.randomUUID")
    desk.open()
    assert desk.page.evaluate("crypto.randomUUID === undefined")
    desk.page.mouse.click(*desk.at(0.4, 0.45))
    desk.code("order").click()
    (mark,) = desk.saved(1)
    assert 8 <= len(mark.client_key) <= 40
