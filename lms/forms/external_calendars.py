from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import URLField

from lms.forms import PageForm, at_most, required, tidy


class CalendarForm(PageForm):
    """The address of a calendar that a teacher keeps elsewhere."""

    address = URLField(_l("Adresse de l’agenda"), filters=[tidy], validators=[required(), at_most(1000)])
