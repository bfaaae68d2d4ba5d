"""A logged-in HTTP client on a socket, for tests of a live server that is killed or has a full disk."""

from __future__ import annotations

import http.client
import secrets
from dataclasses import dataclass
from typing import Any

from lms import clock
from lms.access import cookie_name
from lms.domain.people import logins
from lms.models import LoginKind, Person
from tests.support.live_server import LiveServer
from tests.support.pages import filled, honest_page, parse
from tests.support.school import School


@dataclass(frozen=True)
class Answer:
    status: int
    location: str
    html: str


class RawClient:
    """HTTP client with the cookies of one person; every request has its own connection."""

    def __init__(self, server: LiveServer, school: School, person: str) -> None:
        self.server = server
        token = school.write(
            lambda s: logins.open_login(s, s.get_one(Person, person), LoginKind.OWN, now=clock.now())
        )
        self.cookies = {cookie_name(school.settings, "session"): token}

    def get(self, path: str) -> Answer:
        connection = self._connection()
        try:
            connection.request("GET", path, headers={"Cookie": self._cookie()})
            return self._answer(connection)
        finally:
            connection.close()

    def form(self, path: str, **values: str) -> dict[str, Any]:
        """Return what the form of the page at this path would send, with these values typed into it."""
        forms = parse(self.get(path).html).all("form")
        (form,) = [form for form in forms if (form.get("action") or path).endswith(path)]
        return {**filled(form), **values}

    def post(self, path: str, values: dict[str, Any], *photos: bytes) -> Answer:
        connection = self.begin(path, values, *photos)
        try:
            return self._answer(connection)
        finally:
            connection.close()

    def begin(
        self, path: str, values: dict[str, Any], *photos: bytes, share: float = 1
    ) -> http.client.HTTPConnection:
        """Send this share of a form and read no answer."""
        edge = secrets.token_hex(12)
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in values.items()
        ]
        for number, photo in enumerate(photos):
            head = f'--{edge}\r\nContent-Disposition: form-data; name="picture"; filename="{number}.jpg"\r\n'
            parts.append(head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + photo + b"\r\n")
        body = b"".join(parts) + f"--{edge}--\r\n".encode()
        connection = self._connection()
        connection.putrequest("POST", path)
        for name, value in (
            ("Content-Type", f"multipart/form-data; boundary={edge}"),
            ("Content-Length", str(len(body))),
            ("Cookie", self._cookie()),
            ("Sec-Fetch-Site", "same-origin"),
        ):
            connection.putheader(name, value)
        connection.endheaders(body[: int(len(body) * share)])
        return connection

    def _answer(self, connection: http.client.HTTPConnection) -> Answer:
        found = connection.getresponse()
        html = found.read().decode()
        for line in found.headers.get_all("Set-Cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        if html and found.headers.get_content_type() == "text/html" and not 300 <= found.status < 400:
            honest_page(html)
        return Answer(found.status, found.getheader("Location") or "", html)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)

    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())
