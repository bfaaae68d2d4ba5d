from __future__ import annotations

from lms.letters import Writer

WRITERS: dict[str, Writer] = {}
