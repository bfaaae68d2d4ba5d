"""Aujourd’hui: what each role meets first."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, url_for
from flask_babel import LazyString, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lms.access import allow, me
from lms.clock import now
from lms.current import settings
from lms.domain.booking import queries, team_queries
from lms.domain.booking.availability_search import iso_week_of
from lms.domain.homework import alerts, correction
from lms.domain.homework.worklist import LearnerAssignment
from lms.domain.lessons import progress
from lms.domain.people import directory
from lms.domain.statistics import current_figures
from lms.domain.today import (
    LostAppointment,
    NextAppointment,
    NextLesson,
    OpenHomework,
    SlotOffer,
    TodayCard,
    UnseenFeedback,
    list_today,
)
from lms.extensions import db
from lms.i18n import dates, languages
from lms.models import Booking, HomeworkState, Lesson, Person, Role
from lms.notifications.manual_messages import list_manual_messages
from lms.web.pages import page

bp = Blueprint("home", __name__)

NBSP = "\N{NO-BREAK SPACE}"
SMALL_CARDS = 3
QUEUE_SHOWN = 6


@dataclass(frozen=True)
class Card:
    """One next useful thing. `lang`, `title_lang`: the language, when it is not that of the page.

    Title and action are looked up when they are written: the listen button may say them in French.
    """

    section: str
    icon: str
    title: str | LazyString
    text: str
    href: str
    action: str | LazyString
    lang: str | None = None
    title_lang: str | None = None


@bp.get("/")
@allow("someone")
def today() -> Response:
    roles = me().roles
    if Role.TEACHER in roles:
        return _teacher()
    if Role.COORDINATOR in roles:
        return _coordinator()
    if Role.SOCIAL_WORKER in roles:
        return _social_worker()
    return _learner()


def _learner() -> Response:
    found = list_today(db.session(), me(), now=now())
    cards = [_card(one) for one in found.cards[: 1 + SMALL_CARDS]]
    return page(
        "home/learner.html",
        section="today",
        first=cards[0] if cards else None,
        others=cards[1:],
        done=found.done,
        total=found.total,
    )


def _card(found: TodayCard) -> Card:
    match found:
        case SlotOffer(booking):
            return _offer(booking)
        case LostAppointment(booking):
            return _called_off(booking)
        case UnseenFeedback(assignment):
            return _answered(assignment)
        case NextAppointment(booking):
            return _appointment(booking)
        case OpenHomework(assignment):
            return _homework(assignment)
        case NextLesson(lesson):
            return _lesson(lesson)


def _lesson(lesson: Lesson) -> Card:
    words = _l("Continuer la leçon"), lesson.title, url_for("lessons.show", id=lesson.id)
    return Card("lessons", "lesson", *words, _l("Continuer"), "fr")


def _answered(work: LearnerAssignment) -> Card:
    first_name = (work.teacher or "").split(" ")[0]
    return Card(
        "homework",
        "homework",
        _l("%(name)s a répondu", name=first_name),
        work.lesson_title,
        url_for("submissions.show", id=work.submission_id),
        _l("Lire la réponse"),
        "fr",
    )


def _homework(work: LearnerAssignment) -> Card:
    again = work.state == HomeworkState.REDO
    return Card(
        "homework",
        "redo" if again else "homework",
        _l("Devoir à refaire") if again else _l("Devoir à faire"),
        work.lesson_title,
        url_for("homework.work", id=work.assignment.id),
        _l("Recommencer") if again else _l("Faire le devoir"),
        "fr",
    )


def _offer(found: Booking) -> Card:
    words = _l("Une heure est libre pour vous"), _french(found), url_for("waitlist.offer", id=found.id)
    return Card("booking", "clock", *words, _l("Répondre oui ou non"), "fr")


def _called_off(found: Booking) -> Card:
    words = _l("Votre professeur ne peut pas venir."), _french(found), url_for("bookings.new")
    return Card("booking", "close", *words, _l("Choisir une heure"), "fr")


def _french(found: Booking) -> str:
    """The number stays with its month, and the hour in one piece."""
    zone = settings().time_zone
    written = dates.day(found.starts, zone).capitalize().rsplit(" ", 1)
    return f"{NBSP.join(written)}, {dates.hour(found.starts, zone)}"


def _appointment(found: Booking) -> Card:
    zone = settings().time_zone
    language = languages.shown_in(str(get_locale())).code
    own_day = "" if language == "fr" else f"{dates.day(found.starts, zone, language)} · "
    where = _("par vidéo") if found.mode == "video" else _("sur place")
    with_whom = _("avec %(name)s", name=found.teacher.first_name)
    return Card(
        "booking",
        "calendar",
        _french(found),
        f"{own_day}{with_whom} · {where} · {_('heure de Belgique')}",
        url_for("bookings.show", id=found.id),
        _l("Voir le rendez-vous"),
        title_lang="fr",
    )


@dataclass(frozen=True)
class UnmarkedAppointments:
    """Appointments of which nobody said who came, and the week of the agenda where that is said."""

    number: int
    href: str


def _teacher() -> Response:
    session: Session = db.session()
    person, moment = me(), now()
    zone = settings().time_zone
    return page(
        "home/teacher.html",
        section="today",
        messages_waiting=_messages_waiting(),
        undecided=_undecided(),
        unmarked=_unmarked(),
        counts=correction.counts_by_level(session),
        queue=correction.list_queue(session, limit=QUEUE_SHOWN),
        appointments=queries.upcoming_appointments(session, person, limit=QUEUE_SHOWN, now=moment),
        today=moment.astimezone(zone).date(),
        needs=alerts.learner_alerts(session, now=moment),
        numbers=current_figures(session, now=moment) if Role.COORDINATOR in person.roles else None,
    )


def _coordinator() -> Response:
    return page(
        "home/coordinator.html",
        section="today",
        messages_waiting=_messages_waiting(),
        undecided=_undecided(),
        numbers=current_figures(db.session(), now=now()),
    )


def _social_worker() -> Response:
    session: Session = db.session()
    person: Person = me()
    hers = directory.learners_of_social_worker(session, person)
    ids = [one.id for one in hers]
    return page(
        "home/social_worker.html",
        section="today",
        messages_waiting=_messages_waiting(),
        people=hers,
        progress=progress.class_progress(session, ids),
        appointments=queries.next_appointments(session, ids, now=now()),
    )


def _messages_waiting() -> int:
    return len(list_manual_messages(db.session(), me(), settings(), now()))


def _undecided() -> int:
    return len(team_queries.conflicts_for(db.session(), me(), now=now(), zone=settings().time_zone))


def _unmarked() -> UnmarkedAppointments | None:
    found = team_queries.unmarked_appointments(db.session(), me(), now=now())
    if not found:
        return None
    week = iso_week_of(found[0].starts, zone=settings().time_zone)
    return UnmarkedAppointments(len(found), url_for("agenda.index", week=week, _anchor=f"b-{found[0].id}"))
