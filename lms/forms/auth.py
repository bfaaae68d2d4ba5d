"""Login forms: by card, or by e-mail and password."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, PasswordField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, Regexp

from lms import normal_forms
from lms.forms import PageForm, required, tidy_email


def digits(value: str | None) -> str | None:
    """Clean digits typed from a card: remove spaces and hyphens, convert digits of another script."""
    return None if value is None else normal_forms.card_digits(value)


class CardForm(PageForm):
    """Login with a card. `token` comes from the link of the card, `code` is typed."""

    token = HiddenField(validators=[Length(max=100)])
    next = HiddenField()
    code = StringField(_l("Les 8 chiffres de la carte"), filters=[digits])
    pin = StringField(_l("Votre code secret"), filters=[digits])
    shared = RadioField(
        _l("D’autres personnes utilisent ce téléphone\N{NARROW NO-BREAK SPACE}?"),
        choices=[
            SelectChoice("no", _l("Non")),
            SelectChoice("yes", _l("Oui")),
        ],
        default="no",
    )

    def expect(self, *, code: bool, pin: bool) -> None:
        """Require the numbers that this login needs."""
        if code:
            self.code.validators = [Regexp(r"[0-9]{8}\Z", message=_l("Écrivez les 8 chiffres de la carte."))]
        if pin:
            self.pin.validators = [
                Regexp(r"[0-9]{4}\Z", message=_l("Écrivez les 4 chiffres de votre code secret."))
            ]


class LoginForm(PageForm):
    """Login of a member of the team with e-mail and password."""

    next = HiddenField()
    email = StringField(_l("E-mail"), filters=[tidy_email], validators=[required(), Length(max=254)])
    password = PasswordField(_l("Mot de passe"), validators=[required(), Length(max=200)])
