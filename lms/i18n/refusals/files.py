"""What to do about a refused file: it depends on what was asked for and on what the assignment accepts."""

from __future__ import annotations

from collections.abc import Collection

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lms.domain.errors import Refused
from lms.refusal_codes import RefusalCode

_AGAIN: dict[str, LazyString] = {
    "photo": _l("Prenez la photo encore une fois."),
    "voice": _l("Enregistrez votre voix encore une fois."),
    "document": _l("Envoyez le document encore une fois."),
}
_SMALLER: dict[str, LazyString] = {
    "photo": _l("Prenez une autre photo."),
    "voice": _l("Enregistrez un message plus court."),
    "document": _l("Envoyez un document plus petit."),
}
_INSTEAD: dict[frozenset[str], LazyString] = {
    frozenset(): _l("Écrivez votre texte."),
    frozenset({"photo"}): _l("Envoyez une photo."),
    frozenset({"voice"}): _l("Enregistrez votre voix."),
    frozenset({"document"}): _l("Envoyez un PDF ou un document Word."),
    frozenset({"photo", "voice"}): _l("Envoyez une photo ou votre voix."),
    frozenset({"photo", "document"}): _l("Envoyez une photo ou un PDF."),
    frozenset({"voice", "document"}): _l("Envoyez votre voix ou un PDF."),
    frozenset({"photo", "voice", "document"}): _l("Envoyez une photo, votre voix ou un PDF."),
}
_OR_WRITE = _l("Vous pouvez aussi écrire.")
_UNREADABLE_SOUND = _l("Nous ne lisons pas ce son.")

_REPAIRED_BY = {
    RefusalCode.FILE_EMPTY: _AGAIN,
    RefusalCode.FILE_BROKEN: _AGAIN,
    RefusalCode.FILE_TOO_BIG: _SMALLER,
    RefusalCode.FILE_TOO_HEAVY: _SMALLER,
    RefusalCode.FILE_TOO_SLOW: _SMALLER,
}
_ANOTHER_KIND = {
    RefusalCode.FILE_KIND,
    RefusalCode.FILE_VIDEO,
    RefusalCode.FILE_MACROS,
    RefusalCode.KIND_PHOTO,
    RefusalCode.KIND_VOICE,
    RefusalCode.KIND_DOCUMENT,
    RefusalCode.NOTHING_TO_SEND,
}


def complete(refusal: Refused, happened: LazyString, kinds: Collection[str]) -> str:
    """Return the sentence with what to do; unchanged for what is no refusal of a file.

    `kinds` is what is accepted here. `refusal.values["asked"]` is the kind that the person was asked for or
    tried to send; without it, only `kinds` counts.
    """
    asked = str(refusal.values.get("asked", ""))
    accepted = frozenset(kinds) - {"text"}
    if len(accepted) == 1 and not asked:
        (asked,) = accepted
    advice = None
    if refusal.code in _REPAIRED_BY and asked in accepted:
        advice = _REPAIRED_BY[refusal.code][asked]
    elif refusal.code in _REPAIRED_BY or refusal.code in _ANOTHER_KIND:
        advice = _INSTEAD[frozenset({asked}) if asked in accepted else accepted]
    if refusal.code == RefusalCode.FILE_KIND and asked == "voice":
        happened = _UNREADABLE_SOUND
    parts = [happened] if advice is None else [happened, advice]
    if refusal.code == RefusalCode.NOTHING_TO_SEND and accepted and "text" in kinds:
        parts.append(_OR_WRITE)
    return " ".join(str(part) for part in parts)
