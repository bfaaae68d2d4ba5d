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
    if widget is Select and not field.widget.multiple and isinstance(field.choices, list):
        options = _options(field)
        if options is not None:
            said = _attributes(field, attributes)
            return Markup(f"<select {said}>{options}</select>")  # noqa: S704
    return None


def _options(field: SelectField) -> str | None:
    """Return the options of a list; None when one of them has attributes or a group."""
    found = []
    for value, label, *more in field.choices:
        if any(more):
            return None
        mark = " selected" if field.coerce(value) == field.data else ""
        found.append(f'<option{mark} value="{escape(value)}">{escape(label)}</option>')
    return "".join(found)


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
