"""Words of an enum that stand in a statement instead of being bound to it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Enum, literal_column
from sqlalchemy.sql import operators
from sqlalchemy.sql.operators import OperatorType

from lms.models.people import word_type


class _Written(Enum.Comparator):
    """Comparison with a word of an enum, which is written into the statement instead of bound to it."""

    def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
        word = other[0] if other else None
        if op in (operators.eq, operators.ne) and isinstance(word, StrEnum):
            other = (literal_column(f"'{word}'", self.type),)
        return super().operate(op, *other, **kwargs)


def written_word_type(words: type[StrEnum], length: int) -> Enum:
    """Return the same type for a column that a partial index names with one of its words.

    Whether that index fits depends on the word: of `state = ?` SQLite makes a new plan each time it runs.
    """
    found = word_type(words, length)
    found.comparator_factory = _Written
    return found
