"""What others changed for a person waits on the start page until the person has seen it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain import notices, outbox
from lms.domain.booking import appointments
from lms.domain.calendars import external
from lms.domain.errors import Absent
from lms.domain.homework import attempts, preparation
from lms.models import Attempt, Booking, ExternalCalendar, Mode, Notice, NoticeKind
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW, Who, wall
from tests.support.school import School

FRIDAY = wall("2026-11-27", "14:00")
HOUR = timedelta(hours=1)


@pytest.fixture
def booking(school: School) -> str:
    """Oksana, who has neither e-mail nor phone, booked an hour with Nadia."""

    def book(session: Session) -> str:
        nadia = factories.nadia(session)
        factories.all_week(session, nadia)
        return factories.booked(session, factories.oksana(session), nadia, FRIDAY).id

    return school.write(book)


def unseen(school: School, who: Who = factories.oksana, at: datetime = NOW) -> list[NoticeKind]:
    return school.read(lambda s: [each.kind for each in notices.unseen_notices(s, who(s), now=at)])


def move(school: School, booking: str, to: datetime, who: Who = factories.nadia, at: datetime = NOW) -> None:
    school.write(
        lambda s: appointments.move(
            s, who(s), s.get_one(Booking, booking), to, Mode.VIDEO, now=at, zone=BRUSSELS
        )
    )


def cancel(school: School, booking: str, who: Who = factories.nadia) -> None:
    school.write(
        lambda s: appointments.cancel(s, who(s), s.get_one(Booking, booking), "", now=NOW, zone=BRUSSELS)
    )


def see(school: School, *notice_ids: str, who: Who = factories.oksana, at: datetime = NOW) -> None:
    school.write(lambda s: notices.mark_seen(s, who(s), notice_ids, now=at))


def ids(school: School, who: Who = factories.oksana, at: datetime = NOW) -> list[str]:
    return school.read(lambda s: [each.notice.id for each in notices.unseen_notices(s, who(s), now=at)])


def test_nobody_is_told_what_the_person_did_and_the_other_is(school: School, booking: str) -> None:
    assert unseen(school) == []
    assert unseen(school, factories.nadia) == [NoticeKind.BOOKING_MADE]
    cancel(school, booking, factories.oksana)
    assert unseen(school) == []
    assert unseen(school, factories.nadia) == [], "it may still be taken back"
    assert unseen(school, factories.nadia, at=NOW + timedelta(minutes=11)) == [NoticeKind.BOOKING_CANCELLED]


def test_moved_twice_and_cancelled_is_one_notice_with_the_last_truth(school: School, booking: str) -> None:
    move(school, booking, FRIDAY - HOUR)
    move(school, booking, FRIDAY - 2 * HOUR)
    (details,) = school.read(lambda s: notices.unseen_notices(s, factories.oksana(s), now=NOW))
    assert details.kind == NoticeKind.BOOKING_MOVED
    assert details.booking is not None
    assert details.booking.starts == FRIDAY - 2 * HOUR
    cancel(school, booking)
    assert unseen(school) == [NoticeKind.BOOKING_CANCELLED]
    assert unseen(school, at=FRIDAY + timedelta(days=20)) == [NoticeKind.BOOKING_CANCELLED], "until seen"


def test_what_makes_no_sense_any_more_is_gone(school: School, booking: str) -> None:
    move(school, booking, FRIDAY - HOUR)
    assert unseen(school, at=FRIDAY - 2 * HOUR) == [NoticeKind.BOOKING_MOVED], "a reminder says no more"
    see(school, *ids(school))
    assert unseen(school, at=FRIDAY - 25 * HOUR) == [NoticeKind.BOOKING_REMINDER]
    assert unseen(school, at=FRIDAY - 3 * HOUR) == [NoticeKind.BOOKING_SOON]
    assert unseen(school, at=FRIDAY - HOUR) == []


def test_only_what_the_page_has_shown_is_seen(school: School, booking: str) -> None:
    move(school, booking, FRIDAY - HOUR)
    shown = ids(school)
    move(school, booking, FRIDAY - 2 * HOUR)
    see(school, *shown)
    assert unseen(school) == [NoticeKind.BOOKING_MOVED], "the hour after the second move was not shown yet"
    see(school, *ids(school), who=factories.nadia)
    assert unseen(school) == [NoticeKind.BOOKING_MOVED], "it is not hers"
    see(school, *ids(school), at=FRIDAY - 4 * HOUR)
    assert unseen(school, at=FRIDAY - 4 * HOUR) == [], "the due reminder of the same hour is seen too"


def test_the_nearest_appointment_comes_first_and_the_rest_follows_with_the_newest_first(
    school: School, booking: str
) -> None:
    def book(days: int, at: datetime) -> None:
        school.write(
            lambda s: factories.booked(
                s,
                factories.oksana(s),
                factories.nadia(s),
                FRIDAY + timedelta(days=days),
                by=factories.nadia(s),
                now=at,
            )
        )

    def post(session: Session) -> None:
        for minutes, about_id in enumerate(("older", "newer")):
            outbox.post_notice(
                session,
                NoticeKind.FILE_REFUSED,
                factories.oksana(session),
                about_id,
                now=NOW + timedelta(minutes=minutes),
            )

    book(3, NOW + 2 * HOUR)
    school.write(post)
    book(4, NOW)
    move(school, booking, FRIDAY - HOUR, at=NOW + HOUR)
    found = school.read(
        lambda s: [
            each.booking.starts if each.booking else each.notice.about_id
            for each in notices.unseen_notices(s, factories.oksana(s), now=NOW + 3 * HOUR)
        ]
    )
    coming = [FRIDAY - HOUR, FRIDAY + timedelta(days=3), FRIDAY + timedelta(days=4)]
    assert found == [*coming, "newer", "older"]


def test_a_notice_of_somebody_else_does_not_exist(school: School, booking: str) -> None:
    (hers,) = ids(school, factories.nadia)
    with pytest.raises(Absent):
        school.read(lambda s: notices.notice_for(s, factories.oksana(s), hers))
    assert school.read(lambda s: notices.notice_for(s, factories.nadia(s), hers)).kind == "booking_made"


def test_refused_files_of_one_attempt_are_one_notice_until_it_is_seen(school: School) -> None:
    def send(session: Session) -> str:
        return factories.sent(session, factories.samira(session), factories.assignment(session)).id

    def refuse(at: datetime) -> None:
        school.write(lambda s: preparation.notify_refused_file(s, s.get_one(Attempt, attempt), now=at))

    attempt = school.write(send)
    refuse(NOW)
    refuse(NOW + HOUR)
    assert unseen(school, factories.samira, NOW + HOUR) == [NoticeKind.FILE_REFUSED]
    see(school, *ids(school, factories.samira, NOW + HOUR), who=factories.samira, at=NOW + HOUR)
    refuse(NOW + 2 * HOUR)
    (details,) = school.read(lambda s: notices.unseen_notices(s, factories.samira(s), now=NOW + 2 * HOUR))
    assert details.submission is not None
    assert details.lesson_title


def test_feedback_that_was_read_is_no_news(school: School) -> None:
    def answer(session: Session) -> str:
        sent = factories.sent(session, factories.samira(session), factories.assignment(session))
        factories.answered(session, sent)
        return sent.submission_id

    submission = school.write(answer)
    assert unseen(school, factories.samira) == [NoticeKind.FEEDBACK_RETURNED]
    school.write(lambda s: attempts.mark_feedback_seen(s, factories.samira(s), submission, now=NOW))
    assert unseen(school, factories.samira) == []


def test_a_calendar_that_answers_again_is_no_news(school: School) -> None:
    def fail(session: Session) -> str:
        calendar = ExternalCalendar(
            teacher_id=factories.nadia(session).id, address="https://a.example/n.ics", created_at=NOW
        )
        session.add(calendar)
        session.flush()
        for moment in (NOW, NOW + external.PATIENCE):
            external.record_failure(session, calendar.id, RefusalCode.CALENDAR_UNREACHABLE, now=moment)
        return calendar.id

    later = NOW + external.PATIENCE
    calendar = school.write(fail)
    assert unseen(school, factories.nadia, later) == [NoticeKind.CALENDAR_FAILING]
    school.write(lambda s: external.record_unchanged(s, calendar, now=later))
    assert unseen(school, factories.nadia, later) == []


def test_notices_of_long_ago_are_deleted_and_what_nobody_has_seen_is_kept_for_a_year(school: School) -> None:
    def post(session: Session) -> None:
        samira = factories.samira(session)
        for about_id in ("seen", "unseen", "over"):
            until = NOW + HOUR if about_id == "over" else None
            outbox.post_notice(session, NoticeKind.FILE_REFUSED, samira, about_id, expires_at=until, now=NOW)
        outbox.mark_notices_seen(session, Notice.about_id == "seen", now=NOW)

    def left_after(pause: timedelta) -> set[str]:
        school.write(lambda s: notices.delete_old_notices(s, now=NOW + pause))
        return school.read(lambda s: set(s.scalars(select(Notice.about_id))))

    school.write(post)
    assert left_after(notices.SEEN_KEPT) == {"seen", "unseen", "over"}
    assert left_after(notices.SEEN_KEPT + 2 * HOUR) == {"unseen"}
    assert left_after(notices.KEPT + HOUR) == set()


def test_a_learner_who_never_looks_costs_a_page_no_more_than_it_lists(school: School) -> None:
    def post(session: Session) -> None:
        for number in range(notices.MOST_LISTED + 5):
            outbox.post_notice(
                session, NoticeKind.FILE_REFUSED, factories.samira(session), str(number), now=NOW
            )

    samira = school.write(factories.samira)

    def listed() -> tuple[int, int]:
        with school.counting_statements() as sent:
            found = school.read(lambda s: notices.unseen_notices(s, samira, now=NOW))
        return len(found), len(sent)

    assert listed() == (0, 1)
    school.write(post)
    assert listed() == (notices.MOST_LISTED, 2)
    assert school.read(lambda s: s.scalar(select(func.count(Notice.id)))) == notices.MOST_LISTED + 5
