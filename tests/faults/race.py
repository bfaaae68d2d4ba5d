"""One client of a race: `python racer.py HOST PORT`, told by lines of JSON on its standard input.

Reads the runners (cookie, page, values), fetches each one's form, says "ready", waits for "go", sends all
forms before it reads the first answer, and prints the answers. Standard library only, to start at once.
"""

from __future__ import annotations

import html
import http.client
import json
import re
import sys
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


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(host: str, port: int) -> None:
    runners = json.loads(sys.stdin.readline())
    ready = [(runner, *fetch(host, port, runner)) for runner in runners]
    say("ready")
    if sys.stdin.readline().strip() != "go":
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
    say(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
