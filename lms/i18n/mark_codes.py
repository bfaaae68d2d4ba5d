"""The letter and the word of each code with which teachers mark."""

from __future__ import annotations

from typing import NamedTuple

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lms.models import MarkCode


class CodeWords(NamedTuple):
    """A code as it is shown: a letter on the page, a word in the list."""

    letter: str
    label: LazyString

    @property
    def key(self) -> str:
        """Return the key that puts the code on the copy: its letter, and b for what is good."""
        return "b" if self.letter == "★" else self.letter.lower()


CODES = {
    MarkCode.SPELLING: CodeWords("O", _l("Orthographe")),
    MarkCode.AGREEMENT: CodeWords("A", _l("Accord")),
    MarkCode.CONJUGATION: CodeWords("C", _l("Conjugaison")),
    MarkCode.DETERMINER: CodeWords("D", _l("Petit mot")),
    MarkCode.PREPOSITION: CodeWords("R", _l("Préposition")),
    MarkCode.MISSING: CodeWords("M", _l("Il manque un mot")),
    MarkCode.WORD: CodeWords("L", _l("Mot")),
    MarkCode.ORDER: CodeWords("S", _l("Ordre des mots")),
    MarkCode.PUNCTUATION: CodeWords("P", _l("Ponctuation")),
    MarkCode.UNCLEAR: CodeWords("?", _l("Sens")),
    MarkCode.GOOD: CodeWords("★", _l("Bien")),
}
