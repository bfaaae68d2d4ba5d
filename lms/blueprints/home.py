"""Aujourd’hui: what each role meets first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, Response
from flask_babel import LazyString, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lms.access import allow, me
from lms.clock import now
from lms.domain.booking import learner_status, queries
from lms.domain.homework import alerts, correction, worklist
from lms.domain.lessons import progress
from lms.domain.people import directory
from lms.domain.statistics import current_figures
from lms.extensions import db
from lms.i18n import dates, languages
from lms.models import Booking, Person
from lms.web import page, settings

bp = Blueprint("home", __name__)

SOON = timedelta(days=1)
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
    if "teacher" in roles:
        return _teacher()
    if "coordinator" in roles:
        return _coordinator()
    if "social_worker" in roles:
        return _social_worker()
    return _learner()


def _learner() -> Response:
    session: Session = db.session()
    person, moment = me(), now()
    works = worklist.assignments_of_learner(session, person)
    appointment = queries.next_appointment(session, person, now=moment)
    lesson = progress.next_lesson(session, person)
    bridges = progress.progress_by_level(session, person)
    soon = appointment is not None and appointment.starts - moment < SOON
    offers, called_off = learner_status.open_offers_and_cancelled(session, person, now=moment)
    # An offer is hers for some hours only, and that nobody comes tomorrow she may know from nowhere else.
    cards = [_offer(offer) for offer in offers]
    lost = called_off if called_off is not None and called_off.starts > moment else None
    if lost is not None and lost.starts - moment < SOON:
        cards.append(_called_off(lost))
    cards += [_answered(work) for work in works if work.unseen]
    if appointment is not None and soon:
        cards.append(_appointment(appointment))
    cards += [_homework(work) for work in works if work.state in ("redo", "todo") and not work.unseen][:1]
    if lesson is not None:
        cards.append(
            Card(
                "lessons",
                "lesson",
                _l("Continuer la leçon"),
                lesson.title,
                f"/lessons/{lesson.id}",
                _l("Continuer"),
                "fr",
            )
        )
    if lost is not None and lost.starts - moment >= SOON:
        cards.append(_called_off(lost))
    if appointment is not None and not soon:
        cards.append(_appointment(appointment))
    done, total = bridges.get(person.level_id or "", (0, 0))
    return page(
        "home/learner.html",
        section="today",
        first=cards[0] if cards else None,
        others=cards[1 : 1 + SMALL_CARDS],
        done=done,
        total=total,
    )


def _answered(work: worklist.LearnerAssignment) -> Card:
    first_name = (work.teacher or "").split(" ")[0]
    return Card(
        "homework",
        "homework",
        _l("%(name)s a répondu", name=first_name),
        work.lesson_title,
        f"/submissions/{work.submission_id}",
        _l("Lire la réponse"),
        "fr",
    )


def _homework(work: worklist.LearnerAssignment) -> Card:
    again = work.state == "redo"
    return Card(
        "homework",
        "redo" if again else "homework",
        _l("Devoir à refaire") if again else _l("Devoir à faire"),
        work.lesson_title,
        f"/assignments/{work.assignment.id}",
        _l("Recommencer") if again else _l("Faire le devoir"),
        "fr",
    )


def _offer(found: Booking) -> Card:
    words = _l("Une heure est libre pour vous"), _french(found), f"/offers/{found.id}"
    return Card("booking", "clock", *words, _l("Répondre oui ou non"), "fr")


def _called_off(found: Booking) -> Card:
    words = _l("Votre professeur ne peut pas venir."), _french(found), "/bookings/new"
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
        f"/bookings/{found.id}",
        _l("Voir le rendez-vous"),
        title_lang="fr",
    )


def _teacher() -> Response:
    session: Session = db.session()
    person, moment = me(), now()
    zone = settings().time_zone
    return page(
        "home/teacher.html",
        section="today",
        counts=correction.counts_by_level(session),
        queue=correction.list_queue(session, limit=QUEUE_SHOWN),
        appointments=queries.upcoming_appointments(session, person, limit=QUEUE_SHOWN, now=moment),
        today=moment.astimezone(zone).date(),
        needs=alerts.learner_alerts(session, now=moment),
        numbers=current_figures(session, now=moment) if "coordinator" in person.roles else None,
    )


def _coordinator() -> Response:
    session: Session = db.session()
    return page("home/coordinator.html", section="today", numbers=current_figures(session, now=now()))


def _social_worker() -> Response:
    session: Session = db.session()
    person: Person = me()
    hers = directory.learners_of_social_worker(session, person)
    ids = [one.id for one in hers]
    return page(
        "home/social_worker.html",
        section="today",
        people=hers,
        progress=progress.class_progress(session, ids),
        appointments=queries.next_appointments(session, ids, now=now()),
    )
