"""Forms about people and the organisation. Free text is checked for national numbers."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    BooleanField,
    Field,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from lms.domain.errors import Refused
from lms.domain.people import organisation
from lms.domain.people.learners import LearnerDetails
from lms.domain.people.screening import holds_national_number
from lms.forms import (
    PageForm,
    at_most,
    email_address,
    https_address,
    required,
    tidy,
    tidy_email,
    tidy_name,
    tidy_text,
)
from lms.forms.me import language_choices, phone_number, tidy_phone
from lms.forms.screening import no_national_number
from lms.i18n.languages import LANGUAGES
from lms.models import Level, Person, Role
from lms.normal_forms import plain_text
from lms.refusal_codes import RefusalCode

LONGEST_NAME = 120
# Of one list: a class with its reserve, and a page that is still read.
MOST_LEARNERS = 60
BUFFERS = (0, 15, 30, 45, 60)


def chosen() -> InputRequired:
    """Return a validator: something is chosen."""
    return InputRequired(_l("Choisissez une réponse."))


class ChecksField(SelectMultipleField):
    """Several choices as checkboxes, because a list would need a held key."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class NamesakeQuestion(PageForm):
    """A form that names people, and asks before somebody gets the name of another person."""

    confirmed = BooleanField(_l("Ce sont d’autres personnes : continuer"))
    namesakes: Sequence[str] = ()

    def check_namesakes(self, namesakes: Sequence[str]) -> None:
        """Show the names that others have already, with the question whether these are other people.

        Refusals: `namesake`, unless that was confirmed.
        """
        if namesakes and not self.confirmed.data:
            self.namesakes = namesakes
            raise Refused(RefusalCode.NAMESAKE)


class LevelChoice:
    """The choice of a level, for the forms that have one."""

    level_id: RadioField

    def offer(self, levels: Sequence[Level]) -> None:
        """Set the levels to choose from."""
        self.level_id.choices = [SelectChoice(level.id, f"{level.name} · {level.cefr}") for level in levels]


class LearnerForm(LevelChoice, NamesakeQuestion):
    """Details of a learner."""

    name = StringField(
        _l("Nom"), filters=[tidy_name], validators=[required(), at_most(LONGEST_NAME), no_national_number]
    )
    level_id = RadioField(_l("Niveau"), validators=[chosen()])
    language = SelectField(_l("Langue"), choices=language_choices(LANGUAGES), default="fr")
    email = StringField(_l("E-mail (facultatif)"), filters=[tidy_email], validators=[email_address])
    phone = StringField(
        _l("Téléphone (facultatif)"), filters=[tidy_phone], validators=[at_most(40), phone_number]
    )

    def facts(self) -> LearnerDetails:
        """Return the details that were entered."""
        return LearnerDetails(
            name=self.name.data,
            level_id=self.level_id.data,
            language=self.language.data,
            email=self.email.data or None,
            phone=self.phone.data or None,
        )


class LearnersForm(LevelChoice, NamesakeQuestion):
    """Several new learners of one level, a name a line."""

    names = TextAreaField(
        _l("Noms"), description=_l("Un nom par ligne. Collez une liste."), filters=[tidy_text]
    )
    level_id = RadioField(_l("Niveau"), validators=[chosen()])
    language = SelectField(_l("Langue"), choices=language_choices(LANGUAGES), default="fr")

    def validate_names(self, form_field: Field) -> None:
        """Check each line; an error names the line."""
        lines = [tidy_name(line) or "" for line in (form_field.data or "").splitlines()]
        self.cleaned = [line for line in lines if line]
        if not self.cleaned:
            raise ValidationError(_l("Écrivez quelque chose ici."))
        if len(self.cleaned) > MOST_LEARNERS:
            raise ValidationError(_l("Ajoutez %(number)s personnes au plus à la fois.", number=MOST_LEARNERS))
        for number, line in enumerate(lines, 1):
            if len(line) > LONGEST_NAME:
                raise ValidationError(_l("Ligne %(number)s : le nom est trop long.", number=number))
            if holds_national_number(line):
                raise ValidationError(_l("Ligne %(number)s : pas de numéro national ici.", number=number))

    def facts(self) -> list[LearnerDetails]:
        """Return the details of each learner that was entered."""
        return [LearnerDetails(name, self.level_id.data, self.language.data) for name in self.cleaned]


