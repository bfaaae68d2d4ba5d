"""A teacher before a copy, with what a test of marking asks of the page and of the school."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Locator, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.clock import now
from lms.domain.homework import attempts, files
from lms.models import Mark, Rendition
from tests import factories
from tests.support.files import jpeg
from tests.support.school import School

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
