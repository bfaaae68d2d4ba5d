"""The content of the page of one appointment, for each person who may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lms.domain.booking import attendance, availability_search, kept, queries
from lms.domain.booking.permissions import may_manage, may_mark
from lms.domain.homework import error_profile, worklist
from lms.domain.homework.error_profile import ErrorProfile
from lms.domain.homework.worklist import LearnerAssignment
from lms.forms.appointments import NoteForm
from lms.models import Booking, Channel, Person, Role

RECENT_SUBMISSIONS = 3


class VideoRoom(StrEnum):
    """The room of an appointment by video: open, or not yet."""

    OPEN = "open"
    LATER = "later"


@dataclass(frozen=True)
class Notice:
    """The result of the last action, in sentences; `by_hand` adds a link to the messages to send."""

    icon: str
    kind: str
    sentences: Sequence[str | LazyString]
    by_hand: bool = False


@dataclass(frozen=True)
class TeamPanel:
    """The team's part of the page of an appointment; what the person may not see is empty."""

    submissions: Sequence[LearnerAssignment]
    profiles: Sequence[ErrorProfile]
    question: str
    earlier_questions: Sequence[Booking]
    next_step: str
    earlier_steps: Sequence[tuple[Booking, str]]
    note_form: NoteForm | None
    may_mark: bool
    may_swap: bool


@dataclass(frozen=True)
class AppointmentPage:
    """Content of the page of an appointment, for its learner, its teacher or another member of the team.

    `heading`: None for the team when nothing was done, because the person and the time are the heading there.
    `agenda_week`: the week for the link back to the agenda; `agenda_of`: whose week, None for the own one.
    `free_hour`: the slot of a cancelled appointment
    while it can be booked again. `kept_until`: until when the learner can take a cancelled one back.
    `is_late`: a cancellation by the learner would be late. `team`: None for the learner.
    """

    booking: Booking
    heading: LazyString | None
    notice: Notice | None
    is_learner: bool
    is_cancelled: bool
    is_upcoming: bool
    is_participant: bool
    agenda_week: str | None
    agenda_of: str | None
    undecided: int
    teacher_name: str
    video_room: VideoRoom | None
    next_step: str
    free_hour: str | None
    kept_until: datetime | None
    is_late: bool
    team: TeamPanel | None

    @property
    def is_video_open(self) -> bool:
        return self.video_room == VideoRoom.OPEN


def build_appointment_page(
    session: Session,
    person: Person,
    booking: Booking,
    *,
    done: str | None,
    is_mailed: bool,
    channel: Channel | None,
    undecided: int,
    free_hour: str | None,
    is_late: bool,
    now: datetime,
    zone: ZoneInfo,
) -> AppointmentPage:
    """Decide what this person sees of an appointment.

    `done`: what was just done (`made`, `moved`, `same`, `cancelled`). `is_mailed`: the learner gets a mail
    about the learner's own actions. `channel`: the channel that notifies the learner of actions of the team.
    """
    is_learner = booking.learner_id == person.id
    is_teacher = booking.teacher_id == person.id
    is_cancelled, is_kept = booking.is_cancelled, kept.can_be_taken_back(booking, now=now)
    is_upcoming = booking.is_booked and booking.starts > now
    if is_cancelled:
        notice = _cancellation(booking, channel, done=done, is_learner=is_learner, is_kept=is_kept)
    elif done and (is_learner or is_teacher or done != "same"):
        notice = _confirmation(done, channel, is_learner=is_learner, is_mailed=is_mailed)
    else:
        notice = None
    return AppointmentPage(
        booking=booking,
        heading=_heading(done, is_learner=is_learner, is_cancelled=is_cancelled),
        notice=notice,
        is_learner=is_learner,
        is_cancelled=is_cancelled,
        is_upcoming=is_upcoming,
        is_participant=is_learner or is_teacher,
        agenda_week=(
            availability_search.iso_week_of(booking.starts, zone=zone)
            if not is_learner and may_manage(person, booking.teacher_id)
            else None
        ),
        agenda_of=None if is_teacher else booking.teacher_id,
        undecided=undecided,
        teacher_name=booking.teacher.short_name if is_learner else booking.teacher.name,
        video_room=(_video_room(booking, now) if (is_learner or is_teacher) and not is_cancelled else None),
        next_step=booking.record.next_step if is_learner else "",
        free_hour=free_hour,
        kept_until=booking.kept_until if is_kept else None,
        is_late=is_late and is_learner and is_upcoming,
        team=None if is_learner else _team_panel(session, person, booking, now),
    )


