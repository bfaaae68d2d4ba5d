"""Texts as files, where no gateway is configured (never in production)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from lms.adapters.mail.message import Postponed


class SmsFolder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, to: str, text: str, key: str) -> None:
        """One file a text, the number on its first line: the second attempt replaces the first."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=self.folder, suffix=".part")  # readable by its owner only
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{to}\n\n{text}\n")
            Path(part).replace(self.folder / f"{key}.txt")
        except OSError as fault:
            raise Postponed(f"the folder of texts cannot be written ({fault.strerror})") from None
