"""Files that people send: recognised by content, cleaned or refused with a reason."""

from lms.adapters.media.facts import CODES, MAX_BYTES, Rendition, Taken, Unfit
from lms.adapters.media.intake import take, take_small
from lms.adapters.media.names import clean_name

__all__ = ["CODES", "MAX_BYTES", "Rendition", "Taken", "Unfit", "clean_name", "take", "take_small"]
