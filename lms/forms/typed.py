"""Which fields of the forms hold what people type, and which hold a secret."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from wtforms import BooleanField, FieldList, FileField, FormField, HiddenField, PasswordField
from wtforms.fields.choices import SelectFieldBase
from wtforms.form import Form

# Numbers of a card are text fields, and the token of its link is a hidden one.
_NUMBERS_OF_A_CARD = frozenset({"code", "pin", "token"})
_NOT_TYPED = (BooleanField, FieldList, FileField, FormField, HiddenField, PasswordField, SelectFieldBase)


def is_typed(name: str) -> bool:
    """Return whether people type into the field, as words, a number or a date, and may read it again."""
    return _own(name) in _fields()[0] and not is_secret(name)


def is_secret(name: str) -> bool:
    """Return whether nothing may bring the field back: passwords, PINs, codes, tokens."""
    return _own(name) in _NUMBERS_OF_A_CARD or _own(name) in _fields()[1]


def _own(name: str) -> str:
    """Return the name of a field without that of the list in which it stands: `clips-0-title`."""
    return name.rpartition("-")[2]


@cache
def _fields() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the fields of all forms: those that are typed, and the passwords."""
    typed, passwords = set[str](), set[str]()
    for form in _subclasses(Form):
        for name, field in vars(form).items():
            made = getattr(field, "field_class", None)
            if made is None:
                continue
            if issubclass(made, PasswordField):
                passwords.add(name)
            elif field.args and not issubclass(made, _NOT_TYPED):  # without a label nobody sees it
                typed.add(name)
    return frozenset(typed), frozenset(passwords)


def _subclasses(parent: type[object]) -> Iterator[type[object]]:
    child: type[object]
    for child in parent.__subclasses__():
        yield child
        yield from _subclasses(child)
