from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.domain import notices
from lms.domain.errors import Absent, Refused
from lms.domain.homework import alerts, attempts, files, open_work, preparation, queue, worklist
from lms.domain.homework.consistency import find_homework_faults
from lms.domain.homework.preparation import LEASE, ClaimedFile
from lms.models import (
    Assignment,
    Attachment,
    Attempt,
    FileJob,
    FileKind,
    FileState,
    HomeworkState,
    NoticeKind,
    Person,
    QueuedAttempt,
)
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW
from tests.factories.homework import ROOM
from tests.support.school import School

BROKEN = RefusalCode.FILE_BROKEN


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def draft_with(session: Session, *contents: bytes, text: str = "") -> tuple[Attempt, Assignment]:
    """A draft of Samira with received files."""
    work = factories.assignment(session)
    draft = factories.drafted(session, factories.samira(session), work, text)
    for content in contents:
        files.receive_file(session, draft, factories.received(content), room=ROOM, now=NOW)
    return draft, work


def claim(session: Session) -> ClaimedFile:
    """The oldest file that is due, claimed."""
    for attachment_id in preparation.due_files(session, now=NOW):
        claimed = preparation.claim_file(session, attachment_id, now=NOW)
        if claimed is not None:
            return claimed
    raise AssertionError("no file is due")


def states(session: Session, attempt: Attempt) -> list[FileState]:
    return [file.state for file in files.files_of_attempt(session, attempt.id)]


def in_queue(session: Session) -> list[str]:
    return [queued.attempt_id for queued in queue.list_queue(session)]


def notices_of(session: Session, person: Person) -> list[NoticeKind]:
    return [each.kind for each in notices.unseen_notices(session, person, now=NOW)]


def test_a_file_refused_in_a_draft_needs_no_notice(school: School) -> None:
    def story(session: Session) -> None:
        draft_with(session, b"one")
        preparation.refuse_file(session, claim(session), BROKEN, "photo", now=NOW)
        assert notices_of(session, factories.samira(session)) == []

    school.write(story)


def test_a_received_file_becomes_the_clean_one_in_its_place(school: School, store: LocalStore) -> None:
    def story(session: Session) -> None:
        draft, _work = draft_with(session, b"one", b"two")
        first, _second = files.files_of_attempt(session, draft.id)
        claimed = claim(session)
        assert claimed.attachment_id == first.id
        assert preparation.finish_file(session, claimed, factories.stored(store), now=NOW)
        assert states(session, draft) == [FileState.READY, FileState.RECEIVED]
        ready = files.files_of_attempt(session, draft.id)[0]
        assert (ready.id, ready.mime, ready.shown_name) == (first.id, "image/jpeg", "devoir.jpg")
        assert len(ready.renditions) == 1
        assert session.scalars(select(FileJob.attachment_id)).all() != [first.id]

    school.write(story)


def test_what_one_worker_claimed_no_other_gets_until_the_lease_is_over(school: School) -> None:
    def story(session: Session) -> None:
        draft_with(session, b"one")
        (waiting,) = preparation.due_files(session, now=NOW)
        assert preparation.claim_file(session, waiting, now=NOW) is not None
        assert preparation.claim_file(session, waiting, now=NOW) is None
        assert preparation.due_files(session, now=NOW + LEASE - timedelta(seconds=1)) == []
        assert preparation.due_files(session, now=NOW + LEASE) == [waiting]
        again = preparation.claim_file(session, waiting, now=NOW + LEASE)
        assert again is not None
        assert again.claims == 2
        preparation.postpone_file(session, again, now=NOW)
        later = preparation.claim_file(session, waiting, now=NOW + LEASE)
        assert later is not None
        assert later.claims == 1

    school.write(story)


def test_of_two_workers_the_first_to_end_counts(school: School, store: LocalStore) -> None:
    def story(session: Session) -> None:
        draft, _work = draft_with(session, b"one")
        slow = claim(session)
        (waiting,) = preparation.due_files(session, now=NOW + LEASE)
        quick = preparation.claim_file(session, waiting, now=NOW + LEASE)
        assert quick is not None
        assert preparation.finish_file(session, quick, factories.stored(store), now=NOW)
        assert not preparation.finish_file(session, slow, factories.stored(store, b"other"), now=NOW)
        preparation.refuse_file(session, slow, BROKEN, "photo", now=NOW)
        assert states(session, draft) == [FileState.READY]

    school.write(story)


def test_a_file_removed_meanwhile_stays_away(school: School, store: LocalStore) -> None:
    def story(session: Session) -> None:
        draft, _work = draft_with(session, b"one")
        claimed = claim(session)
        files.remove_file(session, draft, claimed.attachment_id)
        assert not preparation.finish_file(session, claimed, factories.stored(store), now=NOW)
        preparation.refuse_file(session, claimed, BROKEN, None, now=NOW)
        assert files.files_of_attempt(session, draft.id) == []

    school.write(story)


