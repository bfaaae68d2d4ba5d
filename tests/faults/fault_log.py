"""Eight client processes in front of one served school."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms import clock
from lms.access import cookie_name
from lms.domain.people import logins
from lms.forms.booking import slot_value
from lms.models import Booking, LoginKind, Person
from tests import factories
from tests.support.live_server import LiveServer
from tests.support.school import School

CLIENTS = 8
MONDAY = factories.coming_monday()
RACER = Path(__file__).with_name("race.py")


class FaultLog:
    """A served school with two teachers, and the runners who want an hour of them."""

    def __init__(self, server: LiveServer, school: School) -> None:
        self.server, self.school = server, school
        self.cookie = cookie_name(school.settings, "session")

    def runners(self, wishes: list[tuple[str, str, datetime, str]]) -> list[dict[str, Any]]:
        """Each (learner, teacher, start, mode) as a browser of its own, signed in."""

        def enter(session: Session) -> list[str]:
            return [
                logins.open_login(session, session.get_one(Person, learner), LoginKind.OWN, now=clock.now())
                for learner, *_rest in wishes
            ]

        return [
            {
                "cookie": f"{self.cookie}={token}",
                "page": f"/bookings/new/confirm?hour={slot_value(teacher, starts)}",
                "action": "/bookings",
                "values": {"mode": mode},
            }
            for token, (_learner, teacher, starts, mode) in zip(self.school.write(enter), wishes, strict=True)
        ]

    def pressing(self, learner_id: str, page: str, action: str) -> dict[str, Any]:
        """A browser in which a learner presses one button of a page."""

        def enter(session: Session) -> str:
            return logins.open_login(
                session, session.get_one(Person, learner_id), LoginKind.OWN, now=clock.now()
            )

        return {
            "cookie": f"{self.cookie}={self.school.write(enter)}",
            "page": page,
            "action": action,
            "values": {},
        }

    def race(self, wishes: list[tuple[str, str, datetime, str]]) -> list[dict[str, Any]]:
        return self.run(self.runners(wishes))

    def run(
        self, runners: list[dict[str, Any]], meanwhile: Callable[[], object] = lambda: None
    ) -> list[dict[str, Any]]:
        """All forms are fetched first, then every client sends all of its own at once."""
        clients = [
            subprocess.Popen(
                [sys.executable, str(RACER), "127.0.0.1", str(self.server.port)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(CLIENTS)
        ]
        try:
            for number, client in enumerate(clients):
                _say(client, json.dumps(runners[number::CLIENTS]))
            assert [_hear(client) for client in clients] == ["ready"] * CLIENTS
            for client in clients:
                _say(client, "go")
            meanwhile()
            return [answer for client in clients for answer in json.loads(_hear(client))]
        finally:
            for client in clients:
                client.kill()
                client.communicate()

    def people(self, number: int) -> list[str]:
        return self.school.write(lambda s: [factories.learner(s, f"Runner {n}").id for n in range(number)])

    def id_of(self, who: Callable[[Session], Person]) -> str:
        return self.school.write(lambda s: who(s).id)

    def booked(self, *learners: str) -> int:
        return self.school.read(
            lambda s: s.scalar(select(func.count()).where(Booking.learner_id.in_(learners))) or 0
        )


def _say(client: subprocess.Popen[str], line: str) -> None:
    assert client.stdin is not None
    client.stdin.write(line + "\n")
    client.stdin.flush()


def _hear(client: subprocess.Popen[str]) -> str:
    assert client.stdout is not None
    return client.stdout.readline().strip()


def at(hour: str, days: int = 0) -> datetime:
    return factories.wall((MONDAY + timedelta(days=days)).isoformat(), hour)
