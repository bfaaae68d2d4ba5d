"""The start page of a learner: the next useful things, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from lms.domain.booking import learner_status
from lms.domain.booking.learner_status import AppointmentFacts, OpenMatters
from lms.domain.homework import worklist
from lms.domain.homework.worklist import LearnerAssignment
from lms.domain.lessons import progress
from lms.domain.lessons.progress import LessonsAhead, LessonTitle
from lms.models import HomeworkState, Person

# An appointment this near comes before all that is to be done.
SOON = timedelta(days=1)


@dataclass(frozen=True)
class SlotOffer:
    """A slot that is offered to the learner, who says yes or no."""

    booking: AppointmentFacts


@dataclass(frozen=True)
class KeptSlot:
    """The slot of an appointment that the learner has just cancelled, and can take back."""

    booking: AppointmentFacts


@dataclass(frozen=True)
class LostAppointment:
    """An appointment that the teacher cancelled and that has no replacement yet."""

    booking: AppointmentFacts


@dataclass(frozen=True)
class UnseenFeedback:
    assignment: LearnerAssignment


@dataclass(frozen=True)
class NextAppointment:
    booking: AppointmentFacts


@dataclass(frozen=True)
class OpenHomework:
    """Homework to begin, to go on with or to do again."""

    assignment: LearnerAssignment


@dataclass(frozen=True)
class NextLesson:
    lesson: LessonTitle
    is_of_own_level: bool = True


TodayCard = (
    KeptSlot | SlotOffer | LostAppointment | UnseenFeedback | NextAppointment | OpenHomework | NextLesson
)


@dataclass(frozen=True)
class Today:
    """The cards in order, and how many lessons of the learner's own level are done, and in all."""

    cards: tuple[TodayCard, ...]
    done: int
    total: int


def list_today(session: Session, learner: Person, *, now: datetime) -> Today:
    """Order what is useful to a learner now, in the same number of statements however much there is.

    1. an appointment that can be taken back for some minutes; what others changed: offered slots, an
       appointment that the teacher cancelled;
    2. returned feedback that is not seen yet;
    3. an appointment within a day;
    4. homework that is begun: a started draft, then what is to be done again;
    5. the next lesson of the learner's own level, then its homework;
    6. the rest: the next appointment, other homework of the own level;
    7. levels opened in addition: the lesson that is begun there, the homework.
    """
    assignments = worklist.assignments_of_learner(session, learner, now=now)
    lessons = progress.lessons_ahead(session, learner)
    matters = learner_status.open_matters(session, learner, now=now)
    cards = _in_order(learner, assignments, lessons, matters, now=now)
    return Today(tuple(cards), lessons.done, lessons.total)


def _in_order(
    learner: Person,
    assignments: Sequence[LearnerAssignment],
    lessons: LessonsAhead,
    matters: OpenMatters,
    *,
    now: datetime,
) -> Iterator[TodayCard]:
    appointment = matters.appointment
    is_soon = appointment is not None and appointment.starts - now < SOON
    own, opened = lessons.own, lessons.opened
    todo = sorted(
        (
            homework
            for homework in assignments
            if homework.state in (HomeworkState.REDO, HomeworkState.TODO) and not homework.unseen
        ),
        key=lambda homework: (homework.draft_id is None, homework.state != HomeworkState.REDO),
    )
    own_todo = [homework for homework in todo if homework.level_id == learner.level_id]
    begun = [
        homework
        for homework in own_todo
        if homework.draft_id is not None or homework.state == HomeworkState.REDO
    ]
    not_begun = [homework for homework in own_todo if homework not in begun]
    if matters.kept is not None:
        yield KeptSlot(matters.kept)
    yield from map(SlotOffer, matters.offers)
    lost = matters.cancelled_by_teacher
    if lost is not None and lost.starts > now:
        yield LostAppointment(lost)
    unseen = (homework for homework in assignments if homework.unseen)
    yield from map(UnseenFeedback, sorted(unseen, key=lambda homework: homework.level_id != learner.level_id))
    if appointment is not None and is_soon:
        yield NextAppointment(appointment)
    yield from map(OpenHomework, begun)
    if own is not None:
        yield NextLesson(own)
        yield from (OpenHomework(homework) for homework in not_begun if homework.lesson_id == own.id)
    if appointment is not None and not is_soon:
        yield NextAppointment(appointment)
    yield from (
        OpenHomework(homework) for homework in not_begun if own is None or homework.lesson_id != own.id
    )
    if opened is not None:
        yield NextLesson(opened, is_of_own_level=False)
    yield from (OpenHomework(homework) for homework in todo if homework.level_id != learner.level_id)
