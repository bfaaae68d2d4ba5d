"""Aujourd’hui: the cards of a learner, or the start page of the team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, url_for
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lms.access import allow, me
from lms.blueprints.home.team_page import build_team_page
from lms.clock import now
from lms.current import organisation, settings
from lms.domain import notices
from lms.domain.booking.learner_status import AppointmentFacts
from lms.domain.homework.worklist import LearnerAssignment
from lms.domain.lessons.progress import LessonTitle
from lms.domain.today import (
    KeptSlot,
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
from lms.forms.people import ConfirmForm
from lms.models import HomeworkState, Role
from lms.notifications.in_app import NoticeCard, french_moment, notice_cards, where_and_with
from lms.notifications.manual_messages import list_manual_messages
from lms.web.pages import page

bp = Blueprint("home", __name__)

# What fits a small screen: notices and cards together, one of them with the bridge.
THINGS = 3
# Notices of a start page; the page of all of them has the others.
NOTICES = 3
NOTICES_OF_LEARNER = 2  # one and the way to all of them, where there are more


@dataclass(frozen=True)
class Card:
    """A card of the page. `lang`, `title_lang`: the language, when it is not that of the page.

    Title and action are lazy texts: the listen button may need them in French.
    """

    section: str
    icon: str
    title: str | LazyString
    text: str
    href: str
    action: str | LazyString
    lang: str | None = None
    title_lang: str | None = None
    is_form: bool = False  # the button sends a form to `href`
    has_bridge: bool = False


@bp.get("/")
@allow("someone")
def today() -> Response:
    if me().roles & {Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER}:
        return _team()
    return _learner()


def _learner() -> Response:
    session, moment = db.session(), now()
    unseen = _notices(moment)
    noticed = {notice.about_id for notice in unseen}
    found = list_today(session, me(), now=moment)
    most_notices = NOTICES_OF_LEARNER if len(unseen) <= NOTICES_OF_LEARNER else NOTICES_OF_LEARNER - 1
    cards = [card for card in found.cards if _about(card) not in noticed]
    shown = [_card(card) for card in choose_cards(cards, THINGS - min(len(unseen), NOTICES_OF_LEARNER))]
    has_bridge = any(card.has_bridge for card in shown)
    # One thing is the most important: what changed, else the first card.
    first = shown.pop(0) if shown and not unseen else None
    return page(
        "home/learner.html",
        section="today",
        **_shown(unseen, most_notices),
        first=first,
        others=shown,
        done=found.done,
        total=found.total,
        bridge_alone=found.total and not has_bridge,
    )


def choose_cards(cards: Sequence[TodayCard], room: int) -> list[TodayCard]:
    """Return the first cards that there is room for, always with the next lesson: it holds the bridge."""
    chosen = list(cards[:room])
    lesson = next((card for card in cards if isinstance(card, NextLesson)), None)
    if lesson is not None and lesson not in chosen:
        chosen[-1] = lesson
    return chosen


def _notices(moment: datetime) -> list[NoticeCard]:
    return notice_cards(notices.unseen_notices(db.session(), me(), now=moment), zone=settings().time_zone)


def _shown(unseen: list[NoticeCard], room: int = NOTICES) -> dict[str, object]:
    """Return what both start pages show of the notices: the newest ones, and how many there are if more."""
    return {
        "notices": unseen[:room],
        "more_notices": len(unseen) if len(unseen) > room else 0,
        "press": ConfirmForm(formdata=None) if unseen else None,
    }


def _about(found: TodayCard) -> str | None:
    """Return the id of what the card is about, as in a notice; None when no notice is about such a thing."""
    match found:
        case SlotOffer(booking) | LostAppointment(booking) | NextAppointment(booking):
            return booking.id
        case UnseenFeedback(assignment):
            return assignment.submission_id
    return None


def _card(found: TodayCard) -> Card:
    match found:
        case UnseenFeedback(assignment):
            return _answered(assignment)
        case OpenHomework(assignment):
            return _homework(assignment)
        case NextLesson(lesson, is_of_own_level):
            return _lesson(lesson, is_of_own_level)
        case _:
            return _booking(found)


def _booking(found: KeptSlot | SlotOffer | LostAppointment | NextAppointment) -> Card:
    match found:
        case KeptSlot(booking):
            return _kept(booking)
        case SlotOffer(booking):
            return _offer(booking)
        case LostAppointment(booking):
            return _cancelled_card(booking)
        case NextAppointment(booking):
            return _appointment(booking)


def _lesson(lesson: LessonTitle, has_bridge: bool) -> Card:
    words = _l("Continuer la leçon"), lesson.title, url_for("lessons.show", id=lesson.id)
    return Card("lessons", "lesson", *words, _l("Continuer"), "fr", has_bridge=has_bridge)


def _answered(work: LearnerAssignment) -> Card:
    return Card(
        "homework",
        "homework",
        _l("%(name)s a répondu", name=work.teacher or ""),
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


def _offer(found: AppointmentFacts) -> Card:
    words = _l("Une place est libre pour vous"), _french(found), url_for("waitlist.offer", id=found.id)
    return Card("booking", "clock", *words, _l("Répondre oui ou non"), "fr")


def _kept(found: AppointmentFacts) -> Card:
    words = _l("Rendez-vous annulé"), _french(found), url_for("bookings.undo_cancellation", id=found.id)
    return Card("booking", "redo", *words, _l("Reprendre ce rendez-vous"), "fr", is_form=True)


def _cancelled_card(found: AppointmentFacts) -> Card:
    words = _l("Votre professeur ne peut pas venir."), _french(found), url_for("bookings.new")
    return Card("booking", "close", *words, _l("Choisir une place"), "fr")


def _french(found: AppointmentFacts) -> str:
    return french_moment(found.starts, zone=settings().time_zone)


def _appointment(found: AppointmentFacts) -> Card:
    return Card(
        "booking",
        "calendar",
        _french(found),
        where_and_with(
            found.starts,
            found.teacher,
            is_video=found.is_video,
            room=found.room,
            zone=settings().time_zone,
        ),
        url_for("bookings.show", id=found.id),
        _l("Voir le rendez-vous"),
        title_lang="fr",
    )


def _team() -> Response:
    session, person, moment = db.session(), me(), now()
    shown = build_team_page(
        session,
        person,
        messages_waiting=len(list_manual_messages(session, person, settings(), moment)),
        hygiene_notice=organisation().hygiene_notice,
        has_inbox=settings().has_inbox,
        now=moment,
        zone=settings().time_zone,
    )
    return page("home/team.html", section="today", shown=shown, **_shown(_notices(moment)))
