"""One client of a race, a process of its own.

It is told the runners (cookie, page, values), fetches each one's form, says "ready", waits for "go", sends
all forms before it reads the first answer, and tells the answers.
"""

from __future__ import annotations

import html
import http.client
import re
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlencode

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
LIMIT = 60


def fetch(
    host: str, port: int, runner: dict[str, Any]
) -> tuple[http.client.HTTPConnection, dict[str, str], str]:
    """The form of a page as a browser would keep it, and the connection on which it was fetched."""
    connection = http.client.HTTPConnection(host, port, timeout=LIMIT)
    connection.request("GET", runner["page"], headers={"Cookie": runner["cookie"]})
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        raise SystemExit(f"{runner['page']}: {answer.status}")
    made = [part.split(";")[0] for part in answer.headers.get_all("Set-Cookie") or []]
    values = {name: html.unescape(value) for name, value in HIDDEN.findall(text)}
    return connection, {**values, **runner.get("values", {})}, "; ".join([runner["cookie"], *made])


def run_client(host: str, port: int, track: Connection) -> None:
    runners = track.recv()
    ready = [(runner, *fetch(host, port, runner)) for runner in runners]
    track.send("ready")
    if track.recv() != "go":
        return
    for runner, connection, values, cookie in ready:
        connection.request(
            "POST",
            runner["action"],
            body=urlencode(values),
            headers={
                "Cookie": cookie,
                "Content-Type": "application/x-www-form-urlencoded",
                "Sec-Fetch-Site": "same-origin",
            },
        )
    answers = []
    for _runner, connection, _values, _cookie in ready:
        answer = connection.getresponse()
        text = answer.read().decode()
        answers.append(
            {
                "status": answer.status,
                "location": answer.getheader("Location"),
                "hours": len(re.findall(r'name="hour" value="', text)),
                "text": text[:3000] if answer.status >= 500 else "",
            }
        )
        connection.close()
    track.send(answers)
