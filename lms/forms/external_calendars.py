"""Form for an external calendar of a teacher."""

# Read by the team alone.

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import Field, URLField
from wtforms.validators import ValidationError

from lms.adapters.external_calendar import CalendarError
from lms.adapters.external_calendar.fetch import AllowedHosts, check_address
from lms.current import settings
from lms.domain.calendars import external
from lms.domain.errors import Refused
from lms.forms import PageForm, at_most, required, tidy
from lms.i18n.refusals import sentence


class CalendarForm(PageForm):
    """The address of an external calendar of a teacher."""

    address = URLField(_l("Adresse de l’agenda"), filters=[tidy], validators=[required(), at_most(1000)])

    def validate_address(self, field: Field) -> None:
        """Refuse at once what would never be read, such as an address of a private network."""
        try:
            address = external.normalize_address(field.data or "")
            check_address(address, AllowedHosts(frozenset(settings().calendar_hosts)))
        except Refused as refusal:
            raise ValidationError(sentence(refusal)) from None
        except CalendarError as error:
            raise ValidationError(sentence(Refused(error.code))) from None
