"""External calendar of a teacher: fetched, parsed and expanded in a child process.

The child reads the address from its standard input, so that no list of processes shows it, and answers with
uid, beginning and end of each event. Neither this process nor a log ever learns a title.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from lms.adapters import sandbox
from lms.refusal_codes import RefusalCode

FETCH_SECONDS = 10
CPU_SECONDS = 10
WALL_SECONDS = FETCH_SECONDS + 2.0 * CPU_SECONDS  # on a busy machine a second of work lasts longer
MEMORY_BYTES = 512 << 20
MODULE = "lms.adapters.external_calendar.reader"

# Every reason why a calendar cannot be read; each has a sentence in every language.
CODES = frozenset(
    {
        RefusalCode.CALENDAR_NOT_HTTPS,  # it redirects to an address without TLS
        RefusalCode.CALENDAR_PRIVATE,  # an address of a private network, not of the public internet
        RefusalCode.CALENDAR_PORT,  # not the port of https
        RefusalCode.CALENDAR_UNREACHABLE,  # no name, no answer, no certificate, or an error there
        RefusalCode.CALENDAR_DENIED,  # the remote server denies access, or the calendar is gone
        RefusalCode.CALENDAR_TOO_BIG,
        RefusalCode.CALENDAR_TOO_SLOW,
        RefusalCode.CALENDAR_BROKEN,  # a login page, half a file, or an unknown format
        RefusalCode.CALENDAR_NOT_UNDERSTOOD,  # it has events, and not one that can be read
        RefusalCode.CALENDAR_TOO_DENSE,  # too many events, or too much work to read them
    }
)

_ENDS = {
    "slow": RefusalCode.CALENDAR_TOO_SLOW,
    "heavy": RefusalCode.CALENDAR_TOO_DENSE,
    "broken": RefusalCode.CALENDAR_BROKEN,
}
_log = logging.getLogger(__name__)


class CalendarError(Exception):
    """A calendar that cannot be read. `code` is one of `CODES`."""

    def __init__(self, code: RefusalCode) -> None:
        if code not in CODES:
            raise ValueError(f"unknown reason: {code}")
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Reading:
    """The events of a calendar: uid, beginning and end of each. `etag` is of the remote server.

    `misread`: the day of each event that was not understood whole; None when even its day was not.
    """

    etag: str
    events: list[tuple[str, datetime, datetime]]
    misread: list[date | None]


def read_calendar(
    address: str,
    etag: str,
    first: datetime,
    last: datetime,
    *,
    zone: str,
    hosts: tuple[str, ...] = (),
    ca_file: Path | None = None,
    wall_seconds: float = WALL_SECONDS,
) -> Reading | None:
    """Return the events that overlap [first, last); None when nothing has changed since `etag`.

    Events without a time zone are in `zone`. `hosts`: servers that are also allowed in a private network, as
    name:port. Raises `CalendarError`.
    """
    request = {
        "address": address,
        "etag": etag,
        "first": first.timestamp(),
        "last": last.timestamp(),
        "zone": zone,
        "hosts": hosts,
        "ca_file": str(ca_file.resolve()) if ca_file else None,
    }
    try:
        answer = sandbox.run_child(
            MODULE, [], cwd=Path("/"), wall_seconds=wall_seconds, given=json.dumps(request).encode()
        )
    except sandbox.ChildEnded as end:
        _log.info("calendar not read: %s", end.why)
        raise CalendarError(_ENDS[end.how]) from None
    facts = json.loads(answer)
    if "unreadable" in facts:
        raise CalendarError(RefusalCode(facts["unreadable"]))
    if facts["unchanged"]:
        return None
    return Reading(
        facts["etag"],
        [(uid, _instant(a), _instant(b)) for uid, a, b in facts["events"]],
        [date.fromisoformat(day) if day else None for day in facts["misread"]],
    )


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
