from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts, files, preparation
from lms.models import Attachment, FileKind, Person, Rendition
from tests import factories
from tests.factories import NOW
from tests.factories.homework import ROOM
from tests.support.school import School


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.mark.parametrize(
    ("mime", "playable"),
    [
        ("audio/aac", True),
        ("audio/mp4", True),
        ("audio/mpeg", True),
        ("audio/ogg", True),
        ("audio/wav", True),
        ("audio/webm", True),
        ("audio/3gpp", False),
        ("audio/amr", False),
        ("audio/amr-wb", False),
        ("audio/vnd.wave", False),
        ("audio/x-matroska", False),
    ],
)
def test_a_recording_that_browsers_do_not_play_gets_no_player(mime: str, playable: bool) -> None:
    assert Attachment(kind=FileKind.VOICE, mime=mime).is_playable is playable


def test_files_keep_their_order_and_can_change_it(school: School, store: LocalStore) -> None:
    def story(session: Session) -> None:
        work = factories.assignment(session)
        draft = factories.drafted(session, factories.samira(session), work)
        made = [
            files.add_file(session, draft, work, factories.stored(store, name), now=NOW).id
            for name in (b"1", b"2", b"3")
        ]

        def order() -> list[int]:
            return [made.index(each.id) + 1 for each in files.files_of_attempt(session, draft.id)]

        files.move_file(session, draft, made[2], -1)
        assert order() == [1, 3, 2]
        files.move_file(session, draft, made[0], -1)
        files.move_file(session, draft, "nothing", 1)
        assert order() == [1, 3, 2]
        removed = files.remove_file(session, draft, made[0])
        assert (len(removed.stored), removed.received) == (2, ())
        assert files.remove_file(session, draft, made[0]) == files.RemovedFile()
        assert order() == [3, 2]
        again = files.add_file(session, draft, work, factories.stored(store, b"4"), now=NOW)
        assert files.files_of_attempt(session, draft.id)[-1].id == again.id

    school.write(story)


def test_a_received_file_is_refused_when_it_is_there_or_too_much(school: School) -> None:
    def story(session: Session) -> None:
        work = factories.assignment(session, kinds=["photo"])
        draft = factories.drafted(session, factories.samira(session), work)

        def attach(new: files.ReceivedFile, room: int = ROOM) -> str:
            with pytest.raises(Refused) as refusal:
                files.receive_file(session, draft, new, room=room, now=NOW)
            return refusal.value.code

        new = factories.received(b"12345")
        assert attach(new, room=4) == "quota_full"
        files.receive_file(session, draft, new, room=5, now=NOW)
        assert files.used_bytes(session, factories.samira(session)) == 5
        assert files.used_bytes(session, factories.oksana(session)) == 0
        assert attach(factories.received(b"12345")) == "file_twice"
        for number in range(9):
            other = factories.received(f"page {number}".encode())
            files.receive_file(session, draft, other, room=ROOM, now=NOW)
        assert attach(factories.received(b"the eleventh")) == "too_many_files"

    school.write(story)


def test_a_removed_file_takes_the_work_on_it_along(school: School) -> None:
    def story(session: Session) -> None:
        draft = factories.drafted(session, factories.samira(session), factories.assignment(session))
        new = factories.received()
        row = files.receive_file(session, draft, new, room=ROOM, now=NOW)
        assert files.remove_file(session, draft, row.id) == files.RemovedFile((), (new.received_key,))
        assert preparation.due_files(session, now=NOW) == []

    school.write(story)


def test_the_rows_say_all_that_the_stored_file_says(school: School, store: LocalStore) -> None:
    def story(session: Session) -> None:
        work = factories.assignment(session)
        draft = factories.drafted(session, factories.samira(session), work)
        new = replace(factories.stored(store), seconds=7, excerpt="Bonjour Madame")
        row = files.add_file(session, draft, work, new, now=NOW)
        expected = asdict(new)
        (rendition,) = expected.pop("renditions")
        assert {name: getattr(row, name) for name in expected} == expected
        (made,) = session.scalars(select(Rendition)).all()
        assert made.attachment_id == row.id
        assert {name: getattr(made, name) for name in rendition} == rendition

    school.write(story)


def test_two_rows_never_share_a_stored_file(school: School, store: LocalStore) -> None:
    def story(session: Session) -> None:
        work = factories.assignment(session)
        draft = factories.drafted(session, factories.samira(session), work)
        new = factories.stored(store)
        files.add_file(session, draft, work, new, now=NOW)
        files.add_file(session, draft, work, replace(new, sha256="0" * 64), now=NOW)

    with pytest.raises(IntegrityError):
        school.write(story)


def test_a_file_is_delivered_to_its_learner_and_once_sent_to_teachers(
    school: School, store: LocalStore
) -> None:
    def story(session: Session) -> None:
        samira, work = factories.samira(session), factories.assignment(session)
        draft = factories.drafted(session, samira, work)
        files.add_file(session, draft, work, factories.stored(store), now=NOW)
        ids = [session.scalars(select(kind.id)).one() for kind in (Attachment, Rendition)]

        def may(person: Person) -> list[bool]:
            answers = []
            for file_id in ids:
                try:
                    answers.append(files.delivery_for(session, person, file_id).ours)
                except Absent:
                    answers.append(False)
            return answers

        assert may(samira) == [True, True]
        assert may(factories.nadia(session)) == [False, False]
        attempts.send_attempt(session, draft, work, now=NOW)
        assert may(factories.nadia(session)) == [True, True]
        for person in (factories.oksana(session), factories.claire(session), factories.farid(session)):
            assert may(person) == [False, False]

    school.write(story)
