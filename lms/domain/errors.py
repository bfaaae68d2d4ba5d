"""Exceptions with which the domain answers: a refusal, or an absent object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

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


@contextmanager
def refuse_duplicates(session: Session, refusal: Refused) -> Iterator[None]:
    """Turn the violation of a unique column into a refusal.

    Two requests at once may both have found the name or address free; the column decides between them.
    """
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError:
        raise refusal from None
