"""Exceptions with which the domain answers: a refusal, or an absent object."""

from __future__ import annotations

from lms.refusal_codes import RefusalCode


class Refused(Exception):
    """Refusal of an operation.

    `lms/i18n/refusals/` has the sentence for `code`; `values` fill the placeholders of the sentence.
    """

    def __init__(self, code: RefusalCode, **values: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class Absent(Exception):
    """There is no such object, or the person may not know that there is one: the page answers 404."""
