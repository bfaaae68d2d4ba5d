from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lms.adapters.marked_pages import MOST_BYTES, draw_pages
from lms.adapters.store import LocalStore
from lms.domain.homework.marked_pages import MarkedPage
from tests.support import files

PIN: Any = {"kind": "pin", "code": "agreement", "x": 5000, "y": 5000, "note": ""}
LETTERS = {"agreement": "A"}


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def page(store: LocalStore, content: bytes, turns: int = 0, number: int = 1) -> MarkedPage:
    return MarkedPage(store.put(io.BytesIO(content), suffix=".jpg"), turns, number, [PIN])


def test_a_page_is_drawn_in_a_child_process_turned_and_small(store: LocalStore, tmp_path: Path) -> None:
    (made,) = draw_pages(store, tmp_path / "work", [page(store, files.jpeg(900, 1200), turns=1)], LETTERS)
    picture = Image.open(io.BytesIO(made.content))
    assert picture.size == (made.width, made.height) == (800, 600)
    assert len(made.content) < MOST_BYTES
    assert list((tmp_path / "work").iterdir()) == [], "the folder of the child is gone"


def test_a_page_full_of_details_gets_smaller_and_a_second_one_what_is_left(
    store: LocalStore, tmp_path: Path
) -> None:
    noisy = files.saved(files.noise(1000, 1280), "JPEG", quality=80)
    pages = [page(store, noisy), page(store, files.jpeg(), number=2)]
    made = draw_pages(store, tmp_path, pages, LETTERS)
    assert made
    assert sum(len(picture.content) for picture in made) <= MOST_BYTES


@pytest.mark.parametrize("content", [b"no picture", files.truncated_jpeg()])
def test_a_page_that_cannot_be_drawn_is_left_out_and_the_log_says_so(
    store: LocalStore, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    lost = MarkedPage("a" * 26 + ".jpg", 0, 1, [PIN])
    whole = page(store, files.jpeg(), number=3)
    made = draw_pages(store, tmp_path, [page(store, content), lost, whole], LETTERS)
    assert [picture.name for picture in made] == ["page-3"]
    assert "UnknownKey" in caplog.text
