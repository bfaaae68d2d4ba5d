"""The palette with which teachers mark: the short word of each code, and the tools that draw."""

# Read by the team alone.

from __future__ import annotations

from typing import NamedTuple

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lms.models import MarkCode, MarkKind


class ToolWords(NamedTuple):
    """A tool that draws: its pictogram and name on the button, and the name of its mark."""

    sign: str
    label: LazyString
    mark: LazyString


SHORT_WORDS: dict[MarkCode, LazyString] = {
    MarkCode.SPELLING: _l("orthogr."),
    MarkCode.AGREEMENT: _l("accord"),
    MarkCode.CONJUGATION: _l("conjug."),
    MarkCode.DETERMINER: _l("petit mot"),
    MarkCode.PREPOSITION: _l("prépos."),
    MarkCode.MISSING: _l("manque"),
    MarkCode.WORD: _l("mot"),
    MarkCode.ORDER: _l("ordre"),
    MarkCode.PUNCTUATION: _l("ponct."),
    MarkCode.UNCLEAR: _l("sens"),
    MarkCode.GOOD: _l("bien"),
}
TOOLS = {
    MarkKind.PEN: ToolWords("pen", _l("Crayon"), _l("Un trait")),
    MarkKind.ARROW: ToolWords("arrow", _l("Flèche"), _l("Une flèche")),
    MarkKind.TEXT: ToolWords("letters", _l("Texte"), _l("Un texte")),
    MarkKind.HIGHLIGHT: ToolWords("highlight", _l("Surligner"), _l("Un passage surligné")),
}
