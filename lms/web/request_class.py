"""The request of this application: host in lower case, fields without NUL, files in the instance folder.

While its body is waited for, it holds no connection to the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO, Any

from flask import Flask
from flask import Request as FlaskRequest
from werkzeug.datastructures import ImmutableMultiDict

from lms.current import settings
from lms.extensions import release_connection

IN_MEMORY = 500 * 1024


class Fields(ImmutableMultiDict[str, Any]):
    """Fields of a form or an address without NUL: nobody types it, and PostgreSQL refuses it."""

    def __init__(self, fields: Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__([(_without_nul(name), _without_nul(value)) for name, value in fields])


class _Body:
    """The body of a request, which may come as slowly as a phone sends it.

    Most servers call us with the head of a request: forty slow phones would else hold forty connections.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        release_connection()
        return self._stream.read(size)

    def readline(self, size: int = -1) -> bytes:
        release_connection()
        return self._stream.readline(size)

    def close(self) -> None:
        self._stream.close()


class Request(FlaskRequest):
    parameter_storage_class = Fields

    def __init__(self, environ: dict[str, Any], *arguments: Any, **options: Any) -> None:
        # Host names have no case, but lists of hosts and origins are compared as text.
        if "HTTP_HOST" in environ:
            environ["HTTP_HOST"] = environ["HTTP_HOST"].lower()
        if "wsgi.input" in environ:
            environ["wsgi.input"] = _Body(environ["wsgi.input"])
        super().__init__(environ, *arguments, **options)

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        """Return the file into which one file of a form is received; on disk, without a name, if large."""
        if total_content_length is not None and total_content_length <= IN_MEMORY:
            return BytesIO()
        folder = settings().temp
        folder.mkdir(mode=0o700, exist_ok=True)
        return TemporaryFile("rb+", dir=folder)


def _without_nul(value: Any) -> Any:
    return value.replace("\0", "") if isinstance(value, str) else value


def init_app(app: Flask) -> None:
    """Let the application receive forms with `Request`."""
    app.request_class = Request