class LearnerEditForm(LearnerForm):
    """Details of an existing learner, with opened levels and social worker."""

    opened = ChecksField(_l("Autres niveaux ouverts"))
    social_worker_id = SelectField(_l("Assistant social"))

    def offer_more(self, levels: Sequence[Level], workers: Sequence[Person]) -> None:
        """Set the levels and social workers to choose from."""
        self.offer(levels)
        self.opened.choices = [SelectChoice(level.id, level.name) for level in levels]
        self.social_worker_id.choices = [SelectChoice("", _l("Pas d’assistant social"))]
        self.social_worker_id.choices += [SelectChoice(worker.id, worker.name) for worker in workers]

    def facts(self) -> LearnerDetails:
        """Return the details that were entered."""
        base = super().facts()
        return LearnerDetails(
            base.name,
            base.level_id,
            base.language,
            base.email,
            base.phone,
            self.social_worker_id.data or None,
            frozenset(self.opened.data or ()),
        )


class ColleagueForm(NamesakeQuestion):
    """A member of the team: name, address, roles."""

    name = StringField(
        _l("Nom"), filters=[tidy_name], validators=[required(), at_most(LONGEST_NAME), no_national_number]
    )
    email = StringField(_l("E-mail"), filters=[tidy_email], validators=[required(), email_address])
    roles = ChecksField(
        _l("Rôles"),
        choices=[
            SelectChoice(Role.TEACHER, _l("Professeur")),
            SelectChoice(Role.COORDINATOR, _l("Coordination")),
            SelectChoice(Role.SOCIAL_WORKER, _l("Assistant social")),
        ],
        validators=[chosen()],
    )


class ConfirmForm(PageForm):
    """A button alone: idempotency key and CSRF protection, no other field."""


class NewPasswordForm(PageForm):
    """A new password; it is never shown again, and a refusal is shown beside it."""

    password = PasswordField(
        _l("Nouveau mot de passe"),
        description=_l("Au moins 8 caractères. Évitez un mot courant ou votre nom."),
        validators=[required(), Length(max=200, message=_l("C’est trop long."))],
    )


class ChangePasswordForm(NewPasswordForm):
    """A new password, with the current one."""

    current = PasswordField(_l("Mot de passe actuel"), validators=[required(), at_most(200)])


class AskPasswordForm(PageForm):
    """Request of a password link."""

    email = StringField(_l("E-mail"), filters=[tidy_email], validators=[required(), email_address])


def takes_room_name(_form: FlaskForm, field: Field) -> None:
    """Validate that the name of a room can stand at the end of the address."""
    if "?" in field.data or "#" in field.data:
        raise ValidationError(_l("Ce lien mène à une seule salle. Un professeur peut le mettre à son nom."))


class NumberField(IntegerField):
    """A whole number between two bounds; any other input gets one sentence that names them."""

    data: int | None

    def __init__(self, label: Any, low: int, high: int, **more: Any) -> None:
        self.sentence = _l("Écrivez un nombre de %(low)s à %(high)s.", low=low, high=high)
        super().__init__(
            label, validators=[InputRequired(self.sentence), NumberRange(low, high, self.sentence)], **more
        )

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata([plain_text(value) for value in valuelist])
        except ValueError:
            self.data = None  # the validators then refuse it with our own sentence


