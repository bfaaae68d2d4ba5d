"""HTML of the fields of which a form has many: as WTForms writes it, without a format for each attribute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape
from wtforms import Field, SelectField
from wtforms.widgets import DateInput, Select, TextInput


def render_quickly(field: Field, attributes: Mapping[str, Any]) -> Markup | None:
    """Return the HTML of a single-line input or a list to choose from; None for any other field."""
    widget = type(field.widget)
    if widget in (TextInput, DateInput):
        said = _attributes(field, {"type": field.widget.input_type, "value": field._value(), **attributes})
        return Markup(f"<input {said}>")  # noqa: S704 escaped below
    if widget is Select and not field.widget.multiple and not field.has_groups():
        said = _attributes(field, attributes)
        return Markup(f"<select {said}>{_options(field)}</select>")  # noqa: S704
    return None


def _options(field: SelectField) -> str:
    return "".join(
        f"<option{' selected' if choice.selected else ''}"
        f' value="{escape(choice.value)}">{escape(choice.label or choice.value)}</option>'
        for choice in field.iter_choices()
    )


def _attributes(field: Field, given: Mapping[str, Any]) -> str:
    values = {"id": field.id, "name": field.name, **given}
    for flag in field.widget.validation_attrs:
        value = getattr(field.flags, flag, None)
        if value is not None and flag not in values:
            values[flag] = value() if callable(value) else value
    return " ".join(
        key if value is True else f'{key}="{escape(value)}"'
        for key, value in sorted(values.items())
        if value is not False
    )
