"""Work that a member of the team sends for a learner."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts, consistency, deposits, preparation, queue, worklist
from lms.domain.homework.deposits import DepositDraft
from lms.models import Attachment, Attempt, AuditEvent, Deposit, DepositWay, Person
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW
from tests.support.school import School

ROOM = 1 << 30


@pytest.fixture
def given(school: School) -> str:
    return school.write(lambda s: factories.assignment(s).id)


def paper(given: str, text: str = "Lundi, mardi.") -> DepositDraft:
    return DepositDraft(given, text, "Pas de téléphone", date(2026, 11, 20), DepositWay.PAPER)


def deposit(session: Session, draft: DepositDraft, *, by: Person | None = None, photos: int = 0) -> Attempt:
    received = [factories.received(f"photo {number}".encode()) for number in range(photos)]
    actor, samira = by or factories.farid(session), factories.samira(session)
    return deposits.deposit_work(session, actor, samira, draft, received, room=ROOM, now=NOW)


def test_a_deposit_is_in_the_queue_with_who_when_and_why(school: School, given: str) -> None:
    sent = school.write(lambda s: deposit(s, paper(given)).id)
    assert [each.attempt_id for each in school.read(queue.list_queue)] == [sent]

    def look(session: Session) -> None:
        found = attempts.queued_attempt_for(session, factories.nadia(session), sent).deposit
        assert found is not None
        assert (found.actor.name, found.reason, found.sent_on) == (
            "Farid Amrani",
            "Pas de téléphone",
            date(2026, 11, 20),
        )
        line = session.scalars(select(AuditEvent).where(AuditEvent.action == "work_deposited")).one()
        assert (line.object_id, line.actor_id) == (factories.samira(session).id, found.actor_id)
        work = session.get_one(Attempt, sent).submission_id
        with pytest.raises(Absent):  # who deposits does not see it again
            attempts.submission_for(session, factories.farid(session), work, now=NOW)

    school.read(look)
    assert school.read(consistency.find_homework_faults) == []


def test_the_own_draft_of_the_learner_stays_and_comes_after_the_deposit(school: School, given: str) -> None:
    def story(session: Session) -> None:
        samira = factories.samira(session)
        draft = attempts.open_draft(session, samira, given, now=NOW)
        attempts.write_text(session, draft, "Mon brouillon", draft.version)
        sent = deposit(session, paper(given))
        session.refresh(draft)
        assert (sent.number, draft.number, draft.text, draft.sent_at) == (1, 2, "Mon brouillon", None)
        factories.answered(session, sent, redo=True)
        assert attempts.open_draft(session, samira, given, now=NOW).id == draft.id

    school.write(story)
    assert school.read(consistency.find_homework_faults) == []


def test_while_a_teacher_has_the_work_nothing_is_deposited(school: School, given: str) -> None:
    school.write(lambda s: deposit(s, paper(given)))
    with pytest.raises(Refused, match="already_sent"):
        school.write(lambda s: deposit(s, paper(given, "Encore")))
    assert school.read(lambda s: worklist.open_assignments(s, factories.samira(s), now=NOW)) == []


def test_an_empty_deposit_and_one_for_another_level_are_refused(school: School, given: str) -> None:
    with pytest.raises(Refused, match="nothing_to_send"):
        school.write(lambda s: deposit(s, paper(given, "")))
    other = school.write(lambda s: factories.assignment(s, factories.lesson(s, level_code="N3")).id)
    with pytest.raises(Absent):
        school.write(lambda s: deposit(s, replace(paper(given), assignment_id=other)))
    voice = school.write(lambda s: factories.assignment(s, kinds=("voice",)).id)
    with pytest.raises(Refused, match="kind_text"):
        school.write(lambda s: deposit(s, paper(voice)))
    assert school.read(lambda s: s.scalars(select(Deposit)).all()) == []


def test_a_deposit_whose_only_photo_is_refused_goes_to_the_team_and_not_to_the_draft(
    school: School, given: str
) -> None:
    def begin(session: Session) -> str:
        attempts.open_draft(session, factories.samira(session), given, now=NOW)
        return deposit(session, paper(given, ""), photos=1).id

    sent = school.write(begin)
    assert school.read(queue.list_queue) == []

    def refuse(session: Session) -> None:
        attachment = session.scalars(select(Attachment)).one()
        claimed = preparation.claim_file(session, attachment.id, now=NOW)
        assert claimed is not None
        preparation.refuse_file(session, claimed, RefusalCode.FILE_BROKEN, None, now=NOW)
        session.refresh(attachment)
        assert attachment.is_refused

    school.write(refuse)
    assert [each.attempt_id for each in school.read(queue.list_queue)] == [sent]
