"""Form for an external calendar of a teacher."""

# Read by the team alone.

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import URLField

from lms.forms import PageForm, at_most, required, tidy


class CalendarForm(PageForm):
    """The address of an external calendar of a teacher."""

    address = URLField(_l("Adresse de l’agenda"), filters=[tidy], validators=[required(), at_most(1000)])
