from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from lms.models import Attachment, Attempt, Rendition, Submission
from tests import files, make
from tests.house import House
from tests.pages import Page, Visitor, file


@pytest.fixture
def given(house: House) -> str:
    """The id of an assignment of Samira's level that takes everything."""
    return house.write(lambda s: (make.criteria(s), make.samira(s), make.assignment(s).id)[-1])


@pytest.fixture
def samira(house: House, given: str) -> Visitor:
    return house.visitor(house.write(make.samira))


def stored_keys(house: House) -> set[str]:
    return {key for key, _ in house.app.extensions["lms_store"].keys()}


def known_keys(house: House) -> set[str]:
    columns = (Attachment.store_key, Rendition.store_key)
    return {key for column in columns for key in house.read(lambda s, c=column: s.scalars(select(c)).all())}


def attempts(house: House) -> list[Attempt]:
    return list(house.read(lambda s: s.scalars(select(Attempt).order_by(Attempt.number)).all()))


def put(samira: Visitor, given: str, *more: tuple[object, str], action: str = "add", **values: object) -> Page:
    page = samira.get(f"/assignments/{given}")
    return samira.submit(
        page, {"picture": list(more), "action": action, **values}, action=f"/assignments/{given}"
    )


def test_a_rotated_photo_and_an_iphone_photo_are_sent_and_the_receipt_shows_them(
    house: House, samira: Visitor, given: str
) -> None:
    page = put(
        samira,
        given,
        file(files.rotated_jpeg(), "IMG_1.jpg"),
        file(files.heic(), "IMG_2.HEIC"),
        action="send",
        text="Bonjour Nadia",
    )
    assert page.status == 200 and "/submissions/" in page.url
    assert "C’est envoyé." in page.text and "Nadia va répondre." in page.text and "Bonjour Nadia" in page.text
    pictures = [image.get("src") for image in page.root.all("img")]
    assert len(pictures) == 2
    for address in pictures:
        answer = samira.client.get(address, buffered=True)
        assert answer.status_code == 200 and answer.mimetype == "image/jpeg"
    assert stored_keys(house) == known_keys(house)
