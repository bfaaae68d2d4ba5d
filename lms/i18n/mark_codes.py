"""The letter and the word of each code with which teachers mark."""

from __future__ import annotations

from typing import NamedTuple

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lms.models import MarkCode, MarkKind


class CodeWords(NamedTuple):
    """A code as it is shown: a letter on the page, a word in the list, a short one under its button."""

    letter: str
    label: LazyString
    short: LazyString

    @property
    def key(self) -> str:
        """Return the key that puts the code on the copy: its letter, and b for what is good."""
        return "b" if self.letter == "★" else self.letter.lower()


class ToolWords(NamedTuple):
    """A tool that draws: its sign and name on the button, and its mark in the list where it has no words."""

    sign: str
    label: LazyString
    mark: LazyString


TOOLS = {
    MarkKind.PEN: ToolWords("✎", _l("Crayon"), _l("Un trait")),
    MarkKind.ARROW: ToolWords("↗", _l("Flèche"), _l("Une flèche")),
    MarkKind.TEXT: ToolWords("T", _l("Texte"), _l("Un texte")),
    MarkKind.HIGHLIGHT: ToolWords("▬", _l("Surligner"), _l("Un passage surligné")),
}
CODES = {
    MarkCode.SPELLING: CodeWords("O", _l("Orthographe"), _l("orthogr.")),
    MarkCode.AGREEMENT: CodeWords("A", _l("Accord"), _l("accord")),
    MarkCode.CONJUGATION: CodeWords("C", _l("Conjugaison"), _l("conjug.")),
    MarkCode.DETERMINER: CodeWords("D", _l("Petit mot"), _l("petit mot")),
    MarkCode.PREPOSITION: CodeWords("R", _l("Préposition"), _l("prépos.")),
    MarkCode.MISSING: CodeWords("M", _l("Il manque un mot"), _l("manque")),
    MarkCode.WORD: CodeWords("L", _l("Mot"), _l("mot")),
    MarkCode.ORDER: CodeWords("S", _l("Ordre des mots"), _l("ordre")),
    MarkCode.PUNCTUATION: CodeWords("P", _l("Ponctuation"), _l("ponct.")),
    MarkCode.UNCLEAR: CodeWords("?", _l("Sens"), _l("sens")),
    MarkCode.GOOD: CodeWords("★", _l("Bien"), _l("bien")),
}
