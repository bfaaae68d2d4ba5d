"""Assertions that also narrow the type of a value for the type checker."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def present(value: T | None) -> T:
    assert value is not None
    return value


def of_type(kind: type[T], value: object) -> T:
    assert isinstance(value, kind), value
    return value
