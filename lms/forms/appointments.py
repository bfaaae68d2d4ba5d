"""Forms around a session: what the teacher writes of it, with whom it is exchanged, a day without her."""

# Read by the team alone.

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, StringField, TextAreaField

from lms.forms import PageForm, at_most, tidy, tidy_text
from lms.forms.screening import no_national_number


class NoteForm(PageForm):
    private = TextAreaField(
        _l("Notes pour moi"),
        description=_l("Personne d’autre ne les lit."),
        filters=[tidy_text],
        validators=[at_most(5000), no_national_number],
    )
    next_step = TextAreaField(
        _l("À faire pour la prochaine fois"),
        description=_l("L’apprenant lit cette phrase."),
        filters=[tidy],
        validators=[at_most(300), no_national_number],
    )


class SwapForm(PageForm):
    """The other appointment, as a button of the list sends it."""

    other = StringField(filters=[tidy])


class AbsenceForm(PageForm):
    """A teacher's day, already chosen."""

    day = HiddenField()
    teacher = HiddenField()
