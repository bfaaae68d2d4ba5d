from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

from flask_babel import lazy_gettext as _l
from wtforms import DateField, HiddenField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from config import BRUSSELS
from lms.domain.booking.availability import Hours
from lms.forms import PageForm, at_most, tidy
from lms.forms.screening import no_national_number
from lms.i18n import hour

YEARS = range(2000, 2200)
_HOUR = re.compile(r"([2-9a-z]{14})\.(\d{8}T\d{4})")


def hour_value(teacher_id: str, starts: datetime) -> str:
    """An hour of a teacher as a button sends it, in UTC: the same for every clock."""
    return f"{teacher_id}.{starts.astimezone(UTC):%Y%m%dT%H%M}"


def read_hour(value: str | None) -> tuple[str, datetime] | None:
    found = _HOUR.fullmatch(value or "")
    if found is None:
        return None
    try:
        starts = datetime.strptime(found[2], "%Y%m%dT%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None
    # At the ends of time no other clock can show it, and no calendar has a week before it.
    return (found[1], starts) if starts.year in YEARS else None


class HourForm(PageForm):
    """The confirmation of an hour: which one, for whom, and how where there is a choice."""

    hour = HiddenField()
    learner = HiddenField(filters=[tidy])
    mode = StringField()


class CancelForm(PageForm):
    """Giving an hour back; only the team says why."""

    reason = StringField(_l("Raison"), filters=[tidy], validators=[at_most(200), no_national_number])


WEEKDAYS = (
    _l("lundi"),
    _l("mardi"),
    _l("mercredi"),
    _l("jeudi"),
    _l("vendredi"),
    _l("samedi"),
    _l("dimanche"),
)
WAYS = (
    SelectChoice("video", _l("Par vidéo")),
    SelectChoice("onsite", _l("Sur place")),
    SelectChoice("both", _l("Les deux")),
)
# Clocks of the service: from 7 h to 22 h, in quarters, written as everywhere else.
CLOCK = [
    SelectChoice(f"{minutes // 60:02}:{minutes % 60:02}", hour(time(minutes // 60, minutes % 60), BRUSSELS))
    for minutes in range(7 * 60, 22 * 60 + 1, 15)
]


class DayField(DateField):
    """A date; what is none is said in our words."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_l("Cette date n’existe pas. Regardez encore.")) from None


def _clock(value: str | None) -> time | None:
    return time.fromisoformat(value) if value else None


class _HoursForm(PageForm):
    room = StringField(_l("Salle"), filters=[tidy], validators=[at_most(60)])

    @property
    def hours(self) -> Hours:
        return Hours(
            _clock(self.start.data), _clock(self.end.data), self.mode.data or "video", self.room.data or ""
        )


class RuleForm(_HoursForm):
    """Hours that come back every week."""

    weekday = SelectField(_l("Jour"), choices=[SelectChoice(str(n), day) for n, day in enumerate(WEEKDAYS)])
    start = SelectField(_l("De"), choices=CLOCK, default="09:00")
    end = SelectField(_l("À"), choices=CLOCK, default="12:00")
    mode = RadioField(_l("Comment"), choices=list(WAYS), default="video")
    valid_from = DayField(_l("À partir du"), validators=[InputRequired(_l("Choisissez une date."))])
    valid_until = DayField(_l("Jusqu’au"), validators=[Optional()])


class EndForm(PageForm):
    """The last day on which a weekly rule holds."""

    last = DayField(_l("Dernier jour"), validators=[InputRequired(_l("Choisissez une date."))])


class SpecialForm(_HoursForm):
    """One or more days that differ: closed, or open beside the usual hours."""

    kind = RadioField(
        _l("Quoi"),
        choices=[SelectChoice("closed", _l("Fermé")), SelectChoice("open", _l("Heures en plus"))],
        default="closed",
    )
    whole = RadioField(
        _l("Pour qui"),
        choices=[SelectChoice("me", _l("Moi")), SelectChoice("service", _l("Tout le service"))],
        default="me",
    )
    first = DayField(_l("Premier jour"), validators=[InputRequired(_l("Choisissez une date."))])
    last = DayField(_l("Dernier jour"), validators=[Optional()])
    start = SelectField(_l("De"), choices=[SelectChoice("", _l("jour entier")), *CLOCK], default="")
    end = SelectField(_l("À"), choices=[SelectChoice("", _l("jour entier")), *CLOCK], default="")
    mode = RadioField(_l("Comment"), choices=list(WAYS), default="video")
    reason = StringField(_l("Raison"), filters=[tidy], validators=[at_most(120), no_national_number])

    @property
    def dates(self) -> tuple[date, date]:
        return self.first.data, self.last.data or self.first.data
