"""The door for letters going out: `Letter` in, and it is sent, postponed or undeliverable."""

from lms.adapters.mailer.folder import FolderMailer
from lms.adapters.mailer.headers import clean_address, clean_header, message_id
from lms.adapters.mailer.letter import Letter, Mailer, Method, Postponed, Undeliverable
from lms.adapters.mailer.smtp import SmtpMailer, Tls

__all__ = [
    "FolderMailer",
    "Letter",
    "Mailer",
    "Method",
    "Postponed",
    "SmtpMailer",
    "Tls",
    "Undeliverable",
    "clean_address",
    "clean_header",
    "message_id",
]
