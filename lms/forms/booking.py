from __future__ import annotations

import re
from datetime import UTC, datetime

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, StringField

from lms.forms import PageForm, at_most, tidy

_HOUR = re.compile(r"([2-9a-z]{14})\.(\d{8}T\d{4})")


def hour_value(teacher_id: str, starts: datetime) -> str:
    """An hour of a teacher as a button sends it, in UTC: the same for every clock."""
    return f"{teacher_id}.{starts.astimezone(UTC):%Y%m%dT%H%M}"


def read_hour(value: str | None) -> tuple[str, datetime] | None:
    found = _HOUR.fullmatch(value or "")
    if found is None:
        return None
    try:
        return found[1], datetime.strptime(found[2], "%Y%m%dT%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None


class HourForm(PageForm):
    """The confirmation of an hour: which one, for whom, and how where there is a choice."""

    hour = HiddenField()
    learner = HiddenField()
    mode = StringField()


class CancelForm(PageForm):
    """Giving an hour back; only the team says why."""

    reason = StringField(_l("Raison"), filters=[tidy], validators=[at_most(200)])
