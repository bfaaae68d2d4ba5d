"""Form for the feedback of a teacher."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, TextAreaField

from lms.domain.homework.correction import BANDS, FeedbackDraft
from lms.forms import PageForm, at_most, tidy_text
from lms.forms.screening import no_national_number
from lms.models import Criterion


class FeedbackForm(PageForm):
    """Feedback to an attempt. `version` is the version of the feedback that the page shows."""

    version = HiddenField(default="0")
    comment = TextAreaField(_l("Un mot"), filters=[tidy_text], validators=[at_most(5000), no_national_number])
    next_step = TextAreaField(
        _l("La prochaine étape"), filters=[tidy_text], validators=[at_most(1000), no_national_number]
    )

    @property
    def seen_version(self) -> int:
        """Return the version that the page showed; -1, which never exists, for anything but a number."""
        sent = self.version.data or ""
        return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else -1

    def answer(self, bands: dict[str, int]) -> FeedbackDraft:
        """Return the feedback that was entered, with these bands."""
        return FeedbackDraft(self.comment.data or "", self.next_step.data or "", bands)


def chosen_bands(sent: MultiDict[str, str], criteria: Iterable[Criterion]) -> dict[str, int]:
    """Return the chosen band by criterion id; anything else in the form is ignored."""
    known = {str(band): band for band in BANDS}
    found = {criterion.id: sent.get(f"band-{criterion.id}", "") for criterion in criteria}
    return {key: known[value] for key, value in found.items() if value in known}
