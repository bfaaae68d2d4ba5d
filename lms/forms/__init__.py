"""Common parts of the forms: idempotency key, cleaned text, validators with our own sentences."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import Field, HiddenField
from wtforms.i18n import DefaultTranslations
from wtforms.validators import DataRequired, Length, ValidationError

from lms import normal_forms
from lms.domain.errors import Refused
from lms.event_log import log_event
from lms.extensions import write_refusal
from lms.forms.rendering import render_quickly
from lms.i18n.catalogues import form_translations
from lms.i18n.refusals import sentence

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


class PageForm(FlaskForm):
    """Base class of the forms. `request_id` is the idempotency key, made with the empty form."""

    class Meta(FlaskForm.Meta):
        def get_translations(self, form: FlaskForm) -> DefaultTranslations:
            """Return the sentences of WTForms, which Flask-WTF would read from the disk at each request."""
            return form_translations()

        def render_field(self, field: Field, render_kw: dict[str, Any]) -> Markup:
            """Return the HTML of a field."""
            quick = render_quickly(field, {**(field.render_kw or {}), **render_kw})
            return super().render_field(field, render_kw) if quick is None else quick

    request_id = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sent = (self.request_id.data or "").strip()
        self.request_id.data = sent if re.fullmatch(r"[\w-]{8,40}", sent) else secrets.token_urlsafe(16)

    def validate(self, extra_validators: Any = None) -> bool:
        """Validate the fields; a form that is only shown again is never valid."""
        is_valid = bool(super().validate(extra_validators))
        refusal = write_refusal()
        if isinstance(refusal, Refused):
            self.refuse(refusal)
            return False
        return is_valid

    def refuse(
        self, refusal: Refused, field: Field | None = None, *, kinds: Collection[str] = ("photo",)
    ) -> None:
        """Show the sentence of a refusal beside a field or, without one, above the form.

        `kinds`: the kinds of files that the form accepts.
        """
        log_event("refused", code=refusal.code)
        if field is None:
            if (text := sentence(refusal, kinds)) not in self.form_errors:
                self.form_errors.append(text)
        else:
            field.errors = [*field.errors, sentence(refusal)]


class VersionedForm(PageForm):
    """A form of something that a second page may change meanwhile. `version`: the one that the page shows."""

    version = HiddenField(default="0")

    @property
    def seen_version(self) -> int:
        """Return the version that the page showed; -1, which never exists, for anything but a number."""
        return seen_number(self.version.data)


def seen_number(sent: str | None) -> int:
    """Return a number that the page sends back; -1 for anything else."""
    return int(sent) if sent and sent.isascii() and sent.isdigit() and len(sent) < 10 else -1


def tidy(value: str | None) -> str | None:
    """Clean a single line: remove control characters, outer and repeated white space; keep every script."""
    return None if value is None else normal_forms.clean_line(value)


def tidy_name(value: str | None) -> str | None:
    """Clean the name of a person or thing: as a single line, without invisible marks."""
    return None if value is None else normal_forms.clean_name(value)


def tidy_email(value: str | None) -> str | None:
    """Clean an e-mail address as the mailer does; leave one that the mailer refuses to the validator."""
    try:
        return value and normal_forms.normalize_email(value)
    except ValueError:
        return tidy(value)


def tidy_text(value: str | None) -> str | None:
    """Clean several lines: make line ends \\n, remove control characters and outer white space."""
    if value is None:
        return None
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) != "Cc")
    text = unicodedata.normalize("NFC", kept).strip()
    return text if normal_forms.is_visible(text) else ""


def required() -> DataRequired:
    """Return a validator: something is left after the filters; blanks alone do not count."""
    return DataRequired(_l("Écrivez quelque chose ici."))


def at_most(number: int) -> Length:
    """Return a validator: the text has at most this number of characters."""
    return Length(max=number, message=_l("C’est trop long."))


def email_address(_form: FlaskForm, field: Field) -> None:
    """Validate that the field is one address to which the mailer sends, or empty."""
    if field.data and not is_public_address(field.data):
        raise ValidationError(_l("Cette adresse e-mail est fausse. Regardez encore."))


def is_public_address(text: str) -> bool:
    """Return whether the mailer sends to the address and its domain is one of the public network."""
    try:
        return "." in normal_forms.normalize_email(text).rpartition("@")[2]
    except ValueError:
        return False


def https_address(_form: FlaskForm, field: Field) -> None:
    """Validate that the field is the https address of a page, of whatever service, or empty."""
    if field.data and not _is_https_address(field.data):
        raise ValidationError(_l("Écrivez une adresse qui commence par https://"))


def _is_https_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna").decode()
        _port = parts.port  # raises ValueError when it is none
    except ValueError:  # UnicodeError is one too
        return False
    is_plain = text.isprintable() and not any(each in text for each in ' \\<>"')
    return parts.scheme == "https" and "@" not in parts.netloc and is_plain and bool(_HOST.fullmatch(host))


__all__ = [
    "PageForm",
    "VersionedForm",
    "at_most",
    "email_address",
    "https_address",
    "is_public_address",
    "required",
    "tidy",
]
__all__ += ["tidy_email", "tidy_name", "tidy_text"]
