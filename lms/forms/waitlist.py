"""Forms of the waitlist entry, and of the learner's question for an appointment."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, RadioField, SelectMultipleField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from lms.forms import PageForm, at_most, tidy, tidy_text
from lms.forms.booking import mode_of
from lms.forms.screening import no_national_number
from lms.models import AFTERNOON, EVENING, MORNING, Mode, WaitlistEntry

# The value of a radio button that stands for no preference.
ANY = "any"


class WaitlistForm(PageForm):
    """A waitlist button; `learner` is set when a member of the team acts for a learner."""

    learner = HiddenField(filters=[tidy])


class WaitlistEntryForm(WaitlistForm):
    """Preferences of a waitlist entry: teacher, parts of the day, mode."""

    teacher = RadioField(_l("Avec qui ?"), default=ANY, filters=[tidy], validate_choice=False)
    parts = SelectMultipleField(
        _l("Quand ?"),
        choices=[
            SelectChoice(str(MORNING), _l("Le matin, avant 12 h")),
            SelectChoice(str(AFTERNOON), _l("L’après-midi, de 12 h à 17 h")),
            SelectChoice(str(EVENING), _l("Le soir, après 17 h")),
        ],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validate_choice=False,
    )
    mode = RadioField(
        _l("Comment ?"),
        choices=[
            SelectChoice(ANY, _l("Les deux")),
            SelectChoice(Mode.VIDEO, _l("Par vidéo")),
            SelectChoice(Mode.ONSITE, _l("Sur place")),
        ],
        default=ANY,
        validate_choice=False,
    )

    @classmethod
    def repeating(cls, entry: WaitlistEntry) -> WaitlistEntryForm:
        """Fill the form with what this entry waits or waited for."""
        parts = [str(part) for part in (MORNING, AFTERNOON, EVENING) if entry.parts & part]
        return cls(formdata=None, teacher=entry.teacher_id or ANY, parts=parts, mode=entry.mode or ANY)

    @property
    def bits(self) -> int:
        """Return the parts of the day as the bits of a waitlist entry; unknown values are ignored."""
        known = {str(part): part for part in (MORNING, AFTERNOON, EVENING)}
        return sum(known.get(value, 0) for value in set(self.parts.data or ()))

    @property
    def teacher_id(self) -> str | None:
        """Return the chosen teacher; None for any."""
        return None if self.teacher.data in (ANY, None) else self.teacher.data

    @property
    def chosen_mode(self) -> Mode | None:
        """Return the chosen mode; None for both."""
        return mode_of(self.mode.data)


class QuestionForm(PageForm):
    """The learner's question for an appointment."""

    question = TextAreaField(
        _l("Ma question pour le rendez-vous"),
        filters=[tidy_text],
        validators=[at_most(300), no_national_number],
    )
