"""Raw requests of the protocol tus, as a client writes them."""

from __future__ import annotations

import hashlib
from base64 import b64encode
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
