"""SMS as files, where no gateway is configured (never in production)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from lms.adapters.mail.message import Postponed


class SmsFolder:
    """Write each SMS to a file instead of sending it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, to: str, text: str, key: str) -> None:
        """Write one file a message, the number on its first line; a second attempt replaces the first.

        Raises `Postponed` when the folder cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=self.folder, suffix=".part")  # readable by its owner only
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{to}\n\n{text}\n")
            Path(part).replace(self.folder / f"{key}.txt")
        except OSError as fault:
            raise Postponed(f"the folder of texts cannot be written ({fault.strerror})") from None