def _heading(done: str | None, *, is_learner: bool, is_cancelled: bool) -> LazyString | None:
    if is_cancelled:
        return _l("Rendez-vous annulé")
    if done == "made":
        return _l("C’est réservé")
    if done == "moved":
        return _l("Le rendez-vous est déplacé")
    return _l("Mon rendez-vous") if is_learner else None


def _confirmation(done: str, channel: Channel | None, *, is_learner: bool, is_mailed: bool) -> Notice:
    if done == "same":
        return Notice("check", "", [_l("Votre rendez-vous ne change pas.")])
    if is_learner:
        found = _l("Vous recevez un e-mail.") if is_mailed else _l("Vous retrouvez le rendez-vous ici.")
        return Notice("check", "", [_l("Votre professeur est prévenu."), found])
    return Notice("check", "", [_who_knows(channel)], by_hand=channel == Channel.HAND)


def _cancellation(
    booking: Booking, channel: Channel | None, *, done: str | None, is_learner: bool, is_kept: bool
) -> Notice:
    sentences: list[str | LazyString] = []
    if booking.cancelled_by_teacher:
        sentences.append(_l("Le professeur ne peut pas venir."))
    elif booking.cancelled_by_id != booking.learner_id:
        sentences.append(_l("Le service a annulé ce rendez-vous."))
    elif is_kept:
        sentences.append(
            _l("La place reste à vous quelques minutes.")
            if is_learner
            else _l("L’apprenant a annulé. Il peut encore reprendre ce rendez-vous quelques minutes.")
        )
    elif is_learner:
        sentences.append(_l("Votre professeur est prévenu. La place est libre."))
    else:
        sentences.append(_l("L’apprenant a annulé."))
    if is_learner:
        return Notice("close", "warm", sentences)
    if booking.reason:
        sentences.append(booking.reason)
    if booking.is_late_cancellation:
        sentences.append(_l("Annulation tardive."))
    if done:
        sentences.append(_who_knows(channel))
    return Notice("close", "warm", sentences, by_hand=bool(done) and channel == Channel.HAND)


def _who_knows(channel: Channel | None) -> LazyString:
    if channel is None:
        return _l("Sans e-mail ni téléphone : prévenez la personne.")
    if channel == Channel.HAND:
        return _l("Le professeur est prévenu. Prévenez l’apprenant.")
    return _l("L’apprenant et le professeur sont prévenus.")


def _video_room(booking: Booking, now: datetime) -> VideoRoom | None:
    if not booking.is_video:
        return None
    if queries.is_room_open(booking, now=now):
        return VideoRoom.OPEN
    return VideoRoom.LATER if booking.is_booked and booking.starts > now else None


def _team_panel(session: Session, person: Person, booking: Booking, now: datetime) -> TeamPanel:
    """Return the part of the team: submissions and questions for teachers, the note for its teacher."""
    teaches, is_teacher = Role.TEACHER in person.roles, person.id == booking.teacher_id
    sent = (
        [work for work in worklist.assignments_for_team(session, booking.learner) if work.sent_at]
        if teaches
        else []
    )
    record = booking.record
    has_form = is_teacher and (record.noted_at is not None or booking.is_booked)
    is_upcoming = booking.is_booked and booking.starts > now
    return TeamPanel(
        submissions=sorted(sent, key=lambda work: str(work.sent_at), reverse=True)[:RECENT_SUBMISSIONS],
        profiles=error_profile.profiles_of_learner(session, booking.learner_id) if teaches else (),
        question=record.question if teaches else "",
        earlier_questions=attendance.open_questions(session, booking) if teaches else (),
        next_step="" if has_form else record.next_step,
        earlier_steps=attendance.next_steps(session, booking),
        note_form=NoteForm(formdata=None, obj=record) if has_form else None,
        may_mark=attendance.can_be_marked(booking, now=now) and may_mark(person),
        may_swap=is_upcoming and may_manage(person, booking.teacher_id),
    )
