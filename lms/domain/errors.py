"""How the house says no."""

from __future__ import annotations


class Refused(Exception):
    """A verb says no. The sentence for `code` lives in i18n, in every language.

    `values` fill the placeholders of that sentence.
    """

    def __init__(self, code: str, **values: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class Absent(Exception):
    """There is no such thing, or this person may not know that there is: the page answers 404."""
