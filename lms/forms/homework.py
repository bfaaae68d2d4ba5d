"""Forms about homework: the assignment of a teacher and the attempt of a learner."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, MultipleFileField
from wtforms import BooleanField, DateField, SelectField, SelectMultipleField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import Optional
from wtforms.widgets import CheckboxInput, ListWidget

from lms.forms import PageForm, VersionedForm, at_most, required, tidy_text

TEXT_LENGTH = 20_000


class AssignmentForm(PageForm):
    """An assignment as a teacher enters it."""

    instruction = TextAreaField(
        _l("Consigne"),
        description=_l("Une idée par phrase. Si besoin, dites « inventez »."),
        filters=[tidy_text],
        validators=[required(), at_most(2000)],
    )
    kinds = SelectMultipleField(
        _l("La personne peut envoyer"),
        choices=[
            SelectChoice("photo", _l("une photo")),
            SelectChoice("voice", _l("sa voix")),
            SelectChoice("text", _l("un texte")),
            SelectChoice("document", _l("un document PDF ou Word")),
        ],
        default=["photo", "text"],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validators=[required()],
    )
    due_on = DateField(
        _l("Pour quel jour ?"),
        description=_l("Vous pouvez laisser vide. Un devoir en retard est accepté."),
        validators=[Optional()],
    )
    may_redo = BooleanField(_l("La personne peut recommencer après la correction"), default=True)


class AttemptForm(VersionedForm):
    """The draft of a learner: text and files."""

    text = TextAreaField(_l("Écrire"), filters=[tidy_text], validators=[at_most(TEXT_LENGTH)])
    photo = MultipleFileField(_l("Prendre une photo"))
    picture = MultipleFileField(_l("Choisir une photo"))
    voice = MultipleFileField(_l("Choisir un enregistrement"))
    document = MultipleFileField(_l("Choisir un document"))


class FilingForm(PageForm):
    """Whose homework a mail is: the ids of the learner and the assignment, with a point between.

    `target`: of the guess whose button was pressed; `chosen`: of the list, which is used without one.
    """

    # The page has the choices; the domain decides.
    target = SelectField(_l("Devoir"), choices=[], validate_choice=False)
    chosen = SelectField(_l("Devoir"), choices=[], validate_choice=False)
    tie = BooleanField(_l("Retenir cette adresse"))


class ReplacementForm(PageForm):
    """One file in the place of a refused one."""

    photo = FileField(_l("Prendre une photo"))
    picture = FileField(_l("Choisir une photo"))
    voice = FileField(_l("Choisir un enregistrement"))
    document = FileField(_l("Choisir un document"))
