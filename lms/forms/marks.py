"""Form for a mark on what was sent; the script of the page sends the same fields."""

# Read by the team alone.

from __future__ import annotations

import re

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import NumberRange, Optional

from lms.domain.errors import Refused
from lms.domain.homework.marks import MarkContent
from lms.forms import PageForm, at_most, seen_number, tidy
from lms.forms.screening import no_national_number
from lms.i18n.mark_codes import CODES
from lms.models import MarkCode, MarkKind
from lms.refusal_codes import RefusalCode

MOST_POINTS = 500
_POINTS = re.compile(r"\d{1,5},\d{1,5}(?: \d{1,5},\d{1,5})*")


def _number() -> IntegerField:
    return IntegerField(validators=[Optional(), NumberRange(-10_000, 1_000_000)])


class MarkForm(PageForm):
    """A mark. `returns`: how often the feedback had been returned when the page was shown.

    Without a script a teacher marks words: the quote, the code, and how it is right.
    """

    kind = HiddenField(default=MarkKind.RANGE.value)
    returns = HiddenField(default="0")
    attachment = HiddenField()
    page, x, y, w, h, starts, ends = (_number() for _ in range(7))
    points = HiddenField()
    # A line or an arrow has no code; `content` looks at what is sent.
    code = SelectField(
        _l("Code"),
        choices=[SelectChoice(code.value, words.label) for code, words in CODES.items()],
        validate_choice=False,
    )
    quote = StringField(_l("Le mot dans la copie"), filters=[tidy], validators=[at_most(300)])
    model = StringField(_l("Juste"), filters=[tidy], validators=[at_most(300), no_national_number])
    note = StringField(_l("Remarque"), filters=[tidy], validators=[at_most(500), no_national_number])

    @property
    def seen_returns(self) -> int:
        """Return how often the feedback had been returned when the page was shown; -1 for no number."""
        return seen_number(self.returns.data)

    def content(self, text: str) -> MarkContent:
        """Return the mark; quoted words without a place get that of their first occurrence in the text.

        Refusals: `mark_malformed`.
        """
        starts, ends, quote = self.starts.data, self.ends.data, self.quote.data or ""
        if self.kind.data == MarkKind.RANGE and starts is None and quote and quote in text:
            starts = text.index(quote)
            ends = starts + len(quote)
        try:
            content = MarkContent(
                MarkKind(self.kind.data or ""),
                MarkCode(self.code.data) if self.code.data else None,
                self.attachment.data or None,
                page=self.page.data,
                x=self.x.data,
                y=self.y.data,
                w=self.w.data,
                h=self.h.data,
                points=_points(self.points.data or ""),
                starts=starts,
                ends=ends,
                quote=quote,
                model=self.model.data or "",
                note=self.note.data or "",
            )
        except ValueError:
            raise Refused(RefusalCode.MARK_MALFORMED) from None
        if not content.is_complete:
            raise Refused(RefusalCode.MARK_MALFORMED)
        return content


def _points(sent: str) -> list[list[int]] | None:
    """Return the points of a line, sent as "12,34 56,78". Raises ValueError for anything else."""
    if not sent:
        return None
    if len(sent) > 12 * MOST_POINTS or not _POINTS.fullmatch(sent):
        raise ValueError("not a line")
    points = [[int(number) for number in point.split(",")] for point in sent.split(" ")]
    if len(points) > MOST_POINTS:
        raise ValueError("too many points")
    return points
