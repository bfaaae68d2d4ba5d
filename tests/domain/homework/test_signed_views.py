from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts, files, signed_views
from lms.domain.homework.returns import UNDOABLE
from lms.domain.people import staff
from lms.models import Attempt, AuditEvent, OutboxItem, Rendition, SignedView
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.school import School

LATER = NOW + timedelta(days=1)


@pytest.fixture
def token(school: School) -> str:
    """The token in the mail about an answer to Samira, which is final at NOW."""

    def write(session: Session) -> str:
        sent = factories.sent(session, factories.samira(session), factories.assignment(session))
        factories.answered(session, sent)
        return present(session.scalars(select(OutboxItem.secret)).one())

    return school.write(write)


def refusal(school: School, token: str, days: int = 1) -> RefusalCode | None:
    """Return why the view does not open after so many days; None when it does."""
    try:
        school.read(lambda s: signed_views.open_view(s, token, now=NOW + timedelta(days=days)))
    except Refused as refused:
        return refused.code
    return None


def test_the_token_of_the_mail_opens_one_answer_for_thirty_days(school: School, token: str) -> None:
    def look(session: Session) -> tuple[str, str, int]:
        found = signed_views.open_view(session, token, now=LATER)
        return found.learner.name, found.returned.comment, found.attempt.number

    assert school.read(look) == ("Samira", "Bravo, le message est clair.", 1)
    assert refusal(school, token, 29) is None
    assert refusal(school, token, 30) == RefusalCode.VIEW_EXPIRED
    stored = school.read(lambda s: s.scalars(select(SignedView.token_hash)).one())
    assert token not in stored


def test_nothing_opens_before_the_return_is_final_or_under_another_token(school: School, token: str) -> None:
    for wrong, now in ((token, NOW - timedelta(seconds=1)), (token[:-1], LATER), ("", LATER)):
        with pytest.raises(Absent):
            school.read(lambda s, wrong=wrong, now=now: signed_views.open_view(s, wrong, now=now))  # type: ignore[misc]


def test_a_teacher_ends_it_and_so_does_the_departure_of_the_learner(school: School, token: str) -> None:
    def revoke(session: Session) -> None:
        nadia = factories.nadia(session)
        attempt = session.scalars(select(Attempt)).one()
        copy = attempts.queued_attempt_for(session, nadia, attempt.id)
        assert signed_views.has_open_view(session, copy, now=LATER)
        for _ in range(2):
            signed_views.revoke_views(session, nadia, copy, now=LATER)
        assert not signed_views.has_open_view(session, copy, now=LATER)
        done = select(AuditEvent).where(AuditEvent.action == "views_revoked")
        assert len(session.scalars(done).all()) == 1

    school.write_and_undo(revoke)
    assert refusal(school, token) is None
    school.write_and_undo(lambda s: signed_views.revoke_views_of(s, factories.oksana(s), now=LATER))

    def leave(session: Session) -> None:
        staff.deactivate(session, factories.claire(session), factories.samira(session), now=LATER)
        signed_views.revoke_views_of(session, factories.samira(session), now=LATER)

    school.write(leave)
    assert refusal(school, token) == RefusalCode.VIEW_EXPIRED
    school.write(lambda s: staff.reactivate(s, factories.claire(s), factories.samira(s), now=LATER))
    assert refusal(school, token) == RefusalCode.VIEW_EXPIRED, "coming back opens no old address"


def test_the_night_deletes_what_is_over_a_week_later(school: School, token: str) -> None:
    def views_left(days: int) -> int:
        school.write(lambda s: signed_views.delete_expired_views(s, now=NOW + timedelta(days=days)))
        return len(school.read(lambda s: s.scalars(select(SignedView)).all()))

    assert [views_left(36), views_left(38)] == [1, 0]


def test_pages_of_the_attempt_are_delivered_and_of_no_other(school: School, token: str) -> None:
    def look(session: Session) -> None:
        store = LocalStore(school.settings.uploads / "store")
        made = []
        for person in (factories.samira(session), factories.learner(session, "Tesfay")):
            work = factories.assignment(session)
            draft = factories.drafted(session, person, work, "Bonjour", now=LATER)
            files.add_file(session, draft, work, factories.stored(store, person.name.encode()), now=LATER)
            made.append(session.scalars(select(Rendition).order_by(Rendition.id)).all()[-1])
        found = signed_views.open_view(session, token, now=LATER)
        for other in made:
            with pytest.raises(Absent):
                signed_views.page_for(session, found, other.id)

    school.write(look)


def test_without_an_address_there_is_no_view_and_an_undo_takes_it_away(school: School) -> None:
    def answer(session: Session) -> int:
        given = factories.assignment(session, factories.lesson(session, level_code="N2"))
        factories.answered(session, factories.sent(session, factories.oksana(session), given))
        return len(session.scalars(select(SignedView)).all())

    assert school.write(answer) == 0


def test_the_time_begins_when_the_return_is_final(school: School, token: str) -> None:
    view = school.read(lambda s: s.scalars(select(SignedView)).one())
    assert view.expires_at == NOW + signed_views.KEPT
    assert timedelta(seconds=30) == UNDOABLE
