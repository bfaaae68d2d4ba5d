"""E-mails as `.eml` files, where no mail server is configured (never in production)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from lms import clock
from lms.adapters.mail.message import Email, Message, Postponed


class MailFolder:
    """Write each e-mail to a file instead of sending it."""

    def __init__(
        self, folder: Path, sender: str = "passerelle@localhost", now: Callable[[], datetime] = clock.now
    ) -> None:
        self.folder = folder
        self.sender = sender
        self.now = now

    def send(self, email: Email, /) -> None:
        """Write one file an e-mail; a second attempt replaces the first.

        Raises `Postponed` when the folder cannot be written, `Undeliverable` for a malformed address.
        """
        content = Message(email, self.sender, self.now()).as_bytes()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(f"{email.message_id.strip('<>')}.eml", content)
        except OSError as fault:
            raise Postponed(f"the mail folder cannot be written ({fault.strerror})") from None

    def _write(self, name: str, content: bytes) -> None:
        handle, part = tempfile.mkstemp(dir=self.folder, suffix=".part")  # readable by its owner only
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(part).replace(self.folder / name)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
