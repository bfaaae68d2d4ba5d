"""Files in pieces: each answer of the protocol by a raw request, and what becomes of the file."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.homework import attempts
from lms.domain.homework.files import MAX_FILES, receive_file
from lms.models import Attachment, FileState, LoginSession, Upload
from lms.refusal_codes import RefusalCode
from lms.web.sending import browser_key
from lms.web.upload_slots import CROWDED
from tests import factories
from tests.support import files
from tests.support.school import School
from tests.support.tus import PIECE, VERSION, TusClient, checksum, metadata, partials

PHOTO = files.jpeg()


@pytest.fixture
def assignment(school: School) -> str:
    return school.write(lambda s: factories.assignment(s).id)


@pytest.fixture
def phone(school: School, assignment: str) -> TusClient:
    """The phone of Samira."""
    return TusClient(school.visitor(school.write(lambda s: factories.samira(s).id)).client, assignment)


def attachments(school: School) -> list[Attachment]:
    return list(school.read(lambda s: s.scalars(select(Attachment).order_by(Attachment.position)).all()))


def the_id(place: str) -> str:
    return place.rpartition("/")[2]


def test_a_client_learns_what_the_server_can(phone: TusClient) -> None:
    answer = phone.client.options("/uploads")
    assert answer.status_code == 204
    told = {name: value for name, value in answer.headers.items() if name.startswith("Tus-")}
    assert told == {
        "Tus-Resumable": "1.0.0",
        "Tus-Version": "1.0.0",
        "Tus-Extension": "creation,termination,expiration,checksum",
        "Tus-Max-Size": str(25 << 20),
        "Tus-Checksum-Algorithm": "sha1,sha256",
    }


def test_a_photo_in_pieces_is_in_the_draft_as_any_other(school: School, phone: TusClient) -> None:
    answer = phone.begin(len(PHOTO))
    place = answer.headers["Location"]
    assert answer.status_code == 201
    assert place.startswith("/uploads/")
    assert "Upload-Expires" in answer.headers
    half = len(PHOTO) // 2
    first = phone.add(place, 0, PHOTO[:half], Upload_Checksum=checksum(PHOTO[:half], "sha256"))
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, str(half))
    asked = phone.ask(place)
    assert (asked.status_code, asked.headers["Upload-Offset"]) == (200, str(half))
    assert asked.headers["Upload-Length"] == str(len(PHOTO))
    assert asked.headers["Cache-Control"] == "private, no-store"
    told = metadata(assignment=phone.assignment, key="k1", kind="photo", name="IMG_1.jpg")
    assert asked.headers["Upload-Metadata"] == told
    assert attachments(school) == []
    last = phone.add(place, half, PHOTO[half:], Upload_Checksum=checksum(PHOTO[half:]))
    assert (last.status_code, last.headers["Upload-Offset"], last.data) == (204, str(len(PHOTO)), b"")
    (file,) = attachments(school)
    assert (file.state, file.size) == (FileState.RECEIVED, len(PHOTO))
    assert school.prepare_files() == 1
    assert attachments(school)[0].is_ready
    assert not list(partials(school).root.iterdir()), "nothing of it stays behind"
    assert "IMG_1.jpg" in phone.client.get(f"/assignments/{phone.assignment}").text


def test_the_same_key_is_the_same_upload_also_when_it_has_ended(school: School, phone: TusClient) -> None:
    place = phone.begun(len(PHOTO))
    assert phone.begun(len(PHOTO)) == place, "a double tap"
    phone.add(place, 0, PHOTO)
    assert phone.begun(len(PHOTO)) == place, "a phone whose last answer was lost"
    assert phone.offset(place) == len(PHOTO)
    assert phone.add(place, len(PHOTO), b"").status_code == 204
    assert len(attachments(school)) == 1
    assert not list(partials(school).root.iterdir())


def test_a_client_of_another_version_is_told_which_one_this_is(phone: TusClient) -> None:
    place = phone.begun(10)
    for method in ("post", "head", "patch", "delete"):
        ask = getattr(phone.client, method)
        for version in ({}, {"Tus-Resumable": "0.2.2"}):
            answer = ask("/uploads" if method == "post" else place, headers=version)
            assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")


def test_a_piece_at_another_place_is_refused_and_nothing_changes(phone: TusClient) -> None:
    place = phone.begun(10)
    phone.add(place, 0, b"abc")
    for offset in (0, 2, 4):
        answer = phone.add(place, offset, b"xyz")
        assert (answer.status_code, answer.headers["Upload-Offset"], answer.data) == (409, "3", b"")
    assert phone.offset(place) == 3


def test_a_piece_of_another_type_is_refused(phone: TusClient) -> None:
    place = phone.begun(10)
    assert phone.add(place, 0, b"abc", Content_Type="application/octet-stream").status_code == 415
    assert phone.offset(place) == 0


def test_a_damaged_piece_is_refused_and_sent_again(phone: TusClient) -> None:
    place = phone.begun(10)
    answer = phone.add(place, 0, b"abc", Upload_Checksum=checksum(b"abd"))
    assert answer.status == "460 Checksum Mismatch"
    assert answer.text == "Un morceau est arrivé abîmé. Il part encore une fois."
    assert phone.offset(place) == 0
    assert phone.add(place, 0, b"abc", Upload_Checksum=checksum(b"abc")).status_code == 204


def test_more_bytes_than_announced_are_refused(phone: TusClient) -> None:
    place = phone.begun(10)
    phone.add(place, 0, b"abc")
    answer = phone.add(place, 3, b"12345678")
    assert answer.status_code == 413
    assert answer.text == "Ce fichier a changé pendant l’envoi. Ajoutez-le encore une fois."
    assert phone.offset(place) == 3


def test_the_page_of_one_person_sends_nothing_as_another(school: School, phone: TusClient) -> None:
    """Two learners share a phone: a page of the first is still open when the second has logged in."""
    people = [school.read(factories.samira), school.write(lambda s: factories.learner(s, "Yusuf"))]
    with school.app.app_context():
        own, other = (browser_key(person) for person in people)
    place, told = phone.begun(10), metadata(assignment=phone.assignment, key="k2", kind="photo", name="x.jpg")
    began = {**VERSION, "Upload-Length": "10", "Upload-Metadata": told, "X-Person": other}
    assert phone.client.post("/uploads", headers=began).status_code == 401
    assert phone.client.delete(place, headers={**VERSION, "X-Person": other}).status_code == 401
    assert phone.add(place, 0, b"abc", X_Person=other).status_code == 401
    assert phone.offset(place) == 0
    assert phone.add(place, 0, b"abc", X_Person=own).status_code == 204


@pytest.mark.parametrize("method", ["head", "patch", "delete"])
def test_a_strangers_upload_is_as_unknown_as_none(school: School, phone: TusClient, method: str) -> None:
    place = phone.begun(10)
    yusuf = school.visitor(school.write(lambda s: factories.learner(s, "Yusuf").id)).client
    headers = {**VERSION, "Upload-Offset": "0", "Content-Type": PIECE}
    answers = [getattr(yusuf, method)(each, headers=headers) for each in (place, "/uploads/aaaaaaaaaaaaaa")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].data == answers[1].data
    assert phone.offset(place) == 0


def test_after_seven_days_it_is_over_and_the_night_deletes_it(school: School, phone: TusClient) -> None:
    place = phone.begun(10)
    phone.add(place, 0, b"abc")
    school.write(lambda s: s.execute(update(Upload).values(expires_at=now() - timedelta(seconds=1))))
    assert phone.ask(place).status_code == 410
    answer = phone.add(place, 3, b"def")
    assert answer.status_code == 410
    assert answer.text == "Cet envoi est trop ancien. Ajoutez le fichier encore une fois."
    school.app.extensions["lms_jobs"].every_night()
    assert not list(partials(school).root.iterdir())
    assert phone.ask(place).status_code == 404


def test_who_gives_up_leaves_nothing(school: School, phone: TusClient) -> None:
    place = phone.begun(10)
    phone.add(place, 0, b"abc")
    assert phone.client.delete(place, headers=VERSION).status_code == 204
    assert phone.ask(place).status_code == 404
    assert not list(partials(school).root.iterdir())


def test_while_another_tab_sends_a_piece_this_one_waits(school: School, phone: TusClient) -> None:
    place = phone.begun(10)
    with partials(school).locked(the_id(place)):
        answer = phone.add(place, 0, b"abc")
        assert answer.status_code == 423
        assert "dans une autre page" in answer.text
        assert phone.client.delete(place, headers=VERSION).status_code == 423
        assert phone.offset(place) == 0
    assert phone.add(place, 0, b"abc").status_code == 204


def test_after_the_login_has_ended_the_answer_is_401_and_no_page(school: School, phone: TusClient) -> None:
    place = phone.begun(10)
    school.write(lambda s: s.execute(update(LoginSession).values(expires_at=now())))
    answers = [phone.client.options("/uploads"), phone.begin(10), phone.ask(place), phone.add(place, 0, b"a")]
    answers.append(phone.client.delete(place, headers=VERSION))
    assert [answer.status_code for answer in answers] == [401] * 5
    assert answers[1].text == "Votre connexion est terminée. Entrez encore."
    assert answers[1].mimetype == "text/plain"
    assert not any("Location" in answer.headers for answer in answers)


def test_another_site_cannot_send_anything(phone: TusClient) -> None:
    place = phone.begun(10)
    answer = phone.add(place, 0, b"abc", Sec_Fetch_Site="cross-site")
    assert (answer.status_code, answer.mimetype) == (403, "text/plain")
    assert phone.offset(place) == 0
    asked = phone.client.options("/uploads", headers={"Origin": "https://evil.example"})
    assert not any(name.startswith("Access-Control") for name in asked.headers.keys())  # noqa: SIM118


def test_only_learners_send_homework(school: School) -> None:
    teacher = school.visitor(school.write(lambda s: factories.nadia(s).id)).client
    assert teacher.post("/uploads", headers=VERSION).status_code == 404
    assert teacher.options("/uploads").status_code == 404


Disk = namedtuple("Disk", "total used free")


@pytest.fixture
def nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Disk(100, 98, 2))


def test_below_the_floor_of_free_space_nothing_begins_and_nothing_grows(
    phone: TusClient, request: pytest.FixtureRequest
) -> None:
    place = phone.begun(10)
    request.getfixturevalue("nearly_full")
    for answer in (phone.begin(10, "k2"), phone.add(place, 0, b"abc")):
        assert (answer.status_code, answer.mimetype) == (507, "text/plain")
    assert phone.add(place, 0, b"ab").status_code == 204, "two bytes have room"


@pytest.mark.parametrize(
    ("length", "more", "status", "said"),
    [
        ((25 << 20) + 1, {}, 413, "Ce fichier est trop lourd. Prenez une autre photo."),
        (0, {}, 422, "Ce fichier est vide. Prenez la photo encore une fois."),
        (10, {"kind": "film"}, 422, "Nous ne lisons pas ce fichier."),
        (10, {"assignment": "aaaaaaaaaaaaaa"}, 422, "Cet envoi n’existe pas."),
        (10, {"key": ""}, 400, ""),
        (10, {"key": "k" * 65}, 400, ""),
        (10, {"name": "a\0b"}, 400, ""),
        ("many", {}, 400, ""),
        ("-1", {}, 400, ""),
        ("9" * 30, {}, 400, ""),
    ],
)
def test_what_length_and_metadata_show_is_refused_at_once(
    school: School, phone: TusClient, length: int | str, more: dict[str, str], status: int, said: str
) -> None:
    answer = phone.begin(length, **more)
    assert answer.status_code == status
    assert answer.text.startswith(said)
    assert (answer.text == "") == (said == "")
    assert not list(partials(school).root.glob("*"))
    assert school.read(lambda s: s.scalars(select(Upload.id)).all()) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Metadata": "assignment !!!"},
        {"Upload-Metadata": "key aw==,key aw=="},
        {"Upload-Metadata": "key /w=="},
        {"Upload-Defer-Length": "1"},
    ],
)
def test_malformed_headers_are_told_from_wrong_ones(phone: TusClient, headers: dict[str, str]) -> None:
    given = {**VERSION, **({} if "Upload-Defer-Length" in headers else {"Upload-Length": "1"}), **headers}
    assert phone.client.post("/uploads", headers=given).status_code == 400
    place = phone.begun(10)
    for name, value in (
        ("Upload-Offset", "x"),
        ("Upload-Checksum", "md5 aaaa"),
        ("Upload-Checksum", "sha1 !"),
    ):
        assert phone.add(place, 0, b"abc", **{name.replace("-", "_"): value}).status_code == 400


def test_the_eleventh_file_and_the_seventh_upload_are_refused(school: School, phone: TusClient) -> None:
    places = [phone.begun(1, f"k{number}") for number in range(6)]
    answer = phone.begin(1, "k6")
    assert (answer.status_code, answer.text[:28]) == (422, "Des fichiers arrivent déjà. ")
    for number in range(MAX_FILES):
        phone.add(places[number] if number < 6 else phone.begun(1, f"k{number}"), 0, b"%d" % number)
    answer = phone.begin(1, "k10")
    assert (answer.status_code, answer.text[:32]) == (422, "Vous pouvez envoyer 10 fichiers.")
    assert [file.position for file in attachments(school)] == list(range(1, 11)), "in the order of arrival"


def test_a_seventh_upload_takes_the_place_of_one_that_was_left_alone(
    school: School, phone: TusClient
) -> None:
    places = [phone.begun(5, f"k{number}") for number in range(6)]
    moment = (now() - timedelta(hours=2)).timestamp()
    os.utime(partials(school).root / the_id(places[2]), (moment, moment))
    assert phone.begin(5, "k6").status_code == 201
    assert [phone.ask(place).status_code for place in places] == [200, 200, 404, 200, 200, 200]
    assert phone.begin(5, "k2").status_code == 422, "the phone that comes back waits as any other"


def test_bytes_that_are_no_homework_are_refused_in_the_draft_and_the_others_stay(
    school: School, phone: TusClient
) -> None:
    for key, content in (("good", PHOTO), ("bad", b"no homework at all")):
        assert phone.add(phone.begun(len(content), key), 0, content).status_code == 204
    school.prepare_files()
    assert [file.state for file in attachments(school)] == [FileState.READY, FileState.REFUSED]
    page = phone.client.get(f"/assignments/{phone.assignment}").text
    assert "Nous ne lisons pas ce fichier." in page


def test_a_file_that_comes_too_late_says_so_and_its_key_tells_why(school: School, phone: TusClient) -> None:
    place = phone.begun(3)

    def send(session: Session) -> None:
        samira = factories.samira(session)
        draft, task = attempts.open_work(session, samira, phone.assignment, now=now())
        draft.text = "Lundi"
        attempts.send_attempt(session, draft, task, now=now())

    school.write(send)
    last = phone.add(place, 0, b"abc")
    assert (last.status_code, last.headers["Upload-Refused"]) == (204, RefusalCode.ALREADY_SENT)
    again = phone.begin(3)
    assert (again.status_code, again.text.startswith("Ce devoir est déjà envoyé.")) == (422, True)


def test_a_draft_that_became_full_meanwhile_shows_the_refused_file(school: School, phone: TusClient) -> None:
    place = phone.begun(3)

    def fill(session: Session) -> None:
        samira = factories.samira(session)
        draft = attempts.open_draft(session, samira, phone.assignment, now=now())
        for number in range(MAX_FILES):
            from_form = factories.received(b"%d" % number)
            receive_file(session, draft, from_form, room=1 << 30, now=now())

    school.write(fill)
    assert phone.add(place, 0, b"abc").status_code == 204
    page = phone.client.get(f"/assignments/{phone.assignment}").text
    assert "Vous pouvez envoyer 10 fichiers. Supprimez-en un d’abord." in page


def test_what_a_killed_process_left_whole_is_ended_before_anybody_is_told(
    school: School, phone: TusClient
) -> None:
    for key, end in (
        ("asked", phone.ask),
        ("begun again", lambda _place: phone.begin(5, "begun again")),
        ("swept", lambda _place: school.app.extensions["lms_jobs"].every_minute()),
    ):
        place = phone.begun(5, key)
        (partials(school).root / the_id(place)).write_bytes(key.encode()[:5])  # killed before the row
        before = len(attachments(school))
        end(place)
        assert len(attachments(school)) == before + 1, key
        assert phone.offset(place) == 5
    assert not list(partials(school).root.iterdir())


def test_while_another_process_ends_an_upload_nobody_is_told_that_it_is_whole(
    school: School, phone: TusClient
) -> None:
    place = phone.begun(5)
    (partials(school).root / the_id(place)).write_bytes(b"whole")
    with partials(school).locked(the_id(place)):
        assert phone.ask(place).status_code == 423
        assert phone.begin(5).status_code == 423
    assert (phone.begin(5).status_code, len(attachments(school))) == (201, 1)


def test_a_partial_file_that_a_backup_lacks_begins_anew(school: School, phone: TusClient) -> None:
    place = phone.begun(5)
    phone.add(place, 0, b"abc")
    (partials(school).root / the_id(place)).unlink()
    assert phone.ask(place).status_code == 404
    assert phone.add(place, 3, b"de").status_code == 409
    assert phone.begun(5) == place
    assert phone.offset(place) == 0


def test_a_network_that_lets_no_patch_through_says_it_in_a_header(phone: TusClient) -> None:
    place = phone.begun(3)
    headers = {**VERSION, "Upload-Offset": "0", "Content-Type": PIECE, "X-HTTP-Method-Override": "PATCH"}
    assert phone.client.post(place, data=b"ab", headers=headers).status_code == 204
    assert phone.offset(place) == 2
    assert phone.client.post(place, headers=VERSION).status_code == 405
    headers["X-HTTP-Method-Override"] = "DELETE"
    assert phone.client.post(place, headers=headers).status_code == 204
    assert phone.ask(place).status_code == 404


@pytest.mark.own_school
def test_a_piece_in_the_middle_writes_nothing_and_holds_no_connection(
    school: School, phone: TusClient
) -> None:
    place = phone.begun(len(PHOTO))
    phone.ask(place)
    held = []
    event.listen(school.engine.pool, "checkout", lambda *_: held.append(1))
    event.listen(school.engine.pool, "checkin", lambda *_: held.pop())

    class Body:
        """A body that comes slowly: while it is waited for, connections are counted."""

        def __init__(self) -> None:
            self.left, self.counted = PHOTO[:1000], list[int]()

        def read(self, size: int = -1) -> bytes:
            self.counted.append(len(held))
            piece, self.left = self.left[:100], self.left[100:]
            return piece

    body = Body()
    with school.counting_statements() as sent:
        answer = phone.client.patch(
            place,
            headers={**VERSION, "Upload-Offset": "0", "Content-Type": PIECE, "Content-Length": "1000"},
            environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": "1000"},
        )
    assert (answer.status_code, phone.offset(place)) == (204, 1000)
    assert len(body.counted) >= 10
    assert set(body.counted) == {0}
    assert all(statement.startswith("SELECT") for statement in sent)
    assert len(sent) == 2, "who it is, and which upload"


def test_no_limit_stops_a_phone_with_a_thousand_pieces(phone: TusClient) -> None:
    place = phone.begun(300)
    assert {phone.add(place, offset, b"x").status_code for offset in range(300)} == {204}


def test_when_too_many_uploads_wait_already_a_piece_comes_again_later(phone: TusClient) -> None:
    place = phone.begun(10)
    headers = {**VERSION, "Upload-Offset": "0", "Content-Type": PIECE}
    answer = phone.client.patch(place, data=b"abc", headers=headers, environ_overrides={CROWDED: True})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert phone.offset(place) == 0


def test_half_a_megabyte_and_more_in_one_piece_goes_through_a_file(school: School, phone: TusClient) -> None:
    content = bytes(range(256)) * 8000  # 2 MB
    place = phone.begun(len(content))
    assert phone.add(place, 0, content[:-1]).status_code == 204
    assert (partials(school).root / the_id(place)).read_bytes() == content[:-1]
    assert not list(Path(school.settings.temp).glob("*"))
