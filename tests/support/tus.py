"""Raw requests of the protocol tus, as a client writes them."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from lms.adapters.partial_files import PartialFiles
from tests.support.school import School

VERSION = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"


def metadata(**values: str) -> str:
    return ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in values.items())


def checksum(content: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def partials(school: School) -> PartialFiles:
    found: PartialFiles = school.app.extensions["lms_partial_files"]
    return found


class TusClient:
    """One browser of a learner that sends files in pieces."""

    def __init__(self, client: FlaskClient, assignment: str) -> None:
        self.client, self.assignment = client, assignment

    def begin(self, length: int | str, key: str = "k1", **more: str) -> TestResponse:
        values = {"assignment": self.assignment, "key": key, "kind": "photo", "name": "IMG_1.jpg", **more}
        headers = {**VERSION, "Upload-Length": str(length), "Upload-Metadata": metadata(**values)}
        return self.client.post("/uploads", headers=headers)

    def begun(self, length: int, key: str = "k1") -> str:
        answer = self.begin(length, key)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def add(self, place: str, offset: int | str, content: bytes, **headers: str) -> TestResponse:
        given: dict[str, Any] = {**VERSION, "Upload-Offset": str(offset), "Content-Type": PIECE}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.patch(place, data=content, headers=given)

    def ask(self, place: str) -> TestResponse:
        return self.client.head(place, headers=VERSION)

    def offset(self, place: str) -> int:
        return int(self.ask(place).headers["Upload-Offset"])


class TusWire:
    """A client of a served school on sockets of its own, one for each request: it can be cut anywhere."""

    def __init__(self, port: int, cookie: str, assignment: str) -> None:
        self.port, self.cookie, self.assignment = port, cookie, assignment

    def send(
        self, method: str, path: str, body: bytes = b"", *, share: float = 1, **headers: str
    ) -> HTTPConnection:
        """Send a request, of its body this share, and read no answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, path)
        given = {**VERSION, "Cookie": self.cookie, "Content-Length": str(len(body))}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body[: int(len(body) * share)])
        return connection

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Mapping[str, str]]:
        """Return the status and the headers of the answer."""
        with closing(self.send(method, path, body, share=1, **headers)) as connection:
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers  # type: ignore[return-value]

    def begin(self, length: int, key: str) -> tuple[int, str]:
        """Return the status and the address of the upload."""
        told = metadata(assignment=self.assignment, key=key, kind="photo", name=f"{key}.jpg")
        status, headers = self.ask("POST", "/uploads", Upload_Length=str(length), Upload_Metadata=told)
        return status, headers.get("Location", "")

    def offset(self, place: str) -> tuple[int, int]:
        """Return the status, and how much of the file has come."""
        status, headers = self.ask("HEAD", place)
        return status, int(headers.get("Upload-Offset", -1))

    def add(self, place: str, offset: int, piece: bytes) -> int:
        """Send a piece; return the status."""
        return self.ask("PATCH", place, piece, **piece_headers(offset, piece))[0]

    def cut(self, place: str, offset: int, piece: bytes, share: float) -> HTTPConnection:
        """Send a part of a piece; closing the connection cuts it off there."""
        return self.send("PATCH", place, piece, share=share, **piece_headers(offset, piece))


def piece_headers(offset: int, piece: bytes) -> dict[str, str]:
    return {"Upload_Offset": str(offset), "Content_Type": PIECE, "Upload_Checksum": checksum(piece, "sha256")}
