"""Form for the feedback of a teacher."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import TextAreaField

from lms.domain.homework.correction import BANDS, FeedbackDraft
from lms.forms import VersionedForm, at_most, tidy_text
from lms.forms.screening import no_national_number
from lms.models import Criterion


class FeedbackForm(VersionedForm):
    """Feedback to an attempt."""

    comment = TextAreaField(_l("Un mot"), filters=[tidy_text], validators=[at_most(5000), no_national_number])
    next_step = TextAreaField(
        _l("La prochaine étape"), filters=[tidy_text], validators=[at_most(1000), no_national_number]
    )

    def answer(self, bands: dict[str, int]) -> FeedbackDraft:
        """Return the feedback that was entered, with these bands."""
        return FeedbackDraft(self.comment.data or "", self.next_step.data or "", bands)


def chosen_bands(sent: MultiDict[str, str], criteria: Iterable[Criterion]) -> dict[str, int]:
    """Return the chosen band by criterion id; anything else in the form is ignored."""
    known = {str(band): band for band in BANDS}
    found = {criterion.id: sent.get(f"band-{criterion.id}", "") for criterion in criteria}
    return {key: known[value] for key, value in found.items() if value in known}
