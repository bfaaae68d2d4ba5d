"""Notices as the start page shows them, in the language of the page: what changed, and the next step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import url_for
from flask_babel import LazyString, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from lms.domain.notices import NoticeDetails
from lms.i18n import dates, languages
from lms.models import NoticeKind


@dataclass(frozen=True)
class NoticeCard:
    """A notice as a card, about an appointment, a submission or the like.

    `line` is in French, as on signs and in the lessons; `text` in the own language. Title and action are lazy
    texts: the listen button may need them in French.
    """

    id: str
    about_id: str
    section: str
    icon: str
    title: str | LazyString
    line: str
    text: str
    action: str | LazyString
    href: str


def notice_cards(found: Sequence[NoticeDetails], *, zone: ZoneInfo) -> list[NoticeCard]:
    """Return a card for each notice, in the same order; without those about something that is gone."""
    cards = (_CARDS[details.kind](details, zone) for details in found)
    return [card for card in cards if card is not None]


def french_moment(starts: datetime, *, zone: ZoneInfo) -> str:
    """Return day and hour in French, with no-break spaces: they are the same on every sign and clock."""
    written = dates.day(starts, zone).capitalize().rsplit(" ", 1)
    return f"{dates.NBSP.join(written)}, {dates.hour(starts, zone)}"


def where_and_with(starts: datetime, name: str, *, is_video: bool, room: str | None, zone: ZoneInfo) -> str:
    """Return the day in the language of the page, when that is not French, with whom, and where."""
    where = _("par vidéo") if is_video else _("sur place")
    rooms = [] if room is None else [room]
    return " · ".join(
        (*_own_day(starts, zone), _("avec %(name)s", name=name), where, *rooms, _("heure de Belgique"))
    )


def _own_day(starts: datetime, zone: ZoneInfo) -> list[str]:
    """Return the day in the language of the page; nothing in French, which is always written."""
    language = languages.shown_in(str(get_locale())).code
    return [] if language == "fr" else [dates.day(starts, zone, language)]


_Card = Callable[[NoticeDetails, ZoneInfo], NoticeCard | None]


@dataclass(frozen=True)
class _Appointment:
    """How a notice about an appointment is worded; `own`: to the teacher, about a learner."""

    icon: str
    title: LazyString
    taught: LazyString

    def __call__(self, details: NoticeDetails, zone: ZoneInfo) -> NoticeCard | None:
        booking, notice = details.booking, details.notice
        if booking is None:
            return None
        teaches = booking.teacher_id == notice.person_id
        action, href = _l("Voir le rendez-vous"), url_for("bookings.show", id=booking.id)
        if details.kind == NoticeKind.BOOKING_OFFER:
            action, href = _l("Répondre oui ou non"), url_for("waitlist.offer", id=booking.id)
        elif details.kind == NoticeKind.BOOKING_CANCELLED and not teaches:
            action, href = _l("Choisir une place"), url_for("bookings.new")
        text = where_and_with(
            booking.starts,
            booking.learner.name if teaches else booking.teacher.short_name,
            is_video=booking.is_video,
            room=booking.room.name if booking.room else None,
            zone=zone,
        )
        if details.kind == NoticeKind.BOOKING_CANCELLED and booking.cancelled_by_teacher and not teaches:
            text = " · ".join((*_own_day(booking.starts, zone), _("Votre professeur ne peut pas venir.")))
        return NoticeCard(
            notice.id,
            booking.id,
            "booking",
            self.icon,
            self.taught if teaches else self.title,
            french_moment(booking.starts, zone=zone),
            text,
            action,
            href,
        )


def _feedback(details: NoticeDetails, zone: ZoneInfo) -> NoticeCard | None:
    feedback, submission = details.feedback, details.submission
    if feedback is None or submission is None:
        return None
    return NoticeCard(
        details.notice.id,
        submission.id,
        "homework",
        "redo" if feedback.redo else "homework",
        _l("%(name)s a répondu", name=feedback.teacher.short_name),
        details.lesson_title or "",
        _("À refaire") if feedback.redo else "",
        _l("Lire la réponse"),
        url_for("submissions.show", id=submission.id),
    )


def _refused_file(details: NoticeDetails, zone: ZoneInfo) -> NoticeCard | None:
    if details.submission is None:
        return None
    return NoticeCard(
        details.notice.id,
        details.notice.about_id,
        "homework",
        "warning",
        _l("Un fichier de votre devoir ne s’ouvre pas"),
        details.lesson_title or "",
        _("Vous pouvez en ajouter un autre."),
        _l("Voir le devoir"),
        url_for("homework.work", id=details.submission.assignment_id),
    )


def _homework_received(details: NoticeDetails, zone: ZoneInfo) -> NoticeCard | None:
    if details.submission is None:
        return None
    return NoticeCard(
        details.notice.id,
        details.submission.id,
        "homework",
        "check",
        _l("Votre devoir est arrivé par e-mail"),
        details.lesson_title or "",
        _("Ce n’est pas vous ? Dites-le à votre professeur."),
        _l("Voir le devoir"),
        url_for("submissions.show", id=details.submission.id),
    )


def _unreadable_mail(details: NoticeDetails, zone: ZoneInfo) -> NoticeCard:
    return NoticeCard(
        details.notice.id,
        details.notice.about_id,
        "homework",
        "warning",
        _l("Votre e-mail est arrivé sans devoir"),
        "",
        _("Vous pouvez envoyer votre devoir ici."),
        _l("Voir les devoirs"),
        url_for("homework.index"),
    )


def _password_link(details: NoticeDetails, zone: ZoneInfo) -> NoticeCard:
    return NoticeCard(
        details.notice.id,
        details.notice.about_id,
        "me",
        "key",
        _l("Un lien pour changer votre mot de passe est parti par e-mail"),
        "",
        _("Vous n’avez rien demandé ? Ne faites rien."),
        _l("Modifier le mot de passe"),
        url_for("me.password"),
    )


def _calendar(details: NoticeDetails, zone: ZoneInfo) -> NoticeCard:
    return NoticeCard(
        details.notice.id,
        details.notice.about_id,
        "booking",
        "warning",
        _l("Un de vos agendas ne répond plus"),
        "",
        _("Vos heures occupées ne sont peut-être plus à jour."),
        _l("Voir mes autres agendas"),
        url_for("external_calendars.index"),
    )


def _level(details: NoticeDetails, zone: ZoneInfo) -> NoticeCard | None:
    if details.level is None:
        return None
    changed = details.kind == NoticeKind.LEVEL_CHANGED
    return NoticeCard(
        details.notice.id,
        details.level.id,
        "lessons",
        "level",
        _l("Votre niveau change") if changed else _l("De nouvelles leçons pour vous"),
        details.level.name,
        "",
        _l("Voir les leçons"),
        url_for("lessons.index"),
    )


def _offer_withdrawn(details: NoticeDetails, zone: ZoneInfo) -> NoticeCard | None:
    if details.booking is None:
        return None
    return NoticeCard(
        details.notice.id,
        details.booking.id,
        "booking",
        "close",
        _l("La place proposée n’est plus libre"),
        french_moment(details.booking.starts, zone=zone),
        _("Vous gardez votre place sur la liste. Nous vous proposons la prochaine place libre."),
        _l("Choisir une place"),
        url_for("bookings.new"),
    )


def _waitlist_ended(details: NoticeDetails, zone: ZoneInfo) -> NoticeCard:
    return NoticeCard(
        details.notice.id,
        details.notice.about_id,
        "booking",
        "clock",
        _l("Vous n’êtes plus sur la liste d’attente"),
        "",
        _("Vous cherchez encore une place ? Dites-le ici."),
        _l("Me prévenir quand une place se libère"),
        url_for("waitlist.show"),
    )


def _digest(details: NoticeDetails, zone: ZoneInfo) -> NoticeCard:
    return NoticeCard(
        details.notice.id,
        details.notice.about_id,
        "homework",
        "homework",
        _l("Votre semaine commence"),
        "",
        _("Des copies ou des personnes vous attendent."),
        _l("Voir les copies"),
        url_for("corrections.index"),
    )


def _learner_assigned(details: NoticeDetails, zone: ZoneInfo) -> NoticeCard | None:
    if details.person is None:
        return None
    return NoticeCard(
        details.notice.id,
        details.person.id,
        "me",
        "person",
        _l("Une personne vous est confiée"),
        details.person.name,
        "",
        _l("Voir la personne"),
        url_for("people.show", id=details.person.id),
    )


_CARDS: Mapping[NoticeKind, _Card] = {
    NoticeKind.FEEDBACK_RETURNED: _feedback,
    NoticeKind.FILE_REFUSED: _refused_file,
    NoticeKind.HOMEWORK_RECEIVED: _homework_received,
    NoticeKind.MAIL_UNREADABLE: _unreadable_mail,
    NoticeKind.PASSWORD_LINK: _password_link,
    NoticeKind.CALENDAR_FAILING: _calendar,
    NoticeKind.TEACHER_DIGEST: _digest,
    NoticeKind.LEVEL_CHANGED: _level,
    NoticeKind.LEVEL_OPENED: _level,
    NoticeKind.OFFER_WITHDRAWN: _offer_withdrawn,
    NoticeKind.WAITLIST_ENDED: _waitlist_ended,
    NoticeKind.LEARNER_ASSIGNED: _learner_assigned,
    NoticeKind.BOOKING_MADE: _Appointment(
        "calendar", _l("Vous avez un rendez-vous"), _l("Un nouveau rendez-vous")
    ),
    NoticeKind.BOOKING_MOVED: _Appointment(
        "clock", _l("Votre rendez-vous est déplacé"), _l("Un rendez-vous est déplacé")
    ),
    NoticeKind.BOOKING_CANCELLED: _Appointment(
        "close", _l("Votre rendez-vous est annulé"), _l("Un rendez-vous est annulé")
    ),
    NoticeKind.BOOKING_RETIMED: _Appointment(
        "clock", _l("Votre rendez-vous ne change pas"), _l("Un rendez-vous ne change pas")
    ),
    NoticeKind.BOOKING_REMINDER: _Appointment(
        "calendar", _l("N’oubliez pas votre rendez-vous"), _l("N’oubliez pas votre rendez-vous")
    ),
    NoticeKind.BOOKING_SOON: _Appointment(
        "clock", _l("Votre rendez-vous, c’est bientôt"), _l("Votre rendez-vous, c’est bientôt")
    ),
    NoticeKind.BOOKING_OFFER: _Appointment(
        "clock", _l("Une place est libre pour vous"), _l("Une place est libre pour vous")
    ),
}
