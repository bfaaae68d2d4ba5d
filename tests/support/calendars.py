"""Calendars of other programs, and a real https server on loopback that serves them."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from tests.support.smtp import authority


@dataclass
class Answer:
    """An answer of the server: `wait` seconds before it, `drip` seconds between its bytes."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drip: float = 0
    wait: float = 0


class CalendarServer:
    """Serves calendars at https://localhost:PORT while it runs, and records the requests."""

    def __init__(self, *names: str) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.ca_file = Path()
        self.port = 0
        self._names = names or ("localhost",)
        self._stack = contextlib.ExitStack()
        self._over = threading.Event()

    def start(self) -> Self:
        self.ca_file = Path(self._stack.enter_context(authority().cert_pem.tempfile()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority().issue_cert(*self._names).configure_cert(context)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._answer))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(server.server_close)
        self._stack.callback(server.shutdown)
        self._stack.callback(self._over.set)
        return self

    def stop(self) -> None:
        self._stack.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def door(self) -> str:
        """Return the value of LMS_CALENDAR_HOSTS that allows this server."""
        return f"localhost:{self.port}"

    def address(self, path: str = "/nadia.ics") -> str:
        return f"https://localhost:{self.port}{path}"

    def says(
        self,
        body: str | bytes,
        path: str = "/nadia.ics",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        drip: float = 0,
        wait: float = 0,
    ) -> str:
        raw = body if isinstance(body, bytes) else body.encode()
        self.answers[path] = Answer(raw, status, headers or {}, drip, wait)
        return self.address(path)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append((request.path, dict(request.headers)))
        answer = self.answers.get(request.path, Answer(status=404))
        self._over.wait(answer.wait)
        etag = answer.headers.get("ETag")
        fresh = etag is not None and request.headers.get("If-None-Match") == etag
        request.send_response(304 if fresh else answer.status)
        for name, value in answer.headers.items():
            request.send_header(name, value)
        request.end_headers()
        with contextlib.suppress(OSError):  # the client has closed the connection
            if answer.drip:
                for byte in answer.body:
                    request.wfile.write(bytes([byte]))
                    if self._over.wait(answer.drip):
                        break
            elif not fresh:
                request.wfile.write(answer.body)


def _handler(answer: Callable[[BaseHTTPRequestHandler], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with contextlib.suppress(OSError):  # a failed handshake is expected by the test of the client
                super().handle()

    return Handler


def event(*lines: str, uid: str = "one") -> str:
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20261101T000000Z", *lines, "END:VEVENT"])


def calendar(*events: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN", *events, "END:VCALENDAR"])


_BRUSSELS = """\
BEGIN:VTIMEZONE
TZID:Europe/Brussels
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""

GOOGLE = f"""\
BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:PUBLISH
X-WR-CALNAME:nadia@example.org
X-WR-TIMEZONE:Europe/Brussels
{_BRUSSELS}BEGIN:VEVENT
DTSTART;TZID=Europe/Brussels:20260901T090000
DTEND;TZID=Europe/Brussels:20260901T103000
RRULE:FREQ=WEEKLY;BYDAY=TU
EXDATE;TZID=Europe/Brussels:20261208T090000
DTSTAMP:20261120T101010Z
UID:7kukuqrfedlm2f9t0vr42q95d8@google.com
CREATED:20260820T120000Z
DESCRIPTION:Salle du fond\\, avec une très longue description qui passe à la li
 gne suivante comme le veut la norme
LAST-MODIFIED:20261101T120000Z
SEQUENCE:2
STATUS:CONFIRMED
SUMMARY:Réunion d'équipe
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Brussels:20261201T140000
DTEND;TZID=Europe/Brussels:20261201T153000
DTSTAMP:20261120T101010Z
UID:7kukuqrfedlm2f9t0vr42q95d8@google.com
RECURRENCE-ID;TZID=Europe/Brussels:20261201T090000
SEQUENCE:3
STATUS:CONFIRMED
SUMMARY:Réunion d'équipe (l'après-midi)
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261126
DTEND;VALUE=DATE:20261127
DTSTAMP:20261120T101010Z
UID:birthday@google.com
RRULE:FREQ=YEARLY
SUMMARY:Anniversaire de Karim
TRANSP:TRANSPARENT
END:VEVENT
BEGIN:VEVENT
DTSTART:20261208T140000Z
DTEND:20261208T150000Z
DTSTAMP:20261120T101010Z
UID:call@google.com
SUMMARY:Appel
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:This is an event reminder
TRIGGER:-P0DT0H10M0S
END:VALARM
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")

OUTLOOK = """\
BEGIN:VCALENDAR
METHOD:PUBLISH
PRODID:Microsoft Exchange Server 2010
VERSION:2.0
X-WR-CALNAME:Calendrier
BEGIN:VTIMEZONE
TZID:Romance Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
SUMMARY:Occupé(e)
UID:040000008200E00074C5B7101A82E00800000000E0C7
DTSTART;TZID=Romance Standard Time:20261125T133000
DTEND;TZID=Romance Standard Time:20261125T143000
CLASS:PUBLIC
PRIORITY:5
DTSTAMP:20261120T080000Z
TRANSP:OPAQUE
STATUS:CONFIRMED
SEQUENCE:0
X-MICROSOFT-CDO-BUSYSTATUS:BUSY
X-MICROSOFT-CDO-ALLDAYEVENT:FALSE
END:VEVENT
BEGIN:VEVENT
SUMMARY:Absent(e) du bureau
UID:040000008200E00074C5B7101A82E00800000000E0C8
DTSTART;VALUE=DATE:20261221
DTEND;VALUE=DATE:20261226
DTSTAMP:20261120T080000Z
TRANSP:OPAQUE
X-MICROSOFT-CDO-BUSYSTATUS:OOF
END:VEVENT
BEGIN:VEVENT
SUMMARY:Disponible
UID:040000008200E00074C5B7101A82E00800000000E0C9
DTSTART;TZID=Romance Standard Time:20261127T090000
DTEND;TZID=Romance Standard Time:20261127T170000
DTSTAMP:20261120T080000Z
X-MICROSOFT-CDO-BUSYSTATUS:FREE
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")

NEXTCLOUD = f"""\
BEGIN:VCALENDAR
VERSION:2.0
CALSCALE:GREGORIAN
PRODID:-//SabreDAV//SabreDAV//EN
X-WR-CALNAME:Personnel
REFRESH-INTERVAL;VALUE=DURATION:PT4H
X-PUBLISHED-TTL:PT4H
{_BRUSSELS}BEGIN:VEVENT
CREATED:20261001T080000Z
DTSTAMP:20261001T080000Z
LAST-MODIFIED:20261001T080000Z
SEQUENCE:2
UID:0a4f4c2e-6c3e-4f6e-9d9a-2f0c7e1b9a11
DTSTART;TZID=Europe/Brussels:20261023T180000
DTEND;TZID=Europe/Brussels:20261023T190000
STATUS:CONFIRMED
SUMMARY:Cours du soir
RRULE:FREQ=DAILY;UNTIL=20261026T170000Z
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")