def test_a_clean_file_of_another_kind_or_a_second_time_the_same_is_refused(
    school: School, store: LocalStore
) -> None:
    def story(session: Session) -> None:
        work = factories.assignment(session, kinds=["photo"])
        draft = factories.drafted(session, factories.samira(session), work)
        for content in (b"1", b"2", b"3"):
            files.receive_file(session, draft, factories.received(content), room=ROOM, now=NOW)
        used = [
            preparation.finish_file(session, claim(session), new, now=NOW)
            for new in (
                factories.stored(store),
                factories.stored(store),
                factories.stored(store, b"la", kind="voice"),
            )
        ]
        assert used == [True, False, False]
        refused = [(file.refusal, file.kind) for file in files.files_of_attempt(session, draft.id)]
        assert refused == [
            (None, FileKind.PHOTO),
            (RefusalCode.FILE_TWICE, FileKind.PHOTO),
            (RefusalCode.KIND_VOICE, FileKind.VOICE),
        ]

    school.write(story)


def test_the_team_sees_what_was_sent_once_its_last_file_is_ready(school: School, store: LocalStore) -> None:
    def story(session: Session) -> None:
        samira, nadia = factories.samira(session), factories.nadia(session)
        draft, work = draft_with(session, b"one", b"two", text="Bonjour")
        attempts.send_attempt(session, draft, work, now=NOW)

        def seen_by_team() -> tuple[bool, bool, bool, HomeworkState]:
            try:
                found = attempts.queued_attempt_for(session, nadia, draft.id).id == draft.id
            except Absent:
                found = False
            alerted = [alert.reason for alert in alerts.learner_alerts(session, now=NOW)] == ["first"]
            (row,) = worklist.assignments_for_team(session, samira)
            counts = open_work.count_open_work(session, [samira.id])[samira.id]
            assert (counts.sent, counts.todo) == ((1, 0) if row.state == HomeworkState.SENT else (0, 1))
            return found, in_queue(session) == [draft.id], alerted, row.state

        nobody = (False, False, False, HomeworkState.TODO)
        assert worklist.learner_assignment_for(session, samira, work.id, now=NOW).is_sent
        assert seen_by_team() == nobody
        ready = claim(session)
        preparation.finish_file(session, ready, factories.stored(store), now=NOW)
        assert seen_by_team() == nobody
        with pytest.raises(Absent):
            files.delivery_for(session, nadia, ready.attachment_id)
        assert files.delivery_for(session, samira, ready.attachment_id).ours
        preparation.refuse_file(session, claim(session), BROKEN, "photo", now=NOW)
        assert files.delivery_for(session, nadia, ready.attachment_id).ours
        assert seen_by_team() == (True, True, True, HomeworkState.SENT)

    school.write(story)


def test_what_was_ready_when_it_was_sent_is_in_the_queue_at_once(school: School, store: LocalStore) -> None:
    def story(session: Session) -> None:
        draft, work = draft_with(session, b"one")
        preparation.finish_file(session, claim(session), factories.stored(store), now=NOW)
        assert in_queue(session) == []
        attempts.send_attempt(session, draft, work, now=NOW)
        assert in_queue(session) == [draft.id]

    school.write(story)


def test_an_attempt_without_any_usable_file_returns_to_the_draft(school: School) -> None:
    def story(session: Session) -> None:
        samira = factories.samira(session)
        draft, work = draft_with(session, b"one", b"two")
        attempts.send_attempt(session, draft, work, now=NOW)
        for _ in range(2):
            preparation.refuse_file(session, claim(session), BROKEN, "photo", now=NOW)
        assert in_queue(session) == []
        found = worklist.learner_assignment_for(session, samira, work.id, now=NOW)
        assert (found.state, found.draft_id) == (HomeworkState.TODO, draft.id)
        assert found.has_refused_file
        assert notices_of(session, samira) == [NoticeKind.FILE_REFUSED]
        with pytest.raises(Refused, match="nothing_to_send"):
            attempts.send_attempt(session, draft, work, now=NOW)
        attempts.write_text(session, draft, "Lundi", draft.version)
        attempts.send_attempt(session, draft, work, now=NOW)
        assert notices_of(session, samira) == []

    school.write(story)


