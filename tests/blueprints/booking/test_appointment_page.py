"""What is decided for the page of an appointment, without a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from lms.blueprints.booking.appointment_page import AppointmentPage, VideoRoom, build_appointment_page
from lms.domain.booking import appointments, attendance, queries
from lms.models import Booking, Channel, Person
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import School

HOUR = wall("2026-12-01", "10:00")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def booking(school: School) -> str:
    def made(session: Session) -> str:
        factories.all_week(session, factories.nadia(session))
        return factories.booked(session, factories.samira(session), factories.nadia(session), HOUR).id

    return school.write(made)


def shown(
    school: School,
    who: Callable[[Session], Person],
    booking: str,
    *,
    done: str | None = None,
    channel: Channel | None = Channel.MAIL,
    now: datetime = NOW,
) -> AppointmentPage:
    def build(session: Session) -> AppointmentPage:
        return build_appointment_page(
            session,
            who(session),
            queries.booking_for(session, factories.claire(session), booking),
            done=done,
            is_mailed=True,
            channel=channel,
            undecided=0,
            free_hour=None,
            is_late=False,
            now=now,
            zone=BRUSSELS,
        )

    with school.app.test_request_context():
        return school.write(build)


def sentences(page: AppointmentPage) -> list[str]:
    return [str(one) for one in page.notice.sentences] if page.notice else []


def test_the_learner_sees_her_appointment_and_nothing_of_the_team(school: School, booking: str) -> None:
    page = shown(school, factories.samira, booking)
    assert str(page.heading) == "Mon rendez-vous"
    assert (page.is_learner, page.is_participant, page.is_upcoming) == (True, True, True)
    assert (page.team, page.agenda_week) == (None, None)
    assert page.teacher_name == "Nadia"


def test_the_teacher_has_a_way_back_to_the_week_and_a_form_for_notes(school: School, booking: str) -> None:
    page = shown(school, factories.nadia, booking)
    assert page.agenda_week == "2026-W49"
    assert page.team is not None
    assert page.team.note_form is not None
    assert (page.team.may_swap, page.team.may_mark) == (True, False)


def test_the_coordinator_may_swap_and_writes_no_notes(school: School, booking: str) -> None:
    page = shown(school, factories.claire, booking)
    assert page.team is not None
    assert page.team.note_form is None
    assert page.team.may_swap
    assert not page.is_participant
    assert page.video_room is None, "the room is for the two"


def test_a_social_worker_marks_and_swaps_nothing(school: School, booking: str) -> None:
    page = shown(school, factories.farid, booking, now=HOUR + MINUTE)
    assert page.team is not None
    assert (page.team.may_mark, page.team.may_swap, page.team.note_form) == (False, False, None)


def test_attendance_is_asked_once_the_hour_has_begun(school: School, booking: str) -> None:
    page = shown(school, factories.nadia, booking, now=HOUR + MINUTE)
    assert page.team is not None
    assert (page.team.may_mark, page.team.may_swap) == (True, False)


@pytest.mark.parametrize(
    ("before", "room"),
    [(timedelta(hours=1), VideoRoom.LATER), (10 * MINUTE, VideoRoom.OPEN), (-2 * timedelta(hours=1), None)],
)
def test_the_video_room_opens_shortly_before_the_hour(
    school: School, booking: str, before: timedelta, room: VideoRoom | None
) -> None:
    assert shown(school, factories.samira, booking, now=HOUR - before).video_room == room


def test_what_was_just_done_is_told_to_each_in_her_words(school: School, booking: str) -> None:
    mailed = shown(school, factories.samira, booking, done="made")
    assert str(mailed.heading) == "C’est réservé"
    assert sentences(mailed) == ["Votre professeur est prévenu.", "Vous recevez un e-mail."]
    by_hand = shown(school, factories.claire, booking, done="moved", channel=Channel.HAND)
    assert by_hand.notice is not None
    assert by_hand.notice.by_hand
    assert sentences(by_hand) == ["Le professeur est prévenu. Prévenez l’apprenant."]
    unreachable = shown(school, factories.claire, booking, done="moved", channel=None)
    assert sentences(unreachable) == ["Sans e-mail ni téléphone : prévenez la personne."]
    assert sentences(shown(school, factories.claire, booking, done="same")) == []


def test_a_cancelled_appointment_says_who_cancelled_it(school: School, booking: str) -> None:
    def cancel(session: Session) -> None:
        claire = factories.claire(session)
        found = queries.booking_for(session, claire, booking)
        appointments.cancel(session, claire, found, "Travaux", now=NOW, zone=BRUSSELS)

    school.write(cancel)
    hers = shown(school, factories.samira, booking)
    assert (str(hers.heading), hers.is_cancelled, hers.video_room) == ("Rendez-vous annulé", True, None)
    assert sentences(hers) == ["Le service a annulé ce rendez-vous."], "the reason is for the team"
    team = shown(school, factories.nadia, booking, done="cancelled")
    assert sentences(team) == [
        "Le service a annulé ce rendez-vous.",
        "Travaux",
        "L’apprenant et le professeur sont prévenus.",
    ]
    assert (hers.team, team.team is not None) == (None, True)


def test_the_next_step_stands_on_her_page_and_in_the_form_of_its_teacher(
    school: School, booking: str
) -> None:
    def write(session: Session) -> None:
        found, nadia = session.get_one(Booking, booking), factories.nadia(session)
        attendance.write_note(session, nadia, found, "privé", "Lire", now=HOUR)

    school.write(write)
    assert shown(school, factories.samira, booking, now=HOUR).next_step == "Lire"
    own = shown(school, factories.nadia, booking, now=HOUR)
    assert own.team is not None
    assert own.team.note_form is not None
    assert (own.next_step, own.team.next_step, own.team.note_form.next_step.data) == ("", "", "Lire")
    other = shown(school, factories.luc, booking, now=HOUR)
    assert other.team is not None
    assert (other.team.note_form, other.team.next_step) == (None, "Lire")