class OrganisationForm(PageForm):
    """Settings of the organisation."""

    name = StringField(_l("Nom du service"), filters=[tidy_name], validators=[required(), at_most(120)])
    address = StringField(_l("Adresse"), filters=[tidy], validators=[at_most(200)])
    directions = StringField(
        _l("Comment venir"),
        filters=[tidy],
        validators=[at_most(200)],
        description=_l("Arrêt de bus, étage, porte."),
    )
    phone = StringField(_l("Téléphone"), filters=[tidy_phone], validators=[at_most(40), phone_number])
    email = StringField(_l("E-mail"), filters=[tidy_email], validators=[email_address])
    pin_required = BooleanField(_l("Demander le code secret avec la carte"))
    hygiene_notice = BooleanField(_l("Montrer les gestes barrières"))
    hygiene_text = TextAreaField(
        _l("Texte des gestes barrières"),
        filters=[tidy_text],
        validators=[at_most(600), no_national_number],
        description=_l("Pour les rendez-vous sur place, et sur le billet."),
    )
    video_base = StringField(
        _l("Adresse des salles vidéo"),
        filters=[tidy],
        validators=[at_most(200), https_address, takes_room_name],
        description=_l(
            "Par exemple celle de votre serveur Jitsi : chaque rendez-vous a sa salle à cette adresse."
            " Vide : chaque professeur met son propre lien."
        ),
    )
    lead_hours = NumberField(
        _l("Délai pour réserver, en heures"),
        0,
        336,
        description=_l("On réserve au plus tard ce nombre d’heures avant."),
    )
    horizon_days = NumberField(
        _l("Réserver à l’avance, en jours"),
        1,
        365,
        description=_l("On réserve au plus tôt ce nombre de jours avant."),
    )
    weekly_cap = NumberField(
        _l("Rendez-vous par semaine"), 1, 20, description=_l("Pour un apprenant, au plus.")
    )
    open_cap = NumberField(
        _l("Rendez-vous à venir"), 1, 50, description=_l("Pour un apprenant, en même temps, au plus.")
    )
    onsite_buffer_minutes = SelectField(
        _l("Pause après un rendez-vous sur place, en minutes"),
        coerce=int,
        choices=[SelectChoice(str(minutes), str(minutes)) for minutes in BUFFERS],
        description=_l(
            "L’heure suivante sur place commence après la pause. Par vidéo, il n’y a pas de pause."
        ),
    )
    late_cancel_hours = NumberField(
        _l("Annulation tardive, en heures"),
        0,
        168,
        description=_l("Après ce délai, l’annulation compte comme tardive."),
    )
    quiet_from = NumberField(
        _l("Heures calmes, à partir de"),
        0,
        23,
        description=_l("Le temps pour répondre à une proposition ne court pas."),
    )
    quiet_until = NumberField(_l("Heures calmes, jusqu’à"), 0, 23, description=_l("La même heure : jamais."))

    def validate_horizon_days(self, field: Field) -> None:
        if field.data and self.lead_hours.data and field.data * 24 <= self.lead_hours.data:
            raise ValidationError(_l("C’est plus court que le délai. Personne ne pourrait réserver."))

    def validate_hygiene_text(self, field: Field) -> None:
        if self.hygiene_notice.data and not field.data:
            raise ValidationError(_l("Écrivez le texte à montrer."))

    def values(self) -> dict[str, object]:
        """Return the settings by their column name; an empty field is an empty text."""
        own = {name: field.data for name, field in self._fields.items() if name in organisation.SETTINGS}
        return {name: "" if value is None else value for name, value in own.items()}


class DoorForm(PageForm):
    """Photo of the entrance."""

    photo = FileField(_l("Choisir une photo"), validators=[FileRequired(_l("Choisissez une photo."))])


class RoomForm(PageForm):
    """A new room."""

    room = StringField(_l("Nouvelle salle"), filters=[tidy_name], validators=[required(), at_most(60)])


class ScaleForm(PageForm):
    """DELF points of a criterion; its page has a field for each, named after the criterion."""

    scale = StringField(_l("Points DELF"), validators=[at_most(40)])


class LevelForm(PageForm):
    """Name, CEFR label and description of a level."""

    name = StringField(_l("Nom"), filters=[tidy_name], validators=[required(), at_most(60)])
    cefr = StringField(_l("Niveau européen"), filters=[tidy], validators=[at_most(30)])
    blurb = StringField(_l("En une phrase"), filters=[tidy], validators=[at_most(200)])
