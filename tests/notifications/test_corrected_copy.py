"""The mail about a corrected copy: its pictures, its size, its words, and the way in without a login."""

from __future__ import annotations

import email.policy
import re
from collections.abc import Sequence
from email.message import EmailMessage
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.homework.marks import MarkContent
from lms.models import MarkCode, MarkKind, OutboxItem
from tests import factories
from tests.support import files
from tests.support.narrow import of_type, present
from tests.support.school import School

MOST = 150_000


def mail_about(
    school: School, *, level: str = "N1", language: str = "ar", photos: Sequence[bytes] = (), **more: Any
) -> tuple[EmailMessage, bytes, str]:
    """Return the mail about a corrected copy, its bytes and the token in it."""

    def write(session: Session) -> str:
        learner = factories.learner(
            session, "Diego", level_code=level, language=language, email="diego@learners.example.be"
        )
        work = factories.assignment(session, factories.lesson(session, level_code=level))
        store = school.app.extensions["lms_store"]
        factories.corrected(session, learner, work, store, photos=photos, now=now(), **more)
        return present(session.scalars(select(OutboxItem.secret)).one())

    token = school.write(write)
    assert school.deliver() == 1
    (file,) = (school.settings.instance / "mail").glob("*.eml")
    content = file.read_bytes()
    message = email.message_from_bytes(content, policy=email.policy.default)
    return of_type(EmailMessage, message), content, token


def body(message: EmailMessage, kind: str) -> str:
    return str(present(message.get_body((kind,))).get_content())


def pictures(message: EmailMessage) -> list[Image.Image]:
    found = [part for part in message.walk() if part.get_content_type() == "image/jpeg"]
    return [Image.open(BytesIO(of_type(bytes, part.get_payload(decode=True)))) for part in found]


@pytest.mark.own_school
def test_the_mail_shows_the_marked_page_and_stays_below_150_kilobytes(school: School) -> None:
    message, content, token = mail_about(school, photos=[files.jpeg(900, 1200)], turns=1)
    assert len(content) <= MOST
    (picture,) = pictures(message)
    assert picture.size == (800, 600), "as the page was turned"
    html, text = body(message, "html"), body(message, "plain")
    assert html.count("cid:page-1") == 1
    assert re.search(r'<img src="cid:page-1"[^>]*alt="Votre copie avec les marques, page 1[^"]+"', html)
    for words in (html, text):
        assert words.count("les mots") == 2, "in both languages"
        assert f"http://localhost/r/{token}" in words
        assert "Conjugaison" in words
    assert "- \n" not in text, "a line without words is no line of the list"


@pytest.mark.own_school
def test_a_second_page_comes_along_where_it_fits_and_never_makes_the_mail_too_large(school: School) -> None:
    noisy = files.saved(files.noise(1000, 1280), "JPEG", quality=80)
    message, content, _ = mail_about(school, photos=[noisy, files.jpeg(900, 1200)])
    assert len(content) <= MOST
    assert 1 <= len(pictures(message)) <= 2
    assert body(message, "html").count('src="cid:') == len(pictures(message))


@pytest.mark.own_school
def test_a_mail_with_very_many_words_goes_without_the_picture(school: School) -> None:
    long = [
        MarkContent(MarkKind.RANGE, MarkCode.WORD, quote=f"{number} {'mot ' * 60}", model="mieux " * 40)
        for number in range(60)
    ]
    message, content, _ = mail_about(school, photos=[files.jpeg(900, 1200)], more=long)
    assert pictures(message) == []
    assert "cid:" not in body(message, "html")
    assert "les mots" in body(message, "plain")
    assert content


@pytest.mark.own_school
def test_a_picture_that_is_lost_stops_no_mail(school: School) -> None:
    message, _, _ = mail_about(school, photos=[files.jpeg()[:500] + b"\0" * 400 + files.jpeg()[-50:]])
    assert pictures(message) == []
    assert "Bravo, le message est clair." in body(message, "plain")


@pytest.mark.own_school
@pytest.mark.parametrize(("shows_answers", "times"), [(False, 0), (True, 1)])
def test_at_the_third_level_the_mail_hides_the_answers_as_the_page_does(
    school: School, shows_answers: bool, times: int
) -> None:
    message, _, _ = mail_about(school, level="N3", language="fr", shows_answers=shows_answers)
    assert body(message, "plain").count("→ les mots") == times
    assert body(message, "html").count("<b>les mots</b>") == times
    assert "« les mot »" in body(message, "plain")
