"""Languages, direction, dates and refusals, as a person reads them."""

from lms.i18n.dates import ago, day, full_day, hour, short_day
from lms.i18n.languages import LANGUAGES, STAFF_LANGUAGES, WITH_CATALOGUE, Language, shown_in
from lms.i18n.refusals import SENTENCES, sentence

__all__ = [
    "LANGUAGES",
    "SENTENCES",
    "STAFF_LANGUAGES",
    "WITH_CATALOGUE",
    "Language",
    "ago",
    "day",
    "full_day",
    "hour",
    "sentence",
    "short_day",
    "shown_in",
]