def test_a_refused_file_of_what_was_sent_can_be_replaced_until_it_is_answered(
    school: School, store: LocalStore
) -> None:
    def story(session: Session) -> None:
        samira = factories.samira(session)
        draft, work = draft_with(session, b"one", text="Bonjour")
        attempts.send_attempt(session, draft, work, now=NOW)
        refused = claim(session)
        preparation.refuse_file(session, refused, BROKEN, "photo", now=NOW)
        assert notices_of(session, samira) == [NoticeKind.FILE_REFUSED]

        def replace_by(new: files.ReceivedFile) -> None:
            files.replace_file(
                session, samira, draft.submission_id, refused.attachment_id, new, room=ROOM, now=NOW
            )

        for person in (factories.oksana(session), factories.nadia(session)):
            with pytest.raises(Absent):
                files.refused_file_for(session, person, draft.submission_id, refused.attachment_id)
        replace_by(factories.received(b"two"))
        assert states(session, draft) == [FileState.RECEIVED]
        assert notices_of(session, samira) == []
        assert in_queue(session) == [draft.id]
        # A worker that comes late with the first file changes nothing.
        assert not preparation.finish_file(session, refused, factories.stored(store), now=NOW)
        preparation.refuse_file(session, claim(session), BROKEN, "photo", now=NOW)
        assert worklist.learner_assignment_for(session, samira, work.id, now=NOW).has_refused_file
        factories.answered(session, draft)
        assert not worklist.learner_assignment_for(session, samira, work.id, now=NOW).has_refused_file
        with pytest.raises(Absent):
            replace_by(factories.received(b"three"))

    school.write(story)


def test_the_database_refuses_a_ready_file_without_bytes_and_a_refusal_without_reason(school: School) -> None:
    for values in ({"state": FileState.READY}, {"state": FileState.REFUSED}):

        def spoil(session: Session, values: dict[str, FileState] = values) -> None:
            draft_with(session, b"one")
            for attachment in session.scalars(select(Attachment)):
                attachment.state = values["state"]
            session.flush()

        with pytest.raises(IntegrityError):
            school.write(spoil)


def test_sending_and_the_end_of_two_files_at_one_time_lose_no_attempt(
    school: School, store: LocalStore
) -> None:
    """Whatever comes last puts the attempt into the queue; without a lock each leaves it to the others."""
    for number in range(4):

        def begin(session: Session, number: int = number) -> tuple[str, str, list[ClaimedFile]]:
            work = factories.assignment(session)
            draft = factories.drafted(session, factories.samira(session), work)
            for content in (b"one", b"two"):
                new = factories.received(content + bytes([number]))
                files.receive_file(session, draft, new, room=ROOM, now=NOW)
            return draft.id, work.id, [claim(session), claim(session)]

        draft_id, work_id, claims = school.write(begin)
        stored = [factories.stored(store, bytes([number, each])) for each in range(2)]

        def send(session: Session, draft_id: str = draft_id, work_id: str = work_id) -> None:
            draft = session.get_one(Attempt, draft_id)
            attempts.send_attempt(session, draft, session.get_one(Assignment, work_id), now=NOW)

        def finish(
            each: int, claims: list[ClaimedFile] = claims, stored: list[files.StoredFile] = stored
        ) -> None:
            school.write(lambda s: preparation.finish_file(s, claims[each], stored[each], now=NOW))

        all_at_once(lambda: school.write(send), lambda: finish(0), lambda: finish(1))
        assert draft_id in school.read(in_queue)


def test_of_two_first_attempts_that_end_at_one_time_none_is_the_only_one(
    school: School, store: LocalStore
) -> None:
    for number in range(4):

        def begin(session: Session, number: int = number) -> list[ClaimedFile]:
            learner, claims = factories.learner(session, f"Elif {number}"), []
            for each in range(2):
                work = factories.assignment(session)
                draft = factories.drafted(session, learner, work)
                new = factories.received(bytes([number, each]))
                files.receive_file(session, draft, new, room=ROOM, now=NOW)
                attempts.send_attempt(session, draft, work, now=NOW)
                claims.append(claim(session))
            return claims

        claims = school.write(begin)
        stored = [factories.stored(store, bytes([number, each])) for each in range(2)]

        def finish(
            each: int, claims: list[ClaimedFile] = claims, stored: list[files.StoredFile] = stored
        ) -> None:
            school.write(lambda s: preparation.finish_file(s, claims[each], stored[each], now=NOW))

        all_at_once(lambda: finish(0), lambda: finish(1))
    assert school.read(lambda s: s.scalars(select(QueuedAttempt.is_first)).all()) == [False] * 8
    assert school.read(find_homework_faults) == []


def all_at_once(*operations: Callable[[], object]) -> None:
    barrier = threading.Barrier(len(operations))

    def run(operation: Callable[[], object]) -> None:
        barrier.wait()
        operation()

    threads = [threading.Thread(target=run, args=(operation,)) for operation in operations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
