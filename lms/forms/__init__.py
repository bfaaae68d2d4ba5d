"""What every form shares: its key against double sending, cleaned text, our own sentences."""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, HiddenField
from wtforms.validators import DataRequired, Length, ValidationError

from lms.domain.errors import Refused
from lms.i18n.refusals import sentence

_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+\.[^\s@<>,;:\"()\[\]\\.]{2,}")


class PageForm(FlaskForm):
    """A form of ours. `request_id` is made with the empty form and comes back with the sent one."""

    request_id = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sent = (self.request_id.data or "").strip()
        self.request_id.data = sent if re.fullmatch(r"[\w-]{8,40}", sent) else secrets.token_urlsafe(16)

    def refuse(self, no: Refused, field: Field | None = None) -> None:
        """Show why the verb said no: beside a field, or above the form."""
        if field is None:
            self.form_errors.append(sentence(no))
        else:
            field.errors = [*field.errors, sentence(no)]


def tidy(value: str | None) -> str | None:
    """One line: outer and doubled white space and control characters go, every script stays."""
    if value is None:
        return None
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in value)
    return " ".join(unicodedata.normalize("NFC", kept).split())


def tidy_text(value: str | None) -> str | None:
    """Several lines: line ends become \\n, control characters go."""
    if value is None:
        return None
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) != "Cc")
    return unicodedata.normalize("NFC", kept).strip()


def required() -> DataRequired:
    """Something must be left after the filters: blanks alone are nothing."""
    return DataRequired(_l("Écrivez quelque chose ici."))


def at_most(number: int) -> Length:
    return Length(max=number, message=_l("C’est trop long."))


def email_address(_form: FlaskForm, field: Field) -> None:
    """A validator: one plain address, or nothing."""
    if field.data and (len(field.data) > 254 or not _EMAIL.fullmatch(field.data)):
        raise ValidationError(_l("Cette adresse e-mail ne marche pas. Regardez encore."))


__all__ = ["PageForm", "at_most", "email_address", "required", "tidy", "tidy_text"]
