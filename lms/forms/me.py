"""Form of the page *Moi*. Learners read these texts: they exist in every language."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import ValidationError

from lms.domain.people.contact import available_channels, sms_number
from lms.domain.people.preferences import Preferences
from lms.forms import PageForm, at_most, email_address, tidy, tidy_email
from lms.i18n.languages import LANGUAGES, STAFF_LANGUAGES, WITH_CATALOGUE, Language
from lms.models import Channel, Person
from lms.models.people import AUTOMATIC
from lms.normal_forms import normalize_phone, plain_text

_CHANNELS: dict[Channel, LazyString] = {
    Channel.MAIL: _l("E-mail"),
    Channel.SMS: _l("SMS"),
    Channel.HAND: _l("WhatsApp ou SMS de mon professeur"),
}


def language_choices(languages: Sequence[Language]) -> list[SelectChoice]:
    """Return the languages as choices of a field, each by its own name."""
    return [SelectChoice(language.code, language.name) for language in languages]


def tidy_phone(value: str | None) -> str | None:
    """Clean a phone number: digits of ASCII, no marks, in the groups that were typed."""
    return None if value is None else tidy(plain_text(value))


def phone_number(_form: FlaskForm, field: Field) -> None:
    """Validate that the field is a phone number or empty."""
    if field.data and normalize_phone(field.data) is None:
        raise ValidationError(_l("Ce numéro est faux. Écrivez seulement les chiffres."))


_OF_TEACHERS = ("letter_keys", "delf_points", "weekly_digest")


class PreferencesForm(PageForm):
    """Preferences of a person; `fit` leaves the fields that the person can set."""

    languages: Sequence[Language] = ()
    # No SMS reaches the number: a landline, or a digit is missing.
    no_texts = False
    language = RadioField(_l("Langue"))
    text_size = RadioField(
        _l("Taille des lettres"),
        choices=[SelectChoice("normal", _l("Normale")), SelectChoice("large", _l("Grande"))],
    )
    letter_keys = BooleanField(
        _l("Touches d’une seule lettre dans les corrections"),
        description=_l(
            "j et k changent de copie quand la copie est choisie. Ctrl + Entrée fonctionne toujours."
        ),
    )
    delf_points = BooleanField(
        _l("Points DELF à côté des appréciations"),
        description=_l("Seuls les professeurs les voient."),
    )
    weekly_digest = BooleanField(
        _l("Un e-mail chaque lundi"),
        description=_l(
            "Les copies qui attendent et les personnes à voir. Rien n’attend\N{NO-BREAK SPACE}: pas d’e-mail."
        ),
    )
    shared = RadioField(
        _l("D’autres personnes utilisent ce téléphone\N{NARROW NO-BREAK SPACE}?"),
        choices=[
            SelectChoice("no", _l("Non")),
            SelectChoice("yes", _l("Oui")),
        ],
    )
    email = StringField(_l("E-mail (facultatif)"), filters=[tidy_email], validators=[email_address])
    phone = StringField(
        _l("Téléphone (facultatif)"), filters=[tidy_phone], validators=[at_most(40), phone_number]
    )
    reach = RadioField(_l("Comment recevoir les messages\N{NARROW NO-BREAK SPACE}?"))

    def fit(self, person: Person, *, gateway: bool) -> None:
        """Leave the fields that the person can set. `gateway`: the instance sends SMS by itself."""
        offered = list(STAFF_LANGUAGES if person.is_staff else WITH_CATALOGUE)
        # The person's own language stays a choice although it has no catalogue yet.
        offered += [own for own in LANGUAGES if own.code == person.language and own not in offered]
        self.language.choices = language_choices(offered)
        self.languages = offered
        if not person.is_teacher:
            for name in _OF_TEACHERS:
                delattr(self, name)
        if person.is_staff:
            for name in ("shared", "email", "phone", "reach"):
                delattr(self, name)
        else:
            self.no_texts = bool(person.phone) and sms_number(person) is None
            self._offer_channels(available_channels(person, gateway=gateway))

    def _offer_channels(self, possible: Sequence[Channel]) -> None:
        """Offer the possible channels; with fewer than two there is nothing to choose."""
        if len(possible) < 2:
            del self.reach
            return
        self.reach.choices = [SelectChoice(AUTOMATIC, _l("Automatique"))]
        self.reach.choices += [SelectChoice(channel, _CHANNELS[channel]) for channel in possible]
        if not self.is_submitted() and self.reach.data not in possible:
            self.reach.data = AUTOMATIC

    def entered(self) -> Preferences:
        """Return what was entered; the team has language and text size only, teachers their switches too."""
        if "shared" not in self:
            switches = {name: self[name].data for name in _OF_TEACHERS if name in self}
            return Preferences(self.language.data, self.text_size.data, **switches)
        return Preferences(
            language=self.language.data,
            text_size=self.text_size.data,
            shared=self.shared.data == "yes",
            email=self.email.data or None,
            phone=self.phone.data or None,
            reach=self.reach.data if "reach" in self else None,
        )
