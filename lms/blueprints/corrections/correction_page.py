"""The content of the page on which a teacher corrects one attempt."""

# Read by the team alone.

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from babel import Locale
from flask_babel import LazyString, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lms.domain.homework import correction, marks, queue
from lms.domain.homework.correction import FeedbackDraft, Merge, RubricRow
from lms.domain.homework.inbox_answers import receipt_number
from lms.domain.homework.inbox_filing import is_unverified
from lms.domain.homework.queue import QueuePlace
from lms.domain.people.contact import mail_address
from lms.forms.correction import SHOWN, FeedbackForm
from lms.forms.marks import MarkForm
from lms.i18n import languages
from lms.models import Attempt, HomeworkState, Mark, Person, ReturnedBand, ReturnedFeedback, ReturnedMark
from lms.refusal_codes import RefusalCode

MAIL = {
    "sent": _l("E-mail envoyé."),
    "waiting": _l("E-mail en attente."),
    "no_address": _l("Pas d’adresse : la réponse est dans l’application."),
}
NO_MAIL = _l("L’e-mail n’est pas parti. La réponse est dans l’application.")


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
    receipt: str  # the number that the learner says on the phone
    is_unverified: bool  # it came by e-mail, and nothing but the address of its sender says from whom


@dataclass(frozen=True)
class TypedFeedback:
    """A form that was refused.

    `shown`: the stamps of what its page showed. `refusal`: None when fields of the form are wrong.
    """

    form: FeedbackForm
    bands: Mapping[str, int]
    shown: Mapping[str, str]
    refusal: RefusalCode | None = None

    @property
    def lost_race(self) -> bool:
        """Return whether a colleague was faster: both answers are shown then."""
        return self.refusal in (RefusalCode.FIELD_CHANGED, RefusalCode.ALREADY_RETURNED)


@dataclass(frozen=True)
class OtherDraft:
    """The fields of a draft that a colleague has changed: those that clash, and those that are new."""

    teacher: Person
    comment: str
    next_step: str
    bands: Sequence[ReturnedBand]
    marks: Sequence[ReturnedMark] = ()


@dataclass(frozen=True)
class Clash:
    """Feedback that a colleague has written or returned in the meantime, and the text of the link to it."""

    sentence: LazyString
    feedback: OtherDraft | ReturnedFeedback
    link: LazyString


@dataclass(frozen=True)
class FeedbackPanel:
    """The form of the feedback.

    `rubric`: the criteria with the chosen bands. `shown`: the hidden inputs that say what the page shows.
    `begun_by`: the colleague whose draft it is, None for the teacher's own. `mark_form`: only where it is
    asked for.
    """

    form: FeedbackForm
    rubric: Sequence[RubricRow]
    shown: Mapping[str, str]
    begun_by: str | None
    save_label: LazyString
    reach: str
    mark_form: MarkForm | None


@dataclass(frozen=True)
class LastReturn:
    """Feedback as it was returned last. `earlier`: its returns before, the last one first."""

    state: HomeworkState
    feedback: ReturnedFeedback
    mail: LazyString
    earlier: Sequence[ReturnedFeedback]


@dataclass(frozen=True)
class OtherAttempt:
    """Another attempt of the same submission; `feedback` is what was returned for it last."""

    id: str
    number: int
    sent_at: datetime
    attempt: Attempt
    feedback: ReturnedFeedback | None


@dataclass(frozen=True)
class CorrectionPage:
    """One attempt, its feedback and its place in the queue.

    `level_id`: the level to which the queue is limited. `panel`: None while nobody writes, because the
    feedback is returned; then there are no `marks` of the draft either.
    """

    attempt: Attempt
    heading: Heading
    level_id: str | None
    place: QueuePlace
    errors: FeedbackForm | None
    clash: Clash | None
    returned: LastReturn | None
    panel: FeedbackPanel | None
    marks: Sequence[Mark]
    others: Sequence[OtherAttempt]


def build_correction_page(
    session: Session,
    person: Person,
    attempt: Attempt,
    *,
    level_id: str | None,
    place: QueuePlace | None = None,
    typed: TypedFeedback | None = None,
    mark_form: MarkForm | None = None,
    completing: bool = False,
    now: datetime,
) -> CorrectionPage:
    """Decide what a teacher sees of an attempt.

    `place`: the one in another list than the queue. `typed`: the form that was refused. `mark_form`: that of
    a new mark. `completing`: the teacher wants to add to feedback that was returned.
    """
    feedback = attempt.feedback
    rubric = correction.load_rubric(
        session, attempt.submission.assignment.lesson.level_id, feedback.id if feedback else None
    )
    stored = correction.stored_draft(feedback, rubric)
    merge = None
    if typed and typed.lost_race:
        merge = correction.merge_drafts(stored, typed.form.answer(typed.bands), typed.shown)
    is_writing = typed is not None or mark_form is not None or completing
    has_panel = feedback is None or feedback.is_draft or is_writing
    return CorrectionPage(
        attempt=attempt,
        heading=_heading(session, attempt),
        level_id=level_id,
        place=place or queue.find_place(session, person, attempt, level_id, now=now),
        errors=typed.form if typed and typed.form.errors else None,
        clash=_clash(attempt, merge, typed.refusal, rubric, stored) if typed and merge else None,
        returned=_last_return(session, attempt),
        panel=_panel(person, attempt, rubric, stored, typed, merge, mark_form) if has_panel else None,
        marks=marks.list_marks(session, feedback.id) if feedback and has_panel else [],
        others=_others(attempt),
    )


