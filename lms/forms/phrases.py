"""Form for a phrase of the comment bank."""

# Read by the team alone.

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import StringField

from lms.forms import PageForm, at_most, required, tidy_text
from lms.forms.screening import no_national_number
from lms.models.phrases import PHRASE_LENGTH


def _one_line(value: str | None) -> str | None:
    """Keep the narrow spaces of French before its signs, which `tidy` would widen."""
    return value and value.replace("\n", " ")


class PhraseForm(PageForm):
    """The text of a phrase."""

    text = StringField(
        _l("Phrase"),
        filters=[tidy_text, _one_line],
        validators=[required(), at_most(PHRASE_LENGTH), no_national_number],
    )
