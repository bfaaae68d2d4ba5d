"""Common parts of the forms: idempotency key, cleaned text, validators with our own sentences."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Collection
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, HiddenField
from wtforms.validators import DataRequired, Length, ValidationError

from lms.domain.errors import Refused
from lms.i18n.refusals import sentence

_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+\.[^\s@<>,;:\"()\[\]\\.]{2,}")


class PageForm(FlaskForm):
    """Base class of the forms. `request_id` is the idempotency key, made with the empty form."""

    request_id = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sent = (self.request_id.data or "").strip()
        self.request_id.data = sent if re.fullmatch(r"[\w-]{8,40}", sent) else secrets.token_urlsafe(16)

    def refuse(
        self, refusal: Refused, field: Field | None = None, *, kinds: Collection[str] = ("photo",)
    ) -> None:
        """Show the sentence of a refusal beside a field or, without one, above the form.

        `kinds`: the kinds of files that the form accepts.
        """
        if field is None:
            self.form_errors.append(sentence(refusal, kinds))
        else:
            field.errors = [*field.errors, sentence(refusal)]


def tidy(value: str | None) -> str | None:
    """Clean a single line: remove control characters, outer and repeated white space; keep every script."""
    if value is None:
        return None
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in value)
    return " ".join(unicodedata.normalize("NFC", kept).split())


def tidy_text(value: str | None) -> str | None:
    """Clean several lines: make line ends \\n, remove control characters and outer white space."""
    if value is None:
        return None
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) != "Cc")
    return unicodedata.normalize("NFC", kept).strip()


def required() -> DataRequired:
    """Return a validator: something is left after the filters; blanks alone do not count."""
    return DataRequired(_l("Écrivez quelque chose ici."))


def at_most(number: int) -> Length:
    """Return a validator: the text has at most this number of characters."""
    return Length(max=number, message=_l("C’est trop long."))


def email_address(_form: FlaskForm, field: Field) -> None:
    """Validate that the field is one plain address or empty."""
    if field.data and (len(field.data) > 254 or not _EMAIL.fullmatch(field.data)):
        raise ValidationError(_l("Cette adresse e-mail ne marche pas. Regardez encore."))


__all__ = ["PageForm", "at_most", "email_address", "required", "tidy", "tidy_text"]
