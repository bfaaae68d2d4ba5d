"""Sending SMS through a gateway that takes JSON over HTTP.

Errors raised here name the stage and the status code, never a phone number, a token or a text.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time

from lms.adapters import http_client
from lms.adapters.mail.message import Postponed, Undeliverable

# Status codes that do not concern the phone number: wrong address or token, or too many requests.
_LATER = frozenset({401, 403, 404, 405, 407, 408, 425, 429})
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (ssl.SSLError, "the text gateway did not agree on TLS"),
    (TimeoutError, "the text gateway did not answer within the time limit"),
    (ConnectionRefusedError, "the text gateway refused the connection"),
    (socket.gaierror, "the text gateway's name is not known"),
    (Exception, "the connection to the text gateway was lost"),
)


class HttpSmsGateway:
    """Send each SMS with one request. The operator chooses the gateway, so its address may be private."""

    def __init__(self, url: str, *, token: str | None = None, sender: str = "", timeout: float = 20) -> None:
        """Keep the settings of the gateway. `timeout`: seconds for the whole exchange."""
        self._url = url
        self._token = token
        self._sender = sender
        self._timeout = timeout
        self._context = ssl.create_default_context()

    def send(self, to: str, text: str, key: str) -> None:
        """Return once the gateway has taken the SMS. Raises `Postponed` or `Undeliverable`."""
        body = {"to": to, "text": text, "id": key} | ({"from": self._sender} if self._sender else {})
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            # Only the status code is needed: an error while reading the body would send the SMS twice.
            answer = http_client.ask(
                "POST",
                self._url,
                deadline=time.monotonic() + self._timeout,
                headers=headers,
                body=json.dumps(body).encode(),
                context=self._context,
            )
        except ssl.SSLCertVerificationError as fault:
            raise Postponed(f"the gateway's certificate is refused: {fault.verify_message}") from None
        except (OSError, http.client.HTTPException) as fault:
            # Without the cause: a traceback in a log must not contain the text of the gateway.
            raise Postponed(next(reason for kind, reason in _REASONS if isinstance(fault, kind))) from None
        if 200 <= answer.status < 300:
            return
        answered = f"the SMS gateway answered {answer.status}"
        if 400 <= answer.status < 500 and answer.status not in _LATER:
            raise Undeliverable(answered)
        raise Postponed(answered)
