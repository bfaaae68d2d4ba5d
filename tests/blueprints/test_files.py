from __future__ import annotations

import io

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.homework import attempts
from lms.models import Attachment, Attempt, Rendition
from tests import factories
from tests.factories import Who
from tests.support import files
from tests.support.pages import Visitor, file
from tests.support.school import School


@pytest.fixture
def samira(school: School) -> Visitor:
    return school.visitor(school.write(factories.samira))


def keep(school: School, samira: Visitor, content: bytes, name: str, *, send: bool = True) -> Attachment:
    """Samira puts a file into a homework and perhaps sends it."""
    given = school.write(lambda s: factories.assignment(s).id)
    values = {"picture": file(content, name), "action": "send" if send else "add"}
    assert samira.submit(samira.get(f"/assignments/{given}"), values).status == 200
    school.prepare_files()
    return school.read(lambda s: s.scalars(select(Attachment)).one())


def send(session: Session) -> None:
    attempt = session.scalars(select(Attempt)).one()
    attempts.send_attempt(session, attempt, factories.assignment_of(session, attempt), now=factories.NOW)


def renditions(school: School) -> list[Rendition]:
    return list(school.read(lambda s: s.scalars(select(Rendition).order_by(Rendition.purpose)).all()))


def test_a_photo_is_delivered_upright_without_place_or_comment(school: School, samira: Visitor) -> None:
    kept = keep(school, samira, files.rotated_jpeg(), "IMG.jpg")
    for file_id in (kept.id, *(made.id for made in renditions(school))):
        answer = samira.client.get(f"/files/{file_id}", buffered=True)
        assert answer.status_code == 200
        assert answer.content_length == len(answer.data)
        picture = Image.open(io.BytesIO(answer.data))
        assert files.stands_upright(picture)
        assert not picture.getexif()
        assert "comment" not in picture.info
        assert files.COMMENT not in answer.data


def test_what_we_made_is_shown_and_everything_is_sandboxed(school: School, samira: Visitor) -> None:
    kept = keep(school, samira, files.pdf(2), "ma lettre.pdf")
    made = renditions(school)
    assert {each.purpose for each in made} == {"web", "thumb"}
    for file_id, how in ((kept.id, "attachment"), (made[0].id, "inline")):
        answer = samira.client.get(f"/files/{file_id}", buffered=True)
        assert answer.headers["Content-Disposition"].startswith(how + ";")
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert samira.client.get(f"/files/{kept.id}", buffered=True).data == files.pdf(2)


def test_a_name_in_any_script_survives_the_download(school: School, samira: Visitor) -> None:
    kept = keep(school, samira, files.docx(), 'رسالة "1".docx')
    disposition = samira.client.get(f"/files/{kept.id}", buffered=True).headers["Content-Disposition"]
    assert disposition.isascii()
    assert "%D8%B1%D8%B3%D8%A7%D9%84%D8%A9" in disposition
    assert disposition.count('"') == 2


def test_a_player_may_ask_for_a_piece_of_a_voice(school: School, samira: Visitor) -> None:
    kept = keep(school, samira, files.voice_mp3(), "voix.mp3")
    whole = samira.client.get(f"/files/{kept.id}", buffered=True)
    assert whole.mimetype == "audio/mpeg"
    assert whole.headers["Accept-Ranges"] == "bytes"
    piece = samira.client.get(f"/files/{kept.id}", headers={"Range": "bytes=100-199"}, buffered=True)
    assert piece.status_code == 206
    assert piece.data == whole.data[100:200]
    assert piece.headers["Content-Range"] == f"bytes 100-199/{len(whole.data)}"
    beyond = samira.client.get(f"/files/{kept.id}", headers={"Range": "bytes=9999999-"}, buffered=True)
    assert beyond.status_code == 416


@pytest.mark.parametrize(
    ("name", "mime", "plays"),
    [
        ("voice.webm", "audio/webm", True),
        ("voice.mp4", "audio/mp4", True),
        ("voice.ogg", "audio/ogg", True),
        ("voice.mp3", "audio/mpeg", True),
        ("voice.amr", "audio/amr", False),
        ("voice.3gp", "audio/3gpp", False),
    ],
)
def test_a_real_recording_is_played_or_offered_and_arrives_whole(
    school: School, samira: Visitor, name: str, mime: str, plays: bool
) -> None:
    given = school.write(lambda s: factories.assignment(s).id)
    values = {"voice": file(files.recording(name), "sans nom"), "action": "send"}
    page = samira.submit(samira.get(f"/assignments/{given}"), values)
    school.prepare_files()
    page = samira.get(page.url)
    kept = school.read(lambda s: s.scalars(select(Attachment)).one())
    assert [player.get("src") for player in page.root.all("audio")] == [f"/files/{kept.id}"] * plays
    assert ("Ce son ne se lit pas ici. Ouvrez-le sur votre téléphone." in page.text) is not plays
    answer = samira.client.get(f"/files/{kept.id}", buffered=True)
    assert (answer.status_code, answer.content_type) == (200, mime)
    assert answer.data == files.recording(name)


@pytest.mark.parametrize(
    ("who", "before", "after"),
    [
        (factories.samira, 200, 200),
        (lambda s: factories.learner(s, "Tesfay"), 404, 404),
        (factories.oksana, 404, 404),
        (factories.nadia, 404, 200),
        (factories.luc, 404, 200),
        (factories.claire, 404, 404),
        (factories.farid, 404, 404),
    ],
    ids=["samira", "same level", "other level", "nadia", "luc", "claire", "farid"],
)
def test_who_may_have_a_file_before_and_after_it_is_sent(
    school: School, samira: Visitor, who: Who, before: int, after: int
) -> None:
    kept = keep(school, samira, files.jpeg(), "a.jpg", send=False)
    addresses = [kept.id, *(made.id for made in renditions(school))]
    visitor = school.visitor(school.write(who))

    def statuses() -> set[int]:
        return {visitor.client.get(f"/files/{file_id}", buffered=True).status_code for file_id in addresses}

    assert statuses() == {before}
    school.write(send)
    assert statuses() == {after}


def test_a_stranger_is_asked_to_enter_and_a_missing_file_is_missing(school: School, samira: Visitor) -> None:
    kept = keep(school, samira, files.jpeg(), "a.jpg")
    answer = school.visitor().client.get(f"/files/{kept.id}")
    assert answer.status_code == 303
    assert "/card" in answer.location
    assert samira.get("/files/nothing").status == 404
    school.app.extensions["lms_store"].delete(kept.store_key)
    assert samira.get(f"/files/{kept.id}").status == 404
