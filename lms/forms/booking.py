"""Forms about slots, cancellation, availability rules and special days."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache

from flask_babel import lazy_gettext as _l
from wtforms import (
    DateField,
    Field,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.form import BaseForm
from wtforms.validators import InputRequired, Optional, StopValidation, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from config import BRUSSELS
from lms.domain.booking.availability import LONGEST, WeeklyHours, holidays_between
from lms.forms import PageForm, at_most, https_address, tidy, tidy_name
from lms.forms.screening import no_national_number
from lms.i18n.dates import hour
from lms.models import DayKind, Mode, RuleMode

YEARS = range(2000, 2200)
_SLOT = re.compile(r"([2-9a-z]{14})\.(\d{8}T\d{4})")


def slot_value(teacher_id: str, starts: datetime) -> str:
    """Return the form value of a slot: teacher and start in UTC, independent of any time zone."""
    return f"{teacher_id}.{_stamp(starts)}"


@lru_cache(maxsize=2000)  # a page has the same hour of several teachers
def _stamp(starts: datetime) -> str:
    return f"{starts.astimezone(UTC):%Y%m%dT%H%M}"


def parse_day(value: str | None, years: range = YEARS) -> date | None:
    """Return the day of an address or a form, as `2026-12-01`; None when malformed or not in these years."""
    try:
        day = date.fromisoformat(value or "")
    except ValueError:
        return None
    return day if day.year in years else None


def parse_slot(value: str | None) -> tuple[str, datetime] | None:
    """Return teacher id and start of a form value from `slot_value`; None when it is malformed."""
    found = _SLOT.fullmatch(value or "")
    if found is None:
        return None
    try:
        starts = datetime.strptime(found[2], "%Y%m%dT%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None
    # Near the first and last year of datetime, a time zone or a week before would overflow.
    return (found[1], starts) if starts.year in YEARS else None


def mode_of(value: str | None) -> Mode | None:
    """Return the mode of a form value; None when there is none or it is unknown."""
    return next((mode for mode in Mode if mode == value), None)


class SlotForm(PageForm):
    """Confirmation of a slot: which one, for which learner, and the mode where there is a choice."""

    hour = HiddenField()
    learner = HiddenField(filters=[tidy])
    mode = StringField()

    @property
    def chosen_mode(self) -> Mode | None:
        """Return the chosen mode; None when it is unknown."""
        return mode_of(self.mode.data)


class CancelForm(PageForm):
    """Cancellation of an appointment; only the team gives a reason."""

    reason = StringField(_l("Raison"), filters=[tidy], validators=[at_most(200), no_national_number])


class UndoForm(PageForm):
    """Taking back the deletion of hours: what was deleted, signed."""

    deleted = HiddenField()


WEEKDAYS = (
    _l("lundi"),
    _l("mardi"),
    _l("mercredi"),
    _l("jeudi"),
    _l("vendredi"),
    _l("samedi"),
    _l("dimanche"),
)
MODES = (
    SelectChoice(RuleMode.VIDEO, _l("Par vidéo")),
    SelectChoice(RuleMode.ONSITE, _l("Sur place")),
    SelectChoice(RuleMode.BOTH, _l("Les deux")),
)
# The value of `whose` for a special day of the whole organisation.
SERVICE = "service"
# Hours to choose from: 7 h to 22 h, in quarters, written as everywhere else.
CLOCK = [
    SelectChoice(f"{minutes // 60:02}:{minutes % 60:02}", hour(time(minutes // 60, minutes % 60), BRUSSELS))
    for minutes in range(7 * 60, 22 * 60 + 1, 15)
]


class DayField(DateField):
    """A date; an invalid one is refused with our own sentence."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_l("Cette date n’existe pas. Regardez encore.")) from None

    def pre_validate(self, form: BaseForm) -> None:
        if self.data is not None and self.data.year not in YEARS:
            raise StopValidation(_l("Cette date n’existe pas. Regardez encore."))


def _clock(value: str | None) -> time | None:
    return time.fromisoformat(value) if value else None


class _HoursForm(PageForm):
    room = StringField(_l("Salle"), filters=[tidy_name], validators=[at_most(60)])

    @property
    def hours(self) -> WeeklyHours:
        """Return the hours with their mode and room."""
        return WeeklyHours(
            _clock(self.start.data),
            _clock(self.end.data),
            RuleMode(self.mode.data or RuleMode.VIDEO),
            self.room.data or "",
        )


