"""Languages that a person can choose, the most used first (docs/adr/0008)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """A language that a person can choose."""

    code: str
    name: str  # as its speakers write it
    direction: str = "ltr"
    catalogue: bool = False  # there are translations of the interface
    reviewed: bool = False  # a person who speaks the language has read them


LANGUAGES: tuple[Language, ...] = (
    Language("fr", "français", catalogue=True, reviewed=True),
    Language("ar", "العربية", "rtl", catalogue=True),
    Language("en", "English", catalogue=True, reviewed=True),
    Language("uk", "українська", catalogue=True),
    Language("tr", "Türkçe", catalogue=True),
    Language("ps", "پښتو", "rtl"),
    Language("fa", "دری / فارسی", "rtl"),
    Language("es", "español"),
    Language("ti", "ትግርኛ"),
    Language("ro", "română"),
    Language("sq", "shqip"),
    Language("ru", "русский"),
    Language("so", "Soomaali"),
)
BY_CODE = {language.code: language for language in LANGUAGES}
SOURCE = BY_CODE["fr"]
WITH_CATALOGUE = tuple(language for language in LANGUAGES if language.catalogue)
STAFF_LANGUAGES = (BY_CODE["fr"], BY_CODE["en"])


def shown_in(code: str | None) -> Language:
    """Return the language of the interface for a person who chose `code`: French without a catalogue."""
    language = BY_CODE.get(code or "", SOURCE)
    return language if language.catalogue else SOURCE
