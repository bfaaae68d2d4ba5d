"""Uploads: rows are written at the beginning and at the end, and one key is one file."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.errors import Refused
from lms.domain.homework import attempts, files, uploads
from lms.domain.homework.uploads import END_KNOWN, LASTS, MOST_OPEN, Allowance, NewUpload, UploadFacts
from lms.extensions import new_id
from lms.models import Attachment, FileJob, FileKind, FileState, Upload
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW
from tests.support.school import School

PLENTY = Allowance(of_file=1000, of_learner=100_000)


def a_photo(session: Session, key: str = "k1", **more: Any) -> NewUpload:
    found = session.scalar(select(Upload.assignment_id).limit(1)) or factories.assignment(session).id
    return replace(NewUpload(found, key, "photo", "IMG_1.jpg", 7), **more)


def begun(session: Session, new: NewUpload, **more: object) -> UploadFacts:
    given: dict[str, object] = {"allowance": PLENTY, "now": NOW, **more}
    return uploads.begin(session, factories.samira(session), new, new_id(), **given)  # type: ignore[arg-type]


def ended(session: Session, upload: UploadFacts, content: bytes = b"a sheet") -> bool:
    digest = hashlib.sha256(content).hexdigest()
    return uploads.finish(session, upload.id, new_id(), digest, allowance=PLENTY, now=NOW)


def refusal_of(session: Session, new: NewUpload, **more: object) -> RefusalCode:
    with pytest.raises(Refused) as refused:
        begun(session, new, **more)
    return refused.value.code


def attachments(session: Session) -> list[Attachment]:
    return list(session.scalars(select(Attachment).order_by(Attachment.position)))


def test_a_key_that_is_known_is_the_same_upload(school: School) -> None:
    def story(session: Session) -> None:
        first = begun(session, a_photo(session))
        assert first.expires_at == NOW + LASTS
        assert begun(session, a_photo(session, length=9)).id == first.id
        assert session.scalar(select(func.count(Upload.id))) == 1
        assert begun(session, a_photo(session, key="another")).id != first.id

    school.write(story)


def test_a_whole_upload_becomes_a_received_file_of_the_draft_once(school: School) -> None:
    def story(session: Session) -> None:
        upload = begun(session, a_photo(session))
        assert ended(session, upload)
        assert not ended(session, upload), "a second process has nothing to end"
        (file,) = attachments(session)
        assert (file.state, file.kind, file.shown_name) == (FileState.RECEIVED, FileKind.PHOTO, "IMG_1.jpg")
        assert session.scalars(select(FileJob.attachment_id)).all() == [file.id]
        known = uploads.upload_for(session, factories.samira(session), upload.id, now=NOW + LASTS)
        assert (known.is_open, known.attachment_id) == (False, file.id)
        assert begun(session, a_photo(session)).attachment_id == file.id

    school.write(story)


def test_files_stand_in_the_order_in_which_they_became_whole(school: School) -> None:
    def story(session: Session) -> None:
        one, two = (begun(session, a_photo(session, key=key, shown_name=key)) for key in ("one", "two"))
        ended(session, two, b"two")
        ended(session, one, b"one")
        assert [file.shown_name for file in attachments(session)] == ["two", "one"]

    school.write(story)


def test_a_file_that_was_removed_does_not_come_back_under_its_key(school: School) -> None:
    def story(session: Session) -> None:
        new = a_photo(session)
        upload = begun(session, new)
        ended(session, upload)
        draft = attempts.open_draft(session, factories.samira(session), new.assignment_id, now=NOW)
        files.remove_file(session, draft, attachments(session)[0].id)
        assert not begun(session, a_photo(session)).is_open
        assert not ended(session, upload)
        assert attachments(session) == []

    school.write(story)


def test_the_same_bytes_under_another_key_are_the_file_that_is_there(school: School) -> None:
    def story(session: Session) -> None:
        first, again = begun(session, a_photo(session)), begun(session, a_photo(session, key="k2"))
        assert ended(session, first)
        assert not ended(session, again), "its bytes are of no use"
        (file,) = attachments(session)
        known = uploads.upload_for(session, factories.samira(session), again.id, now=NOW)
        assert (known.attachment_id, known.refused) == (file.id, None)

    school.write(story)


def test_what_the_draft_cannot_take_stands_there_with_its_reason(school: School) -> None:
    def story(session: Session) -> None:
        upload = begun(session, a_photo(session))
        tight = Allowance(of_file=1000, of_learner=6)
        assert not uploads.finish(session, upload.id, new_id(), "0" * 64, allowance=tight, now=NOW)
        (file,) = attachments(session)
        assert (file.state, file.refusal) == (FileState.REFUSED, RefusalCode.QUOTA_FULL)
        assert not begun(session, a_photo(session)).is_open, "the phone may forget it"

    school.write(story)


def test_what_ends_after_the_copy_was_sent_says_so_to_the_phone(school: School) -> None:
    def story(session: Session) -> None:
        new = a_photo(session)
        upload = begun(session, new)
        samira = factories.samira(session)
        draft, task = attempts.open_work(session, samira, new.assignment_id, now=NOW)
        attempts.write_text(session, draft, "Lundi", draft.version)
        attempts.send_attempt(session, draft, task, now=NOW)
        assert not ended(session, upload)
        assert attachments(session) == [], "what was sent does not change"
        known = uploads.upload_for(session, samira, upload.id, now=NOW)
        assert known.refused == RefusalCode.ALREADY_SENT
        assert refusal_of(session, new) == RefusalCode.ALREADY_SENT
        assert refusal_of(session, a_photo(session, key="late")) == RefusalCode.ALREADY_SENT

    school.write(story)


def test_a_homework_that_is_gone_ends_its_upload(school: School) -> None:
    def story(session: Session) -> None:
        upload = begun(session, a_photo(session))
        for row in factories.samira(session).role_rows:
            session.delete(row)
        session.flush()
        session.expire_all()
        assert not ended(session, upload)
        known = uploads.upload_for(session, factories.samira(session), upload.id, now=NOW)
        assert known.refused == RefusalCode.UPLOAD_UNKNOWN

    school.write(story)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"length": 0}, RefusalCode.FILE_EMPTY),
        ({"length": 1001}, RefusalCode.FILE_TOO_BIG),
        ({"kind": "film"}, RefusalCode.FILE_KIND),
        ({"assignment_id": "aaaaaaaaaaaaaa"}, RefusalCode.UPLOAD_UNKNOWN),
    ],
)
def test_what_shows_before_a_byte_has_come_is_refused_at_once(
    school: School, more: dict[str, Any], code: RefusalCode
) -> None:
    def story(session: Session) -> None:
        assert refusal_of(session, a_photo(session, **more)) == code

    school.write(story)


def test_a_homework_without_voice_takes_no_voice(school: School) -> None:
    def story(session: Session) -> None:
        task = factories.assignment(session, kinds=("photo", "text"))
        new = NewUpload(task.id, "k1", "voice", "voix.webm", 7)
        assert refusal_of(session, new) == RefusalCode.KIND_VOICE

    school.write(story)


def test_what_is_on_its_way_counts_for_the_quota_and_the_ten_files(school: School) -> None:
    def story(session: Session) -> None:
        small = Allowance(of_file=1000, of_learner=20)
        for key in ("one", "two"):
            begun(session, a_photo(session, key=key), allowance=small)
        assert refusal_of(session, a_photo(session, key="x"), allowance=small) == RefusalCode.QUOTA_FULL
        for number in range(8):
            ended(session, begun(session, a_photo(session, key=f"k{number}")), b"%d" % number)
        assert refusal_of(session, a_photo(session, key="x")) == RefusalCode.TOO_MANY_FILES

    school.write(story)


def test_a_seventh_upload_waits_unless_one_was_left_alone(school: School) -> None:
    def story(session: Session) -> None:
        opened = [begun(session, a_photo(session, key=f"k{number}")) for number in range(MOST_OPEN)]
        assert refusal_of(session, a_photo(session, key="x")) == RefusalCode.UPLOADS_BUSY
        assert begun(session, a_photo(session, key="k0")).id == opened[0].id, "a known one goes on"
        begun(session, a_photo(session, key="x"), idle=[opened[3].id])
        left = uploads.open_ids(session, factories.samira(session))
        assert (opened[3].id in left, len(left)) == (False, MOST_OPEN)

    school.write(story)


def test_of_a_strangers_upload_nobody_hears(school: School) -> None:
    def story(session: Session) -> None:
        upload = begun(session, a_photo(session))
        yusuf = factories.learner(session, "Yusuf")
        for upload_id in (upload.id, "aaaaaaaaaaaaaa"):
            with pytest.raises(Refused) as refused:
                uploads.upload_for(session, yusuf, upload_id, now=NOW)
            assert refused.value.code == RefusalCode.UPLOAD_UNKNOWN
        uploads.abandon(session, yusuf, upload.id)
        assert uploads.open_lengths(session) == {upload.id: 7}
        uploads.abandon(session, factories.samira(session), upload.id)
        assert uploads.open_lengths(session) == {}

    school.write(story)


def test_after_seven_days_an_upload_is_over_and_its_key_begins_anew(school: School) -> None:
    def story(session: Session) -> None:
        upload = begun(session, a_photo(session))
        late = NOW + LASTS
        with pytest.raises(Refused) as refused:
            uploads.upload_for(session, factories.samira(session), upload.id, now=late)
        assert refused.value.code == RefusalCode.UPLOAD_EXPIRED
        assert uploads.delete_expired(session, now=late - timedelta(seconds=1)) == []
        anew = begun(session, a_photo(session), now=late)
        assert anew.id != upload.id
        ended(session, anew)
        assert uploads.delete_expired(session, now=NOW + END_KNOWN - timedelta(seconds=1)) == []
        assert uploads.delete_expired(session, now=NOW + END_KNOWN) == [anew.id]
        assert len(attachments(session)) == 1, "the file stays"

    school.write(story)
