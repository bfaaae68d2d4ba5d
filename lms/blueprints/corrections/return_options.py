"""What a teacher decides beside the words of a return: soft limits of the level, answers at once."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from lms.blueprints.corrections.correction_page import CorrectionPage, TypedFeedback
from lms.domain.homework.answer_levels import SECOND, SOFT, soft_limits
from lms.domain.homework.signed_views import has_open_view
from lms.i18n.refusals import sentence


@dataclass(frozen=True)
class ReturnOptions:
    """`asked`: what is too much, or missing, for the level: the next press returns all the same.

    `may_show_answers`: at this level the learner sees the answers late, unless the teacher says so.
    `may_revoke_view`: an answer to the copy can be read without a login.
    """

    asked: Sequence[str]
    may_show_answers: bool
    may_revoke_view: bool


def return_options(
    session: Session, shown: CorrectionPage, typed: TypedFeedback | None, *, now: datetime
) -> ReturnOptions:
    """Return the options of a page, with the question of a return that was not confirmed."""
    position = shown.attempt.submission.assignment.lesson.level.position
    is_asked = typed is not None and typed.refusal in SOFT
    limits = soft_limits(shown.marks, position) if is_asked else []
    may_revoke = shown.returned is not None and has_open_view(session, shown.attempt, now=now)
    return ReturnOptions([sentence(each) for each in limits], position > SECOND, may_revoke)
