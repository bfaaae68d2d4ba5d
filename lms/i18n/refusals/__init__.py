"""Sentences of the refusal codes: what happened and what to do."""

from __future__ import annotations

from collections.abc import Collection

from flask_babel import LazyString

from lms.domain.errors import Refused
from lms.i18n.refusals import booking, files, homework, lessons, people
from lms.refusal_codes import RefusalCode

SENTENCES: dict[RefusalCode, LazyString] = {
    **people.SENTENCES,
    **lessons.SENTENCES,
    **homework.SENTENCES,
    **booking.SENTENCES,
}


def sentence(refusal: Refused, kinds: Collection[str] = ("photo",)) -> str:
    """Return the sentence of a refusal in the language of the request, its placeholders filled.

    `kinds`: what is accepted here, when a file was refused.
    """
    text = files.complete(refusal, SENTENCES[refusal.code], kinds)
    return text % refusal.values if refusal.values else text
