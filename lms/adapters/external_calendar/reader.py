"""The child process: limit its resources, fetch and expand one calendar, print the spans."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from lms.adapters import sandbox
from lms.adapters.external_calendar import CPU_SECONDS, FETCH_SECONDS, MEMORY_BYTES, CalendarError
from lms.adapters.external_calendar.expand import expand
from lms.adapters.external_calendar.fetch import AllowedHosts, fetch
from lms.refusal_codes import RefusalCode


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Fetch and expand the requested calendar; return its events, or that it is unchanged.

    Raises `CalendarError`.
    """
    first, last = (datetime.fromtimestamp(request[name], UTC) for name in ("first", "last"))
    allowed = AllowedHosts(frozenset(request["hosts"]), request["ca_file"])
    found = fetch(request["address"], request["etag"], allowed, seconds=FETCH_SECONDS)
    if found is None:
        return {"unchanged": True}
    read = expand(found.body, first, last, ZoneInfo(request["zone"]))
    misread = [day.isoformat() if day else None for day in read.misread]
    return {"unchanged": False, "etag": found.etag, "events": read.spans, "misread": misread}


def main() -> None:
    """Read the request from standard input and print the answer, or the code of the error."""
    sandbox.limit_resources(memory=MEMORY_BYTES, cpu_seconds=CPU_SECONDS, output=0)
    try:
        facts = answer(json.load(sys.stdin))
    except CalendarError as refusal:
        facts = {"unreadable": refusal.code}
    except MemoryError:
        facts = {"unreadable": RefusalCode.CALENDAR_TOO_DENSE}
    except Exception:  # noqa: BLE001 a parser may raise anything for a damaged file
        facts = {"unreadable": RefusalCode.CALENDAR_BROKEN}
    sys.stdout.write(json.dumps(facts))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
