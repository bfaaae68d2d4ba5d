"""What a person decides for herself. Learners read these words: they exist in every language."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import ValidationError

from lms.domain.people.own import Wishes
from lms.forms import PageForm, at_most, email_address, tidy
from lms.i18n import LANGUAGES, STAFF_LANGUAGES, WITH_CATALOGUE, Language
from lms.models import Person

_PHONE = re.compile(r"\+?[0-9][0-9 ./()-]{5,38}")


def tongues(languages: Sequence[Language]) -> list[SelectChoice]:
    return [SelectChoice(language.code, language.name) for language in languages]


def phone_number(_form: FlaskForm, field: Field) -> None:
    if field.data and not _PHONE.fullmatch(field.data):
        raise ValidationError(_l("Ce numéro ne marche pas. Écrivez seulement les chiffres."))


class WishesForm(PageForm):
    languages: Sequence[Language] = ()
    language = RadioField(_l("Langue"))
    text_size = RadioField(
        _l("Taille des lettres"),
        choices=[SelectChoice("normal", _l("Normale")), SelectChoice("large", _l("Grande"))],
    )
    shared = RadioField(
        _l("D’autres personnes utilisent ce téléphone\N{NO-BREAK SPACE}?"),
        choices=[
            SelectChoice("no", _l("Non")),
            SelectChoice("yes", _l("Oui")),
        ],
    )
    email = StringField(_l("E-mail (facultatif)"), filters=[tidy], validators=[email_address])
    phone = StringField(_l("Téléphone (facultatif)"), filters=[tidy], validators=[at_most(40), phone_number])

    def fit(self, person: Person) -> None:
        """Only what this person can decide."""
        offered = list(STAFF_LANGUAGES if person.is_staff else WITH_CATALOGUE)
        # Her own language stays hers although our sentences do not exist in it yet.
        offered += [own for own in LANGUAGES if own.code == person.language and own not in offered]
        self.language.choices = tongues(offered)
        self.languages = offered
        if person.is_staff:
            for name in ("shared", "email", "phone"):
                delattr(self, name)

    def wishes(self) -> Wishes:
        if "shared" not in self:
            return Wishes(self.language.data, self.text_size.data)
        return Wishes(
            language=self.language.data,
            text_size=self.text_size.data,
            shared=self.shared.data == "yes",
            email=self.email.data or None,
            phone=self.phone.data or None,
        )
