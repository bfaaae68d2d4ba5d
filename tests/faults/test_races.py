"""Races for an hour: eight client processes against one real server, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms import clock
from lms.access import cookie_name
from lms.domain import booking as bookings
from lms.domain.people import sessions
from lms.extensions import db
from lms.forms.booking import hour_value
from lms.models import Booking, OutboxItem, Person
from tests import make
from tests.house import House
from tests.served import Served

CLIENTS = 8
MONDAY = make.coming_monday()
RACER = Path(__file__).with_name("racer.py")


class Track:
    """A served school with two teachers, and the runners who want an hour of them."""

    def __init__(self, server: Served, house: House) -> None:
        self.server, self.house = server, house
        self.cookie = cookie_name(house.settings, "session")

    def runners(self, wishes: list[tuple[str, str, datetime, str]]) -> list[dict[str, Any]]:
        """Each (learner, teacher, start, mode) as a browser of its own, signed in."""

        def enter(session: Session) -> list[str]:
            return [
                sessions.open_session(session, session.get_one(Person, learner), "own", now=clock.now())
                for learner, *_rest in wishes
            ]

        return [
            {
                "cookie": f"{self.cookie}={token}",
                "page": f"/bookings/new/confirm?hour={hour_value(teacher, starts)}",
                "action": "/bookings",
                "values": {"mode": mode},
            }
            for token, (_learner, teacher, starts, mode) in zip(self.house.write(enter), wishes, strict=True)
        ]

    def race(self, wishes: list[tuple[str, str, datetime, str]]) -> list[dict[str, Any]]:
        return self.run(self.runners(wishes))

    def run(self, runners: list[dict[str, Any]]) -> list[dict[str, Any]]:
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
            return [answer for client in clients for answer in json.loads(_hear(client))]
        finally:
            for client in clients:
                client.kill()
                client.communicate()

    def people(self, number: int) -> list[str]:
        return self.house.write(lambda s: [make.learner(s, f"Runner {n}").id for n in range(number)])

    def id_of(self, who: Callable[[Session], Person]) -> str:
        return self.house.write(lambda s: who(s).id)

    def booked(self, *learners: str) -> int:
        return self.house.read(
            lambda s: s.scalar(select(func.count()).where(Booking.learner_id.in_(learners))) or 0
        )


def _say(client: subprocess.Popen[str], line: str) -> None:
    assert client.stdin is not None
    client.stdin.write(line + "\n")
    client.stdin.flush()


def _hear(client: subprocess.Popen[str]) -> str:
    assert client.stdout is not None
    return client.stdout.readline().strip()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def track(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Track]:
    folder = tmp_path_factory.mktemp(f"race-{request.param}")
    settings = {}
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        settings["LMS_DATABASE_URL"] = postgres.fresh_database()
    server = Served(folder, **settings)
    house = server.house()

    def offer(session: Session) -> None:
        make.all_week(session, make.nadia(session), "09:00", "17:00", mode="both")
        make.all_week(session, make.luc(session), "09:30", "17:30")
        make.rule(session, make.luc(session), 5, "09:15", "12:15", "onsite")
        make.rule(session, make.nadia(session), 5, "09:00", "12:00", "onsite")

    house.write(offer)
    with server:
        yield Track(server, house)
    with house.app.app_context():
        db.session.remove()
        db.engine.dispose()
    if settings:
        postgres.drop(settings["LMS_DATABASE_URL"])


def at(hour: str, days: int = 0) -> datetime:
    return make.wall((MONDAY + timedelta(days=days)).isoformat(), hour)


def test_of_two_hundred_who_want_one_hour_exactly_one_gets_it(track: Track) -> None:
    learners, nadia, hour = track.people(200), track.id_of(make.nadia), at("10:00")
    answers = track.race([(learner, nadia, hour, "video") for learner in learners])
    assert Counter(answer["status"] for answer in answers) == {303: 1, 409: 199}
    assert all(answer["hours"] > 0 for answer in answers if answer["status"] == 409)
    assert track.booked(*learners) == 1
    assert track.house.read(bookings.claims_broken) == []
    won = next(answer["location"] for answer in answers if answer["status"] == 303)
    about = won.split("/")[-1].split("?")[0]
    mails = track.house.read(lambda s: s.scalar(select(func.count()).where(OutboxItem.about_id == about)))
    assert mails == 3


def test_one_learner_at_two_teachers_half_an_hour_apart_is_in_one_place(track: Track) -> None:
    (learner,) = track.people(1)
    wishes = [
        (learner, track.id_of(teacher), starts, "video")
        for teacher, starts in ((make.nadia, at("10:00", 1)), (make.luc, at("10:30", 1)))
        for _ in range(24)
    ]
    answers = track.race(wishes)
    assert Counter(answer["status"] for answer in answers) == {303: 1, 409: 47}
    assert track.booked(learner) == 1


def test_one_room_wanted_by_two_teachers_a_quarter_apart_holds_one_session(track: Track) -> None:
    learners = track.people(48)
    hosts = ((track.id_of(make.nadia), at("10:00", 5)), (track.id_of(make.luc), at("10:15", 5)))
    answers = track.race([(who, *hosts[n % 2], "onsite") for n, who in enumerate(learners)])
    assert Counter(answer["status"] for answer in answers) == {303: 1, 409: 47}
    assert track.booked(*learners) == 1


def test_a_week_of_two_appointments_never_holds_a_third(track: Track) -> None:
    (learner,) = track.people(1)
    nadia = track.id_of(make.nadia)
    hours = [at(f"{hour:02}:00", days) for days in (2, 3, 4) for hour in range(9, 17)]
    answers = track.race([(learner, nadia, hour, "video") for hour in hours * 2])
    assert Counter(answer["status"] for answer in answers) == {303: 2, 409: 46}
    assert track.booked(learner) == 2
    assert track.house.read(bookings.claims_broken) == []


def test_one_form_sent_forty_times_at_once_is_one_appointment_and_one_answer(track: Track) -> None:
    (learner,) = track.people(1)
    runners = track.runners([(learner, track.id_of(make.nadia), at("09:00", 7), "video")] * 40)
    for runner in runners:
        runner["values"]["request_id"] = "the-very-same-form"
    answers = track.run(runners)
    assert Counter(answer["status"] for answer in answers) == {303: 40}
    assert len({answer["location"] for answer in answers}) == 1
    assert track.booked(learner) == 1


def test_forty_cancellations_at_once_are_one(track: Track) -> None:
    (learner,) = track.people(1)
    nadia, hour = track.id_of(make.nadia), at("11:00", 7)

    def book(session: Session) -> str:
        who = session.get_one(Person, learner)
        return bookings.book(session, who, who, nadia, hour, "video", clock.now()).id

    made = track.house.write(book)
    runners = track.runners([(learner, nadia, hour, "video")] * 40)
    for runner in runners:
        runner.update(page=f"/bookings/{made}", action=f"/bookings/{made}/cancellation", values={})
    answers = track.run(runners)
    assert Counter(answer["status"] for answer in answers) == {303: 40}
    kept = track.house.read(lambda s: s.get_one(Booking, made))
    assert (kept.state, kept.sequence) == ("cancelled", 1)
    told = select(func.count()).where(OutboxItem.about_id == made, OutboxItem.kind == "booking_cancelled")
    assert track.house.read(lambda s: s.scalar(told)) == 2
    assert track.house.read(bookings.claims_broken) == []
