"""The door for texts on a phone: a number and a few words in, sent, postponed or undeliverable."""

from lms.adapters.texter.folder import FolderTexter
from lms.adapters.texter.gateway import HttpTexter
from lms.adapters.texter.text import LEFT_TO_RIGHT, Texter, pages, plain

__all__ = ["LEFT_TO_RIGHT", "FolderTexter", "HttpTexter", "Texter", "pages", "plain"]
