"""One worker reads the mailbox at a time, and one that fails is tried again ever more rarely."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from lms.domain.homework import mailbox
from lms.models import Mailbox
from tests.factories import NOW
from tests.support.school import School

BOX = "devoirs@mail.example/INBOX"


def test_a_claim_keeps_others_out_until_it_is_over_or_given_back(school: School) -> None:
    def claim(later: timedelta) -> bool:
        return school.write(lambda s: mailbox.claim_mailbox(s, BOX, now=NOW + later))

    assert claim(timedelta(0))
    assert not claim(timedelta(minutes=4))
    school.write(lambda s: mailbox.extend_claim(s, BOX, now=NOW + timedelta(minutes=4)))
    assert not claim(timedelta(minutes=6))
    assert claim(timedelta(minutes=9)), "that worker was killed"
    school.write(lambda s: mailbox.record_success(s, BOX, now=NOW))
    assert claim(timedelta(minutes=10))


def test_the_pauses_of_a_failing_mailbox_grow_to_an_hour_and_it_says_since_when(school: School) -> None:
    def fail(session: Session, moment: timedelta) -> timedelta:
        assert mailbox.claim_mailbox(session, BOX, now=NOW + moment)
        mailbox.record_failure(session, BOX, "login", now=NOW + moment)
        found = session.get_one(Mailbox, BOX)
        assert found.due_at is not None
        return found.due_at - NOW - moment

    def story(session: Session) -> list[float]:
        moment, pauses = timedelta(0), []
        for _ in range(9):
            pauses.append(fail(session, moment))
            moment += pauses[-1]
        return [pause / timedelta(minutes=1) for pause in pauses]

    assert school.write(story) == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    failing = school.read(mailbox.find_failing)
    assert failing is not None
    assert (failing.failing_since, failing.error) == (NOW, "login")
    school.write(lambda s: mailbox.record_success(s, BOX, now=NOW))
    assert school.read(mailbox.find_failing) is None
