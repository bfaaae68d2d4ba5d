"""The content of the start page of the team, by role."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lms.domain.booking import assigned_learners, team_queries
from lms.domain.booking.assigned_learners import LearnerAppointment, SilentLearner
from lms.domain.booking.availability_search import iso_week_of
from lms.domain.homework import alerts, inbox_tray, mailbox, queue
from lms.domain.homework.alerts import Alert
from lms.domain.homework.queue import WaitingAttempt
from lms.domain.people.directory import LevelCount
from lms.domain.statistics import FirstSteps, current_figures
from lms.i18n.alert_reasons import REASONS
from lms.models import Mode, Person, Role

ROWS_SHOWN = 6


@dataclass(frozen=True)
class AppointmentRow:
    """An upcoming appointment of the teacher."""

    id: str
    learner: str
    starts: datetime
    place: LazyString


@dataclass(frozen=True)
class UnmarkedAppointments:
    """Appointments without attendance: how many, the week of the agenda and the first one in it."""

    number: int
    week: str
    first_id: str


@dataclass(frozen=True)
class AlertRow:
    """A learner who needs attention, why, and since when."""

    person_id: str
    name: str
    reason: LazyString
    since: datetime


@dataclass(frozen=True)
class TeacherDesk:
    """Work of a teacher: attempts to correct, appointments, learners who need attention."""

    to_correct: int
    counts: Sequence[LevelCount]
    queue: Sequence[WaitingAttempt]
    appointments: Sequence[AppointmentRow]
    unmarked: UnmarkedAppointments | None
    alerts: Sequence[AlertRow]


@dataclass(frozen=True)
class ServiceFigures:
    """Figures for a coordinator, and some settings of the organisation."""

    by_level: Sequence[LevelCount]
    without_card: int
    locked_cards: int
    without_social_worker: int
    waiting_copies: int
    week_bookings: int
    failed_mails: int
    hygiene_notice: LazyString
    first_steps: FirstSteps | None  # None: all are done


@dataclass(frozen=True)
class SocialWorkerDesk:
    """News of the learners of a social worker. Their list is a page of its own."""

    coming: Sequence[LearnerAppointment]
    missed: Sequence[LearnerAppointment]
    silent: Sequence[SilentLearner]
    next_steps: Sequence[LearnerAppointment]


@dataclass(frozen=True)
class TeamPage:
    """The start page of a member of the team.

    `mails_waiting`: mails to file, for teachers and coordinators; `mailbox_fails`: for coordinators.
    `desk` is for teachers and `figures` for coordinators; somebody who is both has both. `followed` is for a
    social worker who is neither; it is None for the others.
    """

    messages_waiting: int
    undecided: int
    mails_waiting: int
    mailbox_fails: bool
    desk: TeacherDesk | None
    figures: ServiceFigures | None
    followed: SocialWorkerDesk | None


def build_team_page(
    session: Session,
    person: Person,
    *,
    messages_waiting: int,
    hygiene_notice: bool,
    has_inbox: bool,
    now: datetime,
    zone: ZoneInfo,
) -> TeamPage:
    """Decide what a member of the team sees on the start page.

    `messages_waiting`: how many messages the person may send by hand. `hygiene_notice`: whether it is shown.
    """
    teaches, coordinates = Role.TEACHER in person.roles, Role.COORDINATOR in person.roles
    return TeamPage(
        messages_waiting=messages_waiting,
        undecided=team_queries.count_conflicts_for(session, person, now=now),
        mails_waiting=inbox_tray.count_waiting(session) if has_inbox and (teaches or coordinates) else 0,
        mailbox_fails=has_inbox and coordinates and mailbox.find_failing(session) is not None,
        desk=_desk(session, person, now, zone) if teaches else None,
        figures=_figures(session, now, zone, hygiene_notice=hygiene_notice) if coordinates else None,
        followed=None if teaches or coordinates else _followed(session, person, now),
    )


def _desk(session: Session, person: Person, now: datetime, zone: ZoneInfo) -> TeacherDesk:
    counts = queue.counts_by_level(session)
    coming = team_queries.coming_appointments(session, person, ROWS_SHOWN, now=now)
    waiting = queue.list_queue(session, limit=ROWS_SHOWN)
    listed = [copy.attempt_id for copy in waiting]
    return TeacherDesk(
        to_correct=sum(each.number for each in counts),
        counts=counts,
        queue=waiting,
        appointments=[_appointment(*each) for each in coming],
        unmarked=_unmarked(session, person, now, zone),
        alerts=[_alert(each) for each in alerts.learner_alerts(session, listed, now=now)],
    )


def _appointment(id: str, starts: datetime, mode: Mode, learner: str) -> AppointmentRow:
    return AppointmentRow(id, learner, starts, _l("sur place") if mode.is_onsite else _l("par vidéo"))


def _unmarked(session: Session, person: Person, now: datetime, zone: ZoneInfo) -> UnmarkedAppointments | None:
    found = team_queries.unmarked_appointments(session, person, now=now)
    if not found:
        return None
    return UnmarkedAppointments(len(found), iso_week_of(found[0].starts, zone=zone), found[0].id)


def _alert(found: Alert) -> AlertRow:
    return AlertRow(found.person_id, found.name, REASONS[found.reason], found.since)


def _figures(session: Session, now: datetime, zone: ZoneInfo, *, hygiene_notice: bool) -> ServiceFigures:
    found = current_figures(session, now=now, zone=zone)
    return ServiceFigures(
        by_level=found.by_level,
        without_card=found.without_card,
        locked_cards=found.locked_cards,
        without_social_worker=found.without_social_worker,
        waiting_copies=found.waiting_copies,
        week_bookings=found.week_bookings,
        failed_mails=found.failed_mails,
        hygiene_notice=_l("affichés") if hygiene_notice else _l("cachés"),
        first_steps=None if found.first_steps.are_done else found.first_steps,
    )


def _followed(session: Session, person: Person, now: datetime) -> SocialWorkerDesk:
    return SocialWorkerDesk(
        coming=assigned_learners.coming_appointments_for(session, person, now=now),
        missed=assigned_learners.missed_appointments_for(session, person, now=now),
        silent=assigned_learners.silent_learners_for(session, person, now=now),
        next_steps=assigned_learners.next_steps_for(session, person, now=now),
    )
