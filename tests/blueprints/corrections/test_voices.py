"""The voice of an answer through HTTP: by the script of the page, and by a file without it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.clock import now
from lms.domain.homework import attempts
from lms.domain.homework import files as files_of
from lms.models import Assignment, Attachment, Attempt, FeedbackVoice, ReturnedFeedback, Submission
from tests import factories
from tests.support import files
from tests.support.pages import Visitor, filled
from tests.support.returns import let_undo_pass
from tests.support.school import School

Answer = tuple[int, dict[str, Any]]
SPOKEN = files.recording("voice.webm")


@pytest.fixture
def copy(school: School) -> str:
    return school.write(lambda s: factories.sent(s, factories.samira(s), factories.assignment(s)).id)


@pytest.fixture
def nadia(school: School, copy: str) -> Visitor:
    return school.visitor(school.write(factories.nadia))


def shown(teacher: Visitor, copy: str) -> dict[str, Any]:
    """The hidden fields of the form for a voice."""
    page = teacher.get(f"/corrections/{copy}")
    fields = [each for each in page.root.all("input") if each.get("form") == "keep-voice"]
    token = filled(page.form(copy))["csrf_token"]
    values = {each.get("name"): each.get("value") for each in fields if each.get("type") == "hidden"}
    return {"csrf_token": token, **{str(name): value for name, value in values.items()}}


def say(teacher: Visitor, copy: str, content: bytes = SPOKEN, **values: object) -> Answer:
    """Send as the script does."""
    data = {**shown(teacher, copy), "file": (io.BytesIO(content), "voix.webm"), **values}
    answer = teacher.client.post(
        f"/corrections/{copy}/voice", data=data, headers={"Accept": "application/json"}
    )
    answer.request.environ["wsgi.input"].close()  # a large body is a temporary file
    return answer.status_code, answer.get_json()


def the_voice(school: School) -> FeedbackVoice:
    return school.read(lambda s: s.scalars(select(FeedbackVoice)).one())


def stored(school: School) -> int:
    return sum(path.is_file() for path in school.settings.uploads.rglob("*"))


def heard(visitor: Visitor, address: str, **headers: str) -> tuple[int, bytes]:
    answer = visitor.client.get(address, headers=headers, buffered=True)
    return answer.status_code, answer.data


def test_a_voice_is_kept_heard_returned_and_played_by_the_learner(
    school: School, nadia: Visitor, copy: str
) -> None:
    assert say(nadia, copy) == (200, {"said": "Votre voix est ajoutée."})
    voice = the_voice(school)
    page = nadia.get(f"/corrections/{copy}")
    assert [player.get("src") for player in page.root.all("audio")] == [f"/files/{voice.id}"]
    samira = school.visitor(school.read(lambda s: factories.samira(s).id))
    assert heard(samira, f"/files/{voice.id}")[0] == 404, "it is a draft"
    nadia.submit(page, {"voice": voice.id}, action=copy, button=f"{copy}/return")
    assert school.read(lambda s: s.scalars(select(ReturnedFeedback.voice_id)).one()) == voice.id
    assert heard(samira, f"/files/{voice.id}")[0] == 404, "the return can still be taken back"
    school.write(let_undo_pass)
    jobs = school.app.extensions["lms_jobs"]
    assert jobs.files.copy_due() == 1
    answer = samira.get(f"/submissions/{school.read(lambda s: s.scalars(select(Submission.id)).one())}")
    address = f"/files/{voice.id}/played"
    assert [player.get("src") for player in answer.root.all("audio")] == [address]
    assert "La voix de Nadia" in answer.text
    assert heard(samira, f"/files/{voice.id}") == (200, SPOKEN)
    status, whole = heard(samira, address)
    assert (status, whole[4:8]) == (200, b"ftyp")
    assert heard(samira, address, Range="bytes=4-7") == (206, b"ftyp")
    oksana = school.visitor(school.write(factories.oksana))
    assert heard(oksana, address)[0] == 404
    jobs.deliver_due()
    (mail,) = (school.settings.instance / "mail").glob("*.eml")
    assert "Nadia vous parle" in mail.read_text(encoding="utf-8").replace("=\n", "")


def test_without_a_script_a_file_is_chosen_and_deleted_again(
    school: School, nadia: Visitor, copy: str
) -> None:
    data = {**shown(nadia, copy), "file": (io.BytesIO(SPOKEN), "WhatsApp Ptt.webm")}
    answer = nadia.client.post(f"/corrections/{copy}/voice", data=data)
    assert answer.status_code == 303
    page = nadia.get(answer.location)
    assert "Votre voix est ajoutée." in page.text
    assert [player.get("aria-label") for player in page.root.all("audio")] == ["La voix de Nadia"]
    fields = shown(nadia, copy)
    assert nadia.client.post(f"/corrections/{copy}/voice/delete", data=fields).status_code == 303
    assert nadia.get(f"/corrections/{copy}").root.all("audio") == []
    assert stored(school) == 0


def test_the_voice_of_a_colleague_is_never_overwritten(school: School, nadia: Visitor, copy: str) -> None:
    before = shown(nadia, copy)
    luc = school.visitor(school.write(factories.luc))
    assert say(luc, copy)[0] == 200
    status, told = say(nadia, copy, files.recording("voice.ogg"), **before)
    assert (status, told["said"]) == (
        409,
        "Une autre personne a changé cette voix. Écoutez d’abord la sienne.",
    )
    assert stored(school) == 1, "the refused one is not left over"
    assert the_voice(school).created_by_id == school.read(lambda s: factories.luc(s).id)
    page = nadia.submit(
        nadia.get(f"/corrections/{copy}"), {"comment": "Oui"}, action=copy, button=f"{copy}/return"
    )
    assert school.read(lambda s: s.scalars(select(ReturnedFeedback.id)).all()) == [], (
        "its page does not send it"
    )
    assert "La voix de Luc" in page.text
    assert say(nadia, copy, files.recording("voice.ogg"))[0] == 200, "having seen it, she may replace it"
    assert stored(school) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (files.jpeg(), "Nous ne lisons pas ce son."),
        (files.video_mp4(), "C’est une vidéo."),
        (b"", "vide"),
        (files.voice_mp3(frames=7600), "3 minutes au plus"),
    ],
    ids=["photo", "video", "empty", "too long"],
)
def test_what_is_no_voice_or_too_long_is_refused_with_a_sentence(
    school: School, nadia: Visitor, copy: str, content: bytes, said: str
) -> None:
    status, told = say(nadia, copy, content)
    assert status == 422
    assert said in told["said"]
    assert stored(school) == 0


def test_only_teachers_speak_and_only_with_a_token(school: School, nadia: Visitor, copy: str) -> None:
    fields = shown(nadia, copy)
    samira = school.visitor(school.read(lambda s: factories.samira(s).id))
    data = {**fields, "file": (io.BytesIO(SPOKEN), "voix.webm")}
    assert samira.client.post(f"/corrections/{copy}/voice", data=data).status_code in (
        302,
        303,
        400,
        403,
        404,
    )
    assert nadia.client.post(f"/corrections/{copy}/voice", data={"returns": "0"}).status_code == 400
    assert school.read(lambda s: s.scalars(select(FeedbackVoice)).all()) == []


def test_take_voice_and_retake_stand_side_by_side(school: School, nadia: Visitor) -> None:
    """Samira speaks, Nadia answers with her voice, Samira speaks again."""
    store = LocalStore(school.settings.uploads)

    def speak(session: Session, given: str, name: str) -> str:
        samira, work = factories.samira(session), session.get_one(Assignment, given)
        draft = factories.drafted(session, samira, work, now=now())
        new = replace(factories.stored(store, name.encode(), "voice"), mime="audio/mpeg", renditions=())
        files_of.add_file(session, draft, work, new, now=now())
        attempts.send_attempt(session, draft, work, now=now())
        return draft.id

    given = school.write(lambda s: factories.assignment(s).id)
    first = school.write(lambda s: speak(s, given, "take"))
    assert "Écouter et comparer" not in nadia.get(f"/corrections/{first}").text
    say(nadia, first)
    voice = the_voice(school).id
    nadia.submit(nadia.get(f"/corrections/{first}"), {"voice": voice}, action=first, button=f"{first}/redo")
    school.write(let_undo_pass)
    second = school.write(lambda s: speak(s, given, "retake"))
    taken = school.read(lambda s: s.scalars(select(Attachment.id).order_by(Attachment.attempt_id)).all())
    of_attempt = dict(zip(sorted((first, second)), taken, strict=True))
    expected = [f"/files/{each}" for each in (of_attempt[first], voice, of_attempt[second])]
    samira = school.visitor(school.read(lambda s: factories.samira(s).id))
    submission = school.read(lambda s: s.get_one(Attempt, first).submission_id)
    for page in (nadia.get(f"/corrections/{second}"), samira.get(f"/submissions/{submission}")):
        (row,) = [each for each in page.root.all("section") if each.get("aria-labelledby") == "takes"]
        assert [player.get("src") for player in row.all("audio")] == expected
        assert [player.get("aria-label") for player in row.all("audio")] == ["Essai 1", "Nadia", "Essai 2"]
