"""The sentence for each refusal code: what happened and what to do, never a code first."""

from __future__ import annotations

from flask_babel import LazyString

from lms.domain.errors import Refused
from lms.i18n.refusals import booking, homework, lessons, people

SENTENCES: dict[str, LazyString] = {
    **people.SENTENCES,
    **lessons.SENTENCES,
    **homework.SENTENCES,
    **booking.SENTENCES,
}


def sentence(no: Refused) -> str:
    """In the language of the request. A placeholder is filled from `no.values`."""
    text = str(SENTENCES[no.code])
    return text % no.values if no.values else text
