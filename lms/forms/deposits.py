"""Form for work that a member of the team deposits for a learner."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flask_babel import lazy_gettext as _l
from flask_wtf.file import MultipleFileField
from wtforms import DateField, Field, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import ValidationError

from lms.domain.homework.deposits import DepositDraft
from lms.domain.homework.worklist import LearnerAssignment
from lms.forms import PageForm, at_most, required, tidy, tidy_text
from lms.forms.homework import TEXT_LENGTH
from lms.forms.screening import no_national_number
from lms.models import DepositWay


class DepositForm(PageForm):
    """Work of a learner, with the reason and the day of the work. `today` limits the day."""

    # A form that is sent twice names what is not open any more; the domain decides.
    assignment = SelectField(_l("Devoir"), validators=[required()], validate_choice=False)
    way = SelectField(
        _l("Reçu"),
        choices=[
            SelectChoice(DepositWay.PAPER.value, _l("sur papier")),
            SelectChoice(DepositWay.DESK.value, _l("à l’accueil")),
            SelectChoice(DepositWay.MAIL.value, _l("par message")),
        ],
    )
    sent_on = DateField(_l("Fait le"), validators=[required()])
    reason = StringField(
        _l("Pourquoi pas par la personne ?"),
        description=_l("Par exemple : pas de téléphone cette semaine."),
        filters=[tidy],
        validators=[required(), at_most(200), no_national_number],
    )
    text = TextAreaField(_l("Texte"), filters=[tidy_text], validators=[at_most(TEXT_LENGTH)])
    picture = MultipleFileField(_l("Choisir une photo"))
    voice = MultipleFileField(_l("Choisir un enregistrement"))
    document = MultipleFileField(_l("Choisir un document"))

    def __init__(self, works: Sequence[LearnerAssignment], today: date, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.today = today
        self.assignment.choices = [SelectChoice(work.assignment.id, work.lesson_title) for work in works]

    def validate_sent_on(self, field: Field) -> None:
        if field.data and field.data > self.today:
            raise ValidationError(_l("Ce jour n’est pas encore là."))

    def deposit(self) -> DepositDraft:
        """Return the deposit that was entered."""
        return DepositDraft(
            self.assignment.data,
            self.text.data or "",
            self.reason.data or "",
            self.sent_on.data,
            DepositWay(self.way.data),
        )
