"""Eight client processes in front of one served school."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms import clock
from lms.access import cookie_name
from lms.domain.people import logins
from lms.forms.booking import slot_value
from lms.models import Booking, LoginKind, Person
from tests import factories
from tests.faults.race import run_client
from tests.support.forks import FORKS
from tests.support.live_server import LiveServer
from tests.support.school import School

CLIENTS = 8
MONDAY = factories.coming_monday()


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
        clients = []
        for _ in range(CLIENTS):
            here, there = FORKS.Pipe()
            process = FORKS.Process(target=run_client, args=("127.0.0.1", self.server.port, there))
            process.start()
            there.close()  # so that the end of the client is the end of its answers
            clients.append((process, here))
        try:
            for number, (_process, client) in enumerate(clients):
                client.send(runners[number::CLIENTS])
            assert [client.recv() for _process, client in clients] == ["ready"] * CLIENTS
            for _process, client in clients:
                client.send("go")
            meanwhile()
            return [answer for _process, client in clients for answer in client.recv()]
        finally:
            for process, client in clients:
                process.kill()
                process.join()
                process.close()
                client.close()

    def people(self, number: int) -> list[str]:
        return self.school.write(lambda s: [factories.learner(s, f"Runner {n}").id for n in range(number)])

    def id_of(self, who: Callable[[Session], Person]) -> str:
        return self.school.write(lambda s: who(s).id)

    def booked(self, *learners: str) -> int:
        return self.school.read(
            lambda s: s.scalar(select(func.count()).where(Booking.learner_id.in_(learners))) or 0
        )


def at(hour: str, days: int = 0) -> datetime:
    return factories.wall((MONDAY + timedelta(days=days)).isoformat(), hour)
