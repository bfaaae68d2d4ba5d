"""Form for the feedback of a teacher."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, HiddenField, TextAreaField

from lms.domain.homework.correction import BANDS, FeedbackDraft, RubricRow
from lms.forms import VersionedForm, at_most, tidy_text
from lms.forms.screening import no_national_number

# Begins the names of the hidden inputs that say what the page showed.
SHOWN = "shown-"


class FeedbackForm(VersionedForm):
    """Feedback to an attempt. `version`: how often it had been returned when the page was shown."""

    comment = TextAreaField(_l("Un mot"), filters=[tidy_text], validators=[at_most(5000), no_national_number])
    next_step = TextAreaField(
        _l("La prochaine étape"), filters=[tidy_text], validators=[at_most(1000), no_national_number]
    )

    # What a return shows whatever the level, and that the teacher was asked about too much of something.
    shows_answers = BooleanField(_l("Montrer les réponses tout de suite"))
    is_confirmed = HiddenField()

    def answer(self, bands: Mapping[str, int]) -> FeedbackDraft:
        """Return the feedback that was entered, with these bands."""
        return FeedbackDraft(self.comment.data or "", self.next_step.data or "", bands)


def chosen_bands(sent: MultiDict[str, str], rubric: Iterable[RubricRow]) -> dict[str, int]:
    """Return the chosen band by criterion id; anything else in the form is ignored."""
    known = {str(band): band for band in BANDS}
    found = {row.id: sent.get(f"band-{row.id}", "") for row in rubric}
    return {key: known[value] for key, value in found.items() if value in known}


def shown_stamps(sent: MultiDict[str, str]) -> dict[str, str]:
    """Return by name of a field the stamp of the value that the page showed: see `merge_drafts`."""
    return {
        name.removeprefix(SHOWN): value for name, value in sent.items() if name.startswith(SHOWN) and value
    }
