"""A calendar elsewhere, read in a child: what comes back, and how the child ends when it must."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from lms.adapters.external_calendar import MODULE, CalendarError, Reading, read_calendar
from lms.refusal_codes import RefusalCode
from tests.factories import NOW, wall
from tests.support.calendars import GOOGLE, CalendarServer, calendar, event


def reading(server: CalendarServer, address: str, etag: str = "", wall_seconds: float = 30) -> Reading | None:
    return read_calendar(
        address,
        etag,
        NOW - timedelta(days=1),
        NOW + timedelta(days=67),
        zone="Europe/Brussels",
        hosts=(server.door,),
        ca_file=server.ca_file,
        wall_seconds=wall_seconds,
    )


def refusal(server: CalendarServer, address: str, wall_seconds: float = 30) -> str:
    with pytest.raises(CalendarError) as caught:
        reading(server, address, wall_seconds=wall_seconds)
    return caught.value.code


def children() -> list[bytes]:
    """Return the command lines of the children of this process that read a calendar now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said = path.read_bytes()
            parent = (path.parent / "stat").read_text().rpartition(")")[2].split()[1]
        except (FileNotFoundError, ProcessLookupError):
            continue
        # Another worker of the tests may read a calendar of its own.
        if MODULE.encode() in said and int(parent) == os.getpid():
            found.append(said)
    return found


def test_what_comes_back_is_when_and_whose_and_what_did_not_change(
    calendars: CalendarServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy of the environment would be asked instead of the address that was checked.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    address = calendars.says(GOOGLE, headers={"ETag": '"v1"'})
    found = reading(calendars, address)
    assert found is not None
    assert found.etag == '"v1"'
    first = min(found.events, key=lambda one: one[1])
    assert first == (
        "7kukuqrfedlm2f9t0vr42q95d8@google.com",
        wall("2026-11-24", "09:00"),
        wall("2026-11-24", "10:30"),
    )
    assert "union" not in repr(found)
    assert found.misread == []
    assert reading(calendars, address, '"v1"') is None


def test_events_that_were_misread_come_back_with_their_days(calendars: CalendarServer) -> None:
    bad = event("DTSTART:20261124T080000Z", "DTEND:garbage", uid="bad")
    lost = event("DTSTART:garbage", uid="lost")
    found = reading(calendars, calendars.says(calendar(bad, lost)))
    assert found is not None
    assert [(starts, ends) for _uid, starts, ends in found.events] == [
        (wall("2026-11-24", "09:00"), wall("2026-11-24", "10:00"))
    ]
    assert sorted(found.misread, key=str) == [date(2026, 11, 24), None]


def test_whatever_is_wrong_is_one_word(calendars: CalendarServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    daily = ("DTSTART:20200101T000000Z", "DTEND:20200101T010000Z", "RRULE:FREQ=DAILY")
    often = [event(*daily, uid=str(number)) for number in range(400)]
    assert refusal(calendars, calendars.says("<html>Sign in</html>")) == "calendar_broken"
    assert refusal(calendars, calendars.says(calendar(*often), "/secret-often")) == "calendar_too_dense"
    assert refusal(calendars, "https://localhost/x.ics") == "calendar_private"
    assert refusal(calendars, calendars.address("/nobody")) == "calendar_denied"
    assert "secret" not in caplog.text


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_one_that_takes_its_time_is_killed_and_nobody_saw_the_address(
    calendars: CalendarServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    address, answers = calendars.says(GOOGLE, "/secret.ics", drip=0.5), list[str]()
    thread = threading.Thread(target=lambda: answers.append(refusal(calendars, address, wall_seconds=3)))
    started = time.monotonic()
    thread.start()
    seen: list[bytes] = []
    while thread.is_alive():
        seen += children()
        thread.join(0.05)
    assert time.monotonic() - started < 8
    assert answers == ["calendar_too_slow"]
    assert seen
    assert not any(b"secret" in said for said in seen)
    assert "secret" not in caplog.text
    assert children() == []


def test_a_calendar_is_refused_for_a_reason_of_calendars_alone() -> None:
    with pytest.raises(ValueError, match="unknown reason"):
        CalendarError(RefusalCode.SLOT_TAKEN)
