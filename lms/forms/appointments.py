"""Forms of the team about appointments: notes of the teacher, swap, absence of a teacher."""

# Read by the team alone.

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, StringField, TextAreaField

from lms.forms import PageForm, at_most, tidy, tidy_text
from lms.forms.screening import no_national_number


class NoteForm(PageForm):
    """Notes of the teacher about an appointment: private ones, and the next step that the learner reads."""

    private_note = TextAreaField(
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
    """The other appointment of a swap, as a button of the list sends it."""

    other = StringField(filters=[tidy])


class AbsenceForm(PageForm):
    """A day on which a teacher cannot come, already chosen."""

    day = HiddenField()
    teacher = HiddenField()
