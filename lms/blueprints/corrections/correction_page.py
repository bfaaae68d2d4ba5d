"""The content of the page on which a teacher corrects one attempt."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from babel import Locale
from flask_babel import LazyString, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lms.domain.homework import correction, queue
from lms.domain.homework.queue import WaitingAttempt
from lms.domain.people.contact import mail_address
from lms.forms.correction import FeedbackForm
from lms.i18n import languages
from lms.models import Attempt, Feedback, HomeworkState, Person

_MAIL = {
    "sent": _l("E-mail envoyé."),
    "waiting": _l("E-mail en attente."),
    "no_address": _l("Pas d’adresse : la réponse est dans l’application."),
}
_NO_MAIL = _l("L’e-mail n’est pas parti. La réponse est dans l’application.")


@dataclass(frozen=True)
class Heading:
    """The attempt that is corrected: learner, lesson, number of the attempt, and when it was sent."""

    learner: str
    first_name: str
    lesson: str
    level: str
    number: int
    sent_at: datetime
    instruction: str


@dataclass(frozen=True)
class QueueRow:
    """An attempt in the queue."""

    copy: WaitingAttempt
    is_current: bool


@dataclass(frozen=True)
class Clash:
    """Feedback that a colleague wrote in the meantime, and the text of the link to it."""

    teacher: str
    feedback: Feedback
    link: LazyString


@dataclass(frozen=True)
class OwnText:
    """The text of a teacher that can no longer be sent."""

    comment: str
    next_step: str


@dataclass(frozen=True)
class ReturnedFeedback:
    """Returned feedback. `unsent`: the text of this teacher when a colleague has returned other feedback."""

    state: HomeworkState
    feedback: Feedback
    unsent: OwnText | None
    mail: LazyString
    teacher: str
    returned_at: datetime


@dataclass(frozen=True)
class CriterionRow:
    """A criterion with the chosen band; None when none is chosen."""

    id: str
    label: str
    band: int | None


@dataclass(frozen=True)
class FeedbackPanel:
    """The form of the feedback. `begun_by`: the colleague whose draft it is, None for the teacher's own."""

    form: FeedbackForm
    criteria: Sequence[CriterionRow]
    begun_by: str | None
    save_label: LazyString
    reach: str


@dataclass(frozen=True)
class OtherAttempt:
    """Another attempt of the same submission; `feedback` is what was returned for it."""

    id: str
    number: int
    sent_at: datetime
    attempt: Attempt
    feedback: Feedback | None


@dataclass(frozen=True)
class CorrectionPage:
    """One attempt, its feedback and the queue.

    Exactly one of `returned` and `panel` is None: returned feedback cannot be changed. `level_id`: the level
    to which the queue is limited. `previous` and `following`: the neighbours in the queue.
    """

    attempt: Attempt
    heading: Heading
    level_id: str | None
    previous: str | None
    following: str | None
    errors: FeedbackForm | None
    clash: Clash | None
    returned: ReturnedFeedback | None
    panel: FeedbackPanel | None
    queue: Sequence[QueueRow]
    others: Sequence[OtherAttempt]


def build_correction_page(
    session: Session,
    person: Person,
    attempt: Attempt,
    form: FeedbackForm,
    bands: Mapping[str, int],
    *,
    level_id: str | None,
    has_clash: bool = False,
) -> CorrectionPage:
    """Decide what a teacher sees of an attempt.

    `form` and `bands`: what was entered, or what the draft contains. `has_clash`: the form was refused: a
    colleague has saved or returned other feedback.
    """
    feedback = attempt.feedback
    returned = _returned(session, feedback, form, has_clash=has_clash) if feedback else None
    previous, following = queue.neighbours(session, attempt, level_id)
    return CorrectionPage(
        attempt=attempt,
        heading=_heading(attempt),
        level_id=level_id,
        previous=previous,
        following=following,
        errors=form if form.errors else None,
        clash=_clash(feedback) if has_clash and feedback else None,
        returned=returned,
        panel=None if returned else _panel(session, person, attempt, form, bands, has_clash=has_clash),
        queue=[QueueRow(copy, copy.attempt_id == attempt.id) for copy in queue.list_queue(session, level_id)],
        others=_others(attempt),
    )


def _heading(attempt: Attempt) -> Heading:
    submission = attempt.submission
    lesson = submission.assignment.lesson
    if attempt.sent_at is None:
        raise ValueError(f"attempt {attempt.id} was not sent")
    return Heading(
        learner=submission.learner.name,
        first_name=submission.learner.first_name,
        lesson=lesson.title,
        level=lesson.level.name,
        number=attempt.number,
        sent_at=attempt.sent_at,
        instruction=submission.assignment.instruction,
    )


def _clash(feedback: Feedback) -> Clash:
    link = _l("Voir la réponse envoyée") if feedback.returned_at else _l("Prendre ce texte")
    return Clash(feedback.teacher.name, feedback, link)


def _returned(
    session: Session, feedback: Feedback, form: FeedbackForm, *, has_clash: bool
) -> ReturnedFeedback | None:
    if feedback.returned_at is None:
        return None
    outcome = correction.mail_outcomes(session, [feedback.id]).get(feedback.id, "")
    return ReturnedFeedback(
        state=HomeworkState.REDO if feedback.redo_requested else HomeworkState.DONE,
        feedback=feedback,
        unsent=OwnText(form.comment.data or "", form.next_step.data or "") if has_clash else None,
        mail=_MAIL.get(outcome, _NO_MAIL),
        teacher=feedback.teacher.name,
        returned_at=feedback.returned_at,
    )


def _panel(
    session: Session,
    person: Person,
    attempt: Attempt,
    form: FeedbackForm,
    bands: Mapping[str, int],
    *,
    has_clash: bool,
) -> FeedbackPanel:
    feedback, submission = attempt.feedback, attempt.submission
    begun = feedback is not None and not has_clash and feedback.teacher_id != person.id
    return FeedbackPanel(
        form=form,
        criteria=[
            CriterionRow(criterion.id, criterion.label, bands.get(criterion.id))
            for criterion in correction.criteria(session, submission.assignment.lesson.level_id)
        ],
        begun_by=feedback.teacher.name if feedback is not None and begun else None,
        save_label=_l("Garder mon texte") if has_clash else _l("Enregistrer le brouillon"),
        reach=_reach(submission.learner),
    )


def _reach(learner: Person) -> str:
    """Return who receives the feedback, and in which languages."""
    name, own = learner.first_name, languages.shown_in(learner.language)
    if mail_address(learner) is None:
        return str(_("%(name)s n’a pas d’e-mail : la réponse est dans l’application.", name=name))
    if own.code == "fr":
        return str(_("%(name)s reçoit un e-mail en français.", name=name))
    language = Locale.parse(own.code).get_language_name(str(get_locale() or "fr"))
    return str(_("%(name)s reçoit un e-mail en français et en %(language)s.", name=name, language=language))


def _others(attempt: Attempt) -> list[OtherAttempt]:
    """Return the later attempts, the first one first, then the earlier ones, the last one first."""
    found = [
        OtherAttempt(
            id=each.id,
            number=each.number,
            sent_at=each.sent_at,
            attempt=each,
            feedback=each.feedback if each.feedback and each.feedback.returned_at else None,
        )
        for each in attempt.submission.attempts
        if each.sent_at and each.queued_at
    ]
    later = [each for each in found if each.number > attempt.number]
    earlier = [each for each in found if each.number < attempt.number]
    return later + earlier[::-1]
