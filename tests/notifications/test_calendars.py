"""The mail about a calendar elsewhere that answers no more."""

from __future__ import annotations

from sqlalchemy.orm import Session

from lms.adapters.mail.message import Email
from lms.domain import outbox
from lms.jobs import MAIL_RENDERERS
from lms.models import ExternalCalendar, OutboxItem
from lms.notifications import render_email
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.school import School


def test_the_teacher_is_told_which_calendar_and_not_its_address(school: School) -> None:
    def fail(session: Session) -> tuple[str, str]:
        nadia = factories.nadia(session)
        calendar = ExternalCalendar(
            teacher_id=nadia.id,
            address="https://calendar.example.be/a-secret.ics",
            created_at=NOW,
            failing_since=NOW,
            error="calendar_broken",
        )
        session.add(calendar)
        session.flush()
        return calendar.id, outbox.post(session, "calendar_failing", nadia, calendar.id, now=NOW).id

    calendar_id, item_id = school.write(fail)

    def letter(session: Session) -> Email | None:
        item = session.get_one(OutboxItem, item_id)
        factories.nadia(session)
        item.person = factories.nadia(session)
        return render_email(session, item, MAIL_RENDERERS["calendar_failing"], school.settings, NOW)

    mail = present(school.read(letter))
    assert mail.subject == "Votre agenda calendar.example.be ne répond plus"
    assert "http://localhost/agenda/calendars" in mail.text
    assert "a-secret" not in mail.text + mail.html

    def mend(session: Session) -> None:
        calendar = session.get_one(ExternalCalendar, calendar_id)
        calendar.failing_since, calendar.error = None, ""

    school.write(mend)
    assert school.read(letter) is None, "it answers again"
