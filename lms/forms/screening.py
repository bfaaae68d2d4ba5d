"""Validator against national numbers, which the team must not write anywhere."""

# Read by the team alone.

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field
from wtforms.validators import ValidationError

from lms.domain.people.screening import holds_national_number


def no_national_number(_form: FlaskForm, field: Field) -> None:
    """Validate that free text has no Belgian national number."""
    if holds_national_number(field.data):
        raise ValidationError(_l("Pas de numéro national ici. Effacez-le."))