def _heading(session: Session, attempt: Attempt) -> Heading:
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
        receipt=receipt_number(attempt.id),
        is_unverified=is_unverified(session, attempt.id),
    )


def _clash(
    attempt: Attempt,
    merge: Merge,
    refusal: RefusalCode | None,
    rubric: Sequence[RubricRow],
    stored: FeedbackDraft,
) -> Clash | None:
    feedback, returned = attempt.feedback, attempt.last_returned
    if feedback is None:
        return None
    if refusal == RefusalCode.ALREADY_RETURNED and returned is not None:
        sentence = _l("%(name)s a rendu cette copie :", name=returned.teacher.name)
        return Clash(sentence, returned, _l("Voir la réponse envoyée"))
    changed = merge.clashes | merge.unseen
    draft = OtherDraft(
        feedback.teacher,
        stored.comment if "comment" in changed else "",
        stored.next_step if "next_step" in changed else "",
        [
            ReturnedBand(row.label, row.band)
            for row in rubric
            if row.band is not None and row.field in changed
        ],
    )
    return Clash(_l("%(name)s a écrit :", name=feedback.teacher.name), draft, _l("Prendre ce texte"))


def _last_return(session: Session, attempt: Attempt) -> LastReturn | None:
    last = attempt.last_returned
    if last is None or attempt.feedback is None:
        return None
    outcome = correction.mail_outcomes(session, [last.id]).get(last.id, "")
    return LastReturn(
        state=HomeworkState.REDO if last.redo else HomeworkState.DONE,
        feedback=last,
        mail=MAIL.get(outcome, NO_MAIL),
        earlier=attempt.feedback.returned[-2::-1],
    )


def _panel(
    person: Person,
    attempt: Attempt,
    rubric: Sequence[RubricRow],
    stored: FeedbackDraft,
    typed: TypedFeedback | None,
    merge: Merge | None,
    mark_form: MarkForm | None,
) -> FeedbackPanel:
    feedback = attempt.feedback
    form = typed.form if typed else FeedbackForm(formdata=None)
    draft, stamps = stored, stored.stamps()
    if typed and merge is None:
        draft, stamps = form.answer(typed.bands), dict(typed.shown)
    elif merge:
        draft = merge.draft
    if typed is None or merge:
        form.version.data = str(feedback.returns if feedback else 0)
    if typed:
        form.request_id.data = secrets.token_urlsafe(16)
    form.comment.data, form.next_step.data = draft.comment, draft.next_step
    names = ["comment", "next_step", *(row.field for row in rubric)]
    begun = feedback is not None and feedback.is_draft and merge is None and feedback.teacher_id != person.id
    return FeedbackPanel(
        form=form,
        rubric=[RubricRow(row.id, row.label, draft.bands.get(row.id), row.points) for row in rubric],
        shown={f"{SHOWN}{name}": stamps.get(name, "") for name in names},
        begun_by=feedback.teacher.name if feedback is not None and begun else None,
        save_label=_l("Garder mon texte") if merge else _l("Enregistrer le brouillon"),
        reach=_reach(attempt.submission.learner),
        mark_form=mark_form,
    )


def _reach(learner: Person) -> str:
    """Return who receives the feedback, and in which languages."""
    name, own = learner.first_name, languages.shown_in(learner.language)
    if learner.email_bounced_at is not None:
        return str(_("L’e-mail de %(name)s ne marche plus : la réponse est dans l’application.", name=name))
    if mail_address(learner) is None:
        return str(_("%(name)s n’a pas d’e-mail : la réponse est dans l’application.", name=name))
    if own.code == "fr":
        return str(_("%(name)s reçoit un e-mail en français.", name=name))
    language = Locale.parse(own.code).get_language_name(str(get_locale() or "fr"))
    return str(_("%(name)s reçoit un e-mail en français et en %(language)s.", name=name, language=language))


def _others(attempt: Attempt) -> list[OtherAttempt]:
    """Return the later attempts, the first one first, then the earlier ones, the last one first."""
    found = [
        OtherAttempt(each.id, each.number, each.sent_at, each, each.last_returned)
        for each in attempt.submission.attempts
        if each.sent_at and each.queued_at
    ]
    later = [each for each in found if each.number > attempt.number]
    earlier = [each for each in found if each.number < attempt.number]
    return later + earlier[::-1]
