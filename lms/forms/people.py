"""People and the centre: short forms, and a guard against national numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
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

from lms.domain.people import centre
from lms.domain.people.learners import Facts
from lms.forms import PageForm, at_most, email_address, required, tidy, tidy_text
from lms.forms.me import phone_number, tongues
from lms.forms.screening import no_national_number
from lms.i18n import LANGUAGES
from lms.models import Level, Person

BUFFERS = (0, 15, 30, 45, 60)


def chosen() -> InputRequired:
    return InputRequired(_l("Choisissez une réponse."))


class ChecksField(SelectMultipleField):
    """Several of a few: as boxes, not as a list that wants a held key."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class LearnerForm(PageForm):
    name = StringField(_l("Nom"), filters=[tidy], validators=[required(), at_most(120), no_national_number])
    level_id = RadioField(_l("Niveau"), validators=[chosen()])
    language = SelectField(_l("Langue"), choices=tongues(LANGUAGES), default="fr")
    email = StringField(_l("E-mail (facultatif)"), filters=[tidy], validators=[email_address])
    phone = StringField(_l("Téléphone (facultatif)"), filters=[tidy], validators=[at_most(40), phone_number])

    def offer(self, levels: Sequence[Level]) -> None:
        self.level_id.choices = [SelectChoice(level.id, f"{level.name} · {level.cefr}") for level in levels]

    def facts(self) -> Facts:
        return Facts(
            name=self.name.data,
            level_id=self.level_id.data,
            language=self.language.data,
            email=self.email.data or None,
            phone=self.phone.data or None,
        )


class LearnerEditForm(LearnerForm):
    opened = ChecksField(_l("Autres niveaux ouverts"))
    social_worker_id = SelectField(_l("Assistant social"))

    def offer_more(self, levels: Sequence[Level], workers: Sequence[Person], now: Person | None) -> None:
        self.offer(levels)
        self.opened.choices = [SelectChoice(level.id, level.name) for level in levels]
        # Whoever is named now stays a choice, even when she has left.
        known = [*workers, *([now] if now and now.id not in {worker.id for worker in workers} else [])]
        self.social_worker_id.choices = [SelectChoice("", _l("Pas d’assistant social"))]
        self.social_worker_id.choices += [SelectChoice(worker.id, worker.name) for worker in known]

    def facts(self) -> Facts:
        base = super().facts()
        return Facts(
            base.name,
            base.level_id,
            base.language,
            base.email,
            base.phone,
            self.social_worker_id.data or None,
            frozenset(self.opened.data or ()),
        )


class ColleagueForm(PageForm):
    name = StringField(_l("Nom"), filters=[tidy], validators=[required(), at_most(120), no_national_number])
    email = StringField(_l("E-mail"), filters=[tidy], validators=[required(), email_address])
    roles = ChecksField(
        _l("Rôles"),
        choices=[
            SelectChoice("teacher", _l("Professeur")),
            SelectChoice("coordinator", _l("Coordination")),
            SelectChoice("social_worker", _l("Assistant social")),
        ],
        validators=[chosen()],
    )


class PressForm(PageForm):
    """A button alone: its key and the shield, no field."""


class NewPasswordForm(PageForm):
    """`password` is never shown again; the sentence of a refusal stands beside it."""

    password = PasswordField(
        _l("Nouveau mot de passe"),
        description=_l("Au moins 8 caractères. Évitez un mot courant ou votre nom."),
        validators=[required(), Length(max=200, message=_l("C’est trop long."))],
    )


class ChangePasswordForm(NewPasswordForm):
    current = PasswordField(_l("Mot de passe actuel"), validators=[required(), at_most(200)])


class AskPasswordForm(PageForm):
    email = StringField(_l("E-mail"), filters=[tidy], validators=[required(), email_address])


def _https(_form: FlaskForm, field: Field) -> None:
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[\w./-]*)?", field.data or ""):
        raise ValidationError(_l("Écrivez une adresse qui commence par https://"))


def _between(low: int, high: int) -> list[object]:
    message = _l("Écrivez un nombre de %(low)s à %(high)s.", low=low, high=high)
    return [InputRequired(message), NumberRange(low, high, message)]


class ServiceForm(PageForm):
    name = StringField(_l("Nom du service"), filters=[tidy], validators=[required(), at_most(120)])
    address = StringField(_l("Adresse"), filters=[tidy], validators=[at_most(200)])
    directions = StringField(
        _l("Comment venir"),
        filters=[tidy],
        validators=[at_most(200)],
        description=_l("Arrêt de bus, étage, porte."),
    )
    phone = StringField(_l("Téléphone"), filters=[tidy], validators=[at_most(40), phone_number])
    email = StringField(_l("E-mail"), filters=[tidy], validators=[email_address])
    pin_required = BooleanField(_l("Demander le code secret avec la carte"))
    hygiene_notice = BooleanField(_l("Montrer les gestes barrières"))
    hygiene_text = TextAreaField(
        _l("Texte des gestes barrières"), filters=[tidy_text], validators=[at_most(600), no_national_number]
    )
    video_base = StringField(
        _l("Adresse des salles vidéo"), filters=[tidy], validators=[required(), at_most(200), _https]
    )
    lead_hours = IntegerField(_l("Réserver au plus tard, en heures avant"), validators=_between(0, 336))
    horizon_days = IntegerField(_l("Réserver au plus tôt, en jours avant"), validators=_between(1, 365))
    weekly_cap = IntegerField(_l("Rendez-vous par semaine et par personne"), validators=_between(1, 20))
    open_cap = IntegerField(_l("Rendez-vous à venir par personne"), validators=_between(1, 50))
    onsite_buffer_minutes = SelectField(
        _l("Pause entre deux rendez-vous sur place, en minutes"),
        coerce=int,
        choices=[SelectChoice(str(minutes), str(minutes)) for minutes in BUFFERS],
    )
    late_cancel_hours = IntegerField(
        _l("Une annulation est tardive, en heures avant"), validators=_between(0, 168)
    )

    def values(self) -> dict[str, object]:
        """Under the names of the table; an empty line is empty text."""
        own = {name: field.data for name, field in self._fields.items() if name in centre.SETTINGS}
        return {name: "" if value is None else value for name, value in own.items()}


class RoomForm(PageForm):
    room = StringField(_l("Nouvelle salle"), filters=[tidy], validators=[required(), at_most(60)])


class LevelForm(PageForm):
    name = StringField(_l("Nom"), filters=[tidy], validators=[required(), at_most(60)])
    cefr = StringField(_l("Niveau européen"), filters=[tidy], validators=[at_most(30)])
    blurb = StringField(_l("En une phrase"), filters=[tidy], validators=[at_most(200)])
