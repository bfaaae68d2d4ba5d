"""Copies of voices: each recording is looked at once, and its copy goes with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.domain.homework import attempts, files, played_copies
from lms.domain.homework.played_copies import DueCopy, StoredCopy
from lms.domain.stored_files import list_named_files
from lms.models import Attachment, Attempt
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.school import School

COPY = StoredCopy("copy.m4a", 500, "c" * 64)


@pytest.fixture
def voice(school: School) -> str:
    """A voice in a draft of Samira."""

    def write(session: Session) -> str:
        work = factories.assignment(session)
        draft = factories.drafted(session, factories.samira(session), work)
        store = LocalStore(school.settings.uploads / "store")
        new = replace(factories.stored(store, b"a voice", "voice"), mime="audio/amr", renditions=())
        return files.add_file(session, draft, work, new, now=NOW).id

    return school.write(write)


def due(school: School) -> DueCopy:
    return present(school.read(played_copies.next_due))


def test_a_voice_waits_for_its_copy_and_is_looked_at_once(school: School, voice: str) -> None:
    waiting = due(school)
    assert waiting.id == voice
    assert school.write(lambda s: played_copies.record_copy(s, waiting, COPY))
    assert school.read(played_copies.next_due) is None
    other = replace(COPY, store_key="other.m4a")
    assert not school.write(lambda s: played_copies.record_copy(s, waiting, other)), "the first one stays"
    assert school.read(lambda s: s.get_one(Attachment, voice).played_key) == "copy.m4a"


def test_a_voice_without_a_copy_is_not_asked_for_again(school: School, voice: str) -> None:
    waiting = due(school)
    assert not school.write(lambda s: played_copies.record_copy(s, waiting, None))
    assert school.read(played_copies.next_due) is None
    assert not school.read(lambda s: s.get_one(Attachment, voice).is_playable)


def test_a_photo_needs_none(school: School) -> None:
    def write(session: Session) -> None:
        work = factories.assignment(session)
        draft = factories.drafted(session, factories.samira(session), work)
        store = LocalStore(school.settings.uploads / "store")
        files.add_file(session, draft, work, factories.stored(store), now=NOW)

    school.write(write)
    assert school.read(played_copies.next_due) is None


def test_the_copy_counts_plays_and_goes_with_its_voice(school: School, voice: str) -> None:
    before = school.write(lambda s: files.used_bytes(s, factories.samira(s)))
    waiting = due(school)
    school.write(lambda s: played_copies.record_copy(s, waiting, COPY))
    assert school.read(lambda s: s.get_one(Attachment, voice).is_playable)
    assert school.write(lambda s: files.used_bytes(s, factories.samira(s))) == before + 500
    assert "copy.m4a" in {file.key for file in school.read(list_named_files)}

    def played(session: Session, *, played: bool) -> str:
        return files.delivery_for(session, factories.samira(session), voice, played=played).mime

    assert school.write(lambda s: played(s, played=True)) == "audio/mp4"
    assert school.write(lambda s: played(s, played=False)) == "audio/amr"

    def remove(session: Session) -> tuple[str, ...]:
        samira = factories.samira(session)
        attachment = session.get_one(Attachment, voice)
        given = factories.assignment_of(session, session.get_one(Attempt, attachment.attempt_id)).id
        draft = present(attempts.draft_of(session, samira, given))
        return files.remove_file(session, draft, voice).stored

    assert "copy.m4a" in school.write(remove)


def test_a_copy_of_a_voice_that_was_deleted_is_not_recorded(school: School, voice: str) -> None:
    waiting = replace(due(school), id="0" * 14)
    assert not school.write(lambda s: played_copies.record_copy(s, waiting, COPY))
