"""What is decided for the start page of the team, without a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from lms.blueprints.home.team_page import ROWS_SHOWN, TeamPage, build_team_page
from lms.models import Booking, Mode, Person
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.narrow import present
from tests.support.school import School

HOUR = wall("2026-12-01", "10:00")


def shown(
    school: School,
    who: Callable[[Session], Person],
    *,
    messages_waiting: int = 0,
    hygiene_notice: bool = False,
    now: datetime = NOW,
) -> TeamPage:
    def build(session: Session) -> TeamPage:
        return build_team_page(
            session,
            who(session),
            messages_waiting=messages_waiting,
            has_inbox=False,
            hygiene_notice=hygiene_notice,
            now=now,
            zone=BRUSSELS,
        )

    with school.app.test_request_context():
        return school.write(build)


def anne(session: Session) -> Person:
    return factories.person(session, "Anne", "teacher", "coordinator", login_email="anne@example.be")


def booked(school: School) -> str:
    def made(session: Session) -> str:
        nadia = factories.nadia(session)
        factories.all_week(session, nadia)
        return factories.booked(session, factories.samira(session), nadia, HOUR).id

    return school.write(made)


def test_each_role_has_its_own_parts(school: School) -> None:
    parts = {
        who: (page.desk is not None, page.figures is not None, page.followed is not None)
        for who in (factories.nadia, factories.claire, factories.farid, anne)
        for page in [shown(school, who)]
    }
    assert parts == {
        factories.nadia: (True, False, False),
        factories.claire: (False, True, False),
        factories.farid: (False, False, True),
        anne: (True, True, False),
    }


def test_the_desk_of_a_teacher_without_work_is_empty(school: School) -> None:
    page = shown(school, factories.nadia, messages_waiting=3)
    desk = present(page.desk)
    assert (page.messages_waiting, page.undecided) == (3, 0)
    assert (desk.to_correct, list(desk.queue), list(desk.appointments)) == (0, [], [])
    assert (desk.unmarked, list(desk.alerts)) == (None, [])


def test_all_copies_are_counted_by_level_and_the_oldest_are_shown(school: School) -> None:
    def sent(session: Session) -> None:
        first = factories.assignment(session)
        second = factories.assignment(session, factories.lesson(session, level_code="N2"))
        for number in range(ROWS_SHOWN):
            learner = factories.learner(session, f"Personne {number}")
            factories.sent(session, learner, first, now=NOW + timedelta(minutes=number))
        factories.sent(session, factories.oksana(session), second, now=NOW - timedelta(hours=1))

    school.write(sent)
    desk = present(shown(school, factories.nadia).desk)
    assert desk.to_correct == ROWS_SHOWN + 1
    assert [(level.name, level.number) for level in desk.counts][:2] == [
        ("Niveau 1", ROWS_SHOWN),
        ("Niveau 2", 1),
    ]
    assert [copy.learner for copy in desk.queue] == [
        "Oksana Bondar",
        *(f"Personne {number}" for number in range(ROWS_SHOWN - 1)),
    ]


def test_appointments_of_the_teacher_tell_where_they_are(school: School) -> None:
    booking = booked(school)

    def place() -> str:
        (row,) = present(shown(school, factories.nadia).desk).appointments
        assert (row.id, row.learner, row.starts) == (booking, "Samira", HOUR)
        return str(row.place)

    def on_site(session: Session) -> None:
        found = session.get_one(Booking, booking)
        found.room_id, found.mode = factories.room(session).id, Mode.ONSITE

    assert place() == "par vidéo"
    school.write(on_site)
    assert place() == "sur place"
    assert list(present(shown(school, factories.luc).desk).appointments) == []


def test_an_appointment_without_an_attendance_leads_to_its_week(school: School) -> None:
    booking = booked(school)
    assert present(shown(school, factories.nadia).desk).unmarked is None
    unmarked = present(shown(school, factories.nadia, now=HOUR + timedelta(hours=1)).desk).unmarked
    assert unmarked is not None
    assert (unmarked.number, unmarked.week, unmarked.first_id) == (1, "2026-W49", booking)


def test_an_alert_says_why_a_learner_needs_attention(school: School) -> None:
    later = NOW + timedelta(days=8)

    def write(session: Session) -> None:
        second = factories.assignment(session, factories.lesson(session, level_code="N2"))
        first = factories.assignment(session)
        for number in range(ROWS_SHOWN):  # the queue beside shows these; Samira's copy stands behind them
            oldest = factories.learner(session, f"Personne {number}")
            factories.sent(session, oldest, first, now=NOW - timedelta(hours=1))
            oldest.seen_at = later
        factories.sent(session, factories.samira(session), first)
        again = factories.sent(session, factories.oksana(session), second)
        factories.answered(session, again, redo=True)

    school.write(write)
    alerts = present(shown(school, factories.nadia, now=later).desk).alerts
    assert [(alert.name, str(alert.reason)) for alert in alerts] == [
        ("Samira", "Premier devoir envoyé"),
        ("Oksana Bondar", "Devoir à refaire, pas encore revenu"),
    ]
    school.write(lambda s: factories.learner(s, "Grace Mbala"))
    alerts = present(shown(school, factories.nadia, now=NOW + timedelta(days=90)).desk).alerts
    assert "Sans nouvelles depuis longtemps" in [str(alert.reason) for alert in alerts]


def test_a_coordinator_counts_learners_and_sees_how_the_service_is_set(school: School) -> None:
    def write(session: Session) -> None:
        factories.organisation(session)
        factories.samira(session)

    school.write(write)
    figures = present(shown(school, factories.claire, hygiene_notice=True).figures)
    assert (figures.by_level[0].name, figures.by_level[0].number) == ("Niveau 1", 1)
    assert (figures.without_card, figures.locked_cards, figures.week_bookings) == (1, 0, 0)
    assert figures.first_steps is not None
    assert (figures.first_steps.learners, figures.first_steps.lessons) == (True, False)
    assert str(figures.hygiene_notice) == "affichés"
    assert str(present(shown(school, factories.claire).figures).hygiene_notice) == "cachés"


def test_a_school_that_has_all_it_needs_shows_no_first_steps(school: School) -> None:
    def write(session: Session) -> None:
        factories.organisation(session)
        factories.lesson(session)

    school.write(write)
    booked(school)
    assert present(shown(school, factories.claire).figures).first_steps is None


def test_a_social_worker_follows_her_own_learners(school: School) -> None:
    booking = booked(school)

    def write(session: Session) -> None:
        farid = factories.farid(session)
        factories.samira(session).social_worker_id = farid.id
        factories.learner(session, "Grace Mbala").social_worker_id = farid.id
        factories.oksana(session)

    school.write(write)
    followed = present(shown(school, factories.farid).followed)
    assert [(each.id, each.learner, each.starts) for each in followed.coming] == [(booking, "Samira", HOUR)]
    assert (list(followed.missed), list(followed.silent), list(followed.next_steps)) == ([], [], [])
    later = present(shown(school, factories.farid, now=NOW + timedelta(days=20)).followed)
    assert {each.name for each in later.silent} == {"Samira", "Grace Mbala"}
