"""Texts through a gateway that takes JSON over HTTP.

What is raised here names the stage and the answer's number, never a phone number, a token or words.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from lms.adapters.mail.message import Postponed, Undeliverable

# Not the number's fault: our address or token is wrong, or the gateway wants a pause.
_LATER = frozenset({401, 403, 404, 405, 407, 408, 425, 429})
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (ssl.SSLError, "the text gateway did not agree on TLS"),
    (TimeoutError, "the text gateway did not answer within the time limit"),
    (ConnectionRefusedError, "the text gateway refused the connection"),
    (socket.gaierror, "the text gateway's name is not known"),
    (Exception, "the connection to the text gateway was lost"),
)


class HttpSmsGateway:
    def __init__(self, url: str, *, token: str | None = None, sender: str = "", timeout: float = 20) -> None:
        """`timeout`: seconds for the whole exchange. Redirects are not followed, proxies not asked."""
        self._parts = urlsplit(url)
        self._token = token
        self._sender = sender
        self._timeout = timeout
        self._context = ssl.create_default_context()

    def send(self, to: str, text: str, key: str) -> None:
        body = {"to": to, "text": text, "id": key} | ({"from": self._sender} if self._sender else {})
        deadline = time.monotonic() + self._timeout
        try:
            status = self._post(json.dumps(body).encode(), key, deadline)
        except ssl.SSLCertVerificationError as fault:
            raise Postponed(f"the gateway's certificate is refused: {fault.verify_message}") from None
        except (OSError, http.client.HTTPException) as fault:
            told = TimeoutError() if time.monotonic() >= deadline else fault
            # Without the cause: a traceback in a log must not carry the gateway's words.
            raise Postponed(next(reason for kind, reason in _REASONS if isinstance(told, kind))) from None
        if 200 <= status < 300:
            return
        answer = f"the text gateway answered {status}"
        raise Undeliverable(answer) if 400 <= status < 500 and status not in _LATER else Postponed(answer)

    def _post(self, body: bytes, key: str, deadline: float) -> int:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        path = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port)
        with (
            contextlib.closing(connection),
            self._line(connection.host, connection.port, deadline, secure=secure) as sock,
            _cut_at(deadline, sock),
        ):
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            connection.sock = sock
            connection.request("POST", path, body, headers)
            with connection.getresponse() as answer:
                return answer.status

    def _line(self, host: str, port: int, deadline: float, *, secure: bool) -> socket.socket:
        plain = self._connect(host, port, deadline)
        if not secure:
            return plain
        # The handshake waits until the watch over the deadline has begun.
        return self._context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)

    def _connect(self, host: str, port: int, deadline: float) -> socket.socket:
        """Like `create_connection`, whose time limit is for each address of the host anew."""
        fault: OSError | None = None
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            try:
                return socket.create_connection((str(address[0]), port), left)
            except OSError as this:
                fault = this
        raise fault or TimeoutError


@contextlib.contextmanager
def _cut_at(deadline: float, sock: socket.socket) -> Iterator[None]:
    """A byte now and then wins the gateway no time: at the deadline the line is cut."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)  # below TLS, which another thread is using

    watch = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
        watch.join()