class _WeekdaysForm(PageForm):
    weekday = SelectMultipleField(
        _l("Jours"),
        choices=[SelectChoice(str(n), day) for n, day in enumerate(WEEKDAYS)],
        widget=ListWidget(),
        option_widget=CheckboxInput(),
    )

    @property
    def weekdays(self) -> list[int]:
        """Return the chosen weekdays, Monday is 0, in their order."""
        return sorted({int(value) for value in self.weekday.data or ()})

    def validate_weekday(self, field: Field) -> None:
        if not field.data:
            raise ValidationError(_l("Choisissez un jour au moins."))


class CopyForm(_WeekdaysForm):
    """The weekdays that get the hours of another one, whose button was pressed."""

    source = StringField()

    @property
    def source_weekday(self) -> int | None:
        """Return the weekday whose hours are copied; None when it is unknown."""
        return next((n for n in range(len(WEEKDAYS)) if str(n) == self.source.data), None)


class VideoForm(PageForm):
    """The address at which a teacher holds all appointments by video; empty: that of the organisation."""

    video_address = StringField(
        _l("Mon lien vidéo"),
        filters=[tidy],
        validators=[at_most(500), https_address],
        description=_l(
            "Teams, Zoom, Meet ou Jitsi. Il sert à tous vos rendez-vous : activez la salle d’attente."
        ),
    )


class RuleForm(_WeekdaysForm, _HoursForm):
    """Availability rules: the same hours of every week, on several weekdays."""

    start = SelectField(_l("De"), choices=CLOCK, default="09:00")
    end = SelectField(_l("À"), choices=CLOCK, default="12:00")
    mode = RadioField(_l("Comment ?"), choices=list(MODES), default=RuleMode.VIDEO)
    valid_from = DayField(_l("À partir du"), validators=[InputRequired(_l("Choisissez une date."))])
    valid_until = DayField(_l("Jusqu’au"), validators=[Optional()])


class EndForm(PageForm):
    """The last day on which an availability rule applies."""

    last = DayField(_l("Dernier jour"), validators=[InputRequired(_l("Choisissez une date."))])


class SpecialForm(_HoursForm):
    """Special days: closed, open in addition to the usual hours, or a public holiday that is opened."""

    kind = RadioField(
        _l("Quoi ?"),
        choices=[
            SelectChoice(DayKind.CLOSED, _l("Fermer")),
            SelectChoice(DayKind.OPEN, _l("Heures en plus")),
            SelectChoice("holiday", _l("Ouvrir un jour férié")),
        ],
        default=DayKind.CLOSED,
    )
    # Only a coordinator chooses; a teacher enters special days of the teacher's own.
    whose = SelectField(_l("Pour qui ?"))
    first = DayField(_l("Premier jour"), validators=[InputRequired(_l("Choisissez une date."))])
    last = DayField(_l("Dernier jour"), validators=[Optional()])
    start = SelectField(_l("De"), choices=[SelectChoice("", _l("jour entier")), *CLOCK], default="")
    end = SelectField(_l("À"), choices=[SelectChoice("", _l("jour entier")), *CLOCK], default="")
    mode = RadioField(_l("Comment ?"), choices=list(MODES), default=RuleMode.VIDEO)
    reason = StringField(_l("Raison"), filters=[tidy], validators=[at_most(120), no_national_number])

    def for_one_of(self, teachers: dict[str, str], default: str) -> SpecialForm:
        """Offer the whole organisation and these teachers (name by id) as choices; return the form."""
        self.whose.choices = [
            SelectChoice(SERVICE, _l("Tout le service")),
            *(SelectChoice(person_id, name) for person_id, name in teachers.items()),
        ]
        self.whose.data = self.whose.data or default
        return self

    @property
    def dates(self) -> tuple[date, date]:
        """Return the first and the last day; without a last day they are the same."""
        return self.first.data, self.last.data or self.first.data

    @property
    def hours(self) -> WeeklyHours:
        # An opened public holiday has the hours of every week.
        return WeeklyHours(None, None) if self.kind.data == "holiday" else super().hours

    def validate_start(self, field: Field) -> None:
        if self.kind.data == DayKind.OPEN and not (field.data and self.end.data):
            raise ValidationError(_l("Choisissez les heures de cette ouverture."))

    def validate_whose(self, field: Field) -> None:
        if self.kind.data == DayKind.OPEN and field.data == SERVICE:
            raise ValidationError(_l("Choisissez un professeur pour des heures en plus."))

    def validate_first(self, field: Field) -> None:
        if self.kind.data != "holiday" or field.data is None or self.dates[1] - self.dates[0] > LONGEST:
            return
        if not holidays_between(*self.dates, "fr"):
            raise ValidationError(_l("Il n’y a pas de jour férié à cette date."))
