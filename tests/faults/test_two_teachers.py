"""Two teachers write on one copy at the same time, through one real server, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.models import Feedback, Mark, Person, Score
from tests import factories
from tests.faults.fault_log import FaultLog
from tests.faults.race import fetch

SAVES = 100  # of each teacher
TEXT = "Je prend le bus."


class Desk:
    """The page of a copy in the browser of a teacher, which saves by itself as its script does."""

    def __init__(self, track: FaultLog, teacher_id: str, copy: str) -> None:
        self.copy = f"/corrections/{copy}"
        runner = track.pressing(teacher_id, self.copy, self.copy)
        self.connection, self.values, self.cookie = fetch("127.0.0.1", track.server.port, runner)
        self.values |= {"comment": "", "next_step": ""}

    def close(self) -> None:
        self.connection.close()

    def post(self, address: str, values: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Send as the script does; return the status and the answer."""
        headers = {
            "Cookie": self.cookie,
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "Sec-Fetch-Site": "same-origin",
        }
        self.connection.request("POST", address, body=urlencode(values), headers=headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def save(self, **changes: str) -> int:
        """Save the form with these changes; keep what the answer says of it."""
        self.values |= changes
        status, told = self.post(self.copy, self.values)
        if status == 200:
            self.values |= told["changed"]
            self.values |= {name: str(value) for name, value in told.items() if name in self.values}
        return status

    def mark(self, key: str) -> int:
        values = {
            "csrf_token": self.values["csrf_token"],
            "returns": "0",
            "request_id": key,
            "code": "conjugation",
            "quote": "prend",
        }
        return self.post(f"{self.copy}/marks", values)[0]


def correct(desk: Desk, who: str, field: str, band: str, seed: int) -> Counter[tuple[str, int]]:
    """Save the own field and band, and make marks, in a random order; return the answers by kind."""
    chance = random.Random(seed)
    answers: Counter[tuple[str, int]] = Counter()
    for number in range(SAVES):
        if chance.random() < 0.3:
            answers["mark", desk.mark(f"{who}-mark-{number:03}")] += 1
        else:
            changes = {field: f"{who} {number}", f"band-{band}": str(chance.randrange(4))}
            answers["save", desk.save(**changes)] += 1
    answers["save", desk.save(**{field: f"{who}, fin", f"band-{band}": "3"})] += 1
    return answers


def begin(track: FaultLog) -> tuple[str, list[str], list[str]]:
    """Return a copy, its two teachers and two criteria of its level."""

    (learner,) = track.people(1)

    def write(session: Session) -> tuple[str, list[str], list[str]]:
        rubric = [row.id for row in factories.criteria(session)]
        copy = factories.sent(session, session.get_one(Person, learner), factories.assignment(session), TEXT)
        return copy.id, [factories.nadia(session).id, factories.luc(session).id], rubric

    return track.school.write(write)


def test_of_two_hundred_saves_of_two_teachers_every_field_band_and_mark_is_there(track: FaultLog) -> None:
    copy, teachers, (task, words, *_rest) = begin(track)
    with ExitStack() as opened, ThreadPoolExecutor(2) as both:
        desks = [opened.enter_context(closing(Desk(track, teacher, copy))) for teacher in teachers]
        told = list(
            both.map(correct, desks, ("Nadia", "Luc"), ("comment", "next_step"), (task, words), (1, 2))
        )
    assert {status for answers in told for _kind, status in answers} == {200}

    def read(session: Session) -> tuple[str, str, dict[str, int], int]:
        feedback = session.scalars(select(Feedback).where(Feedback.attempt_id == copy)).one()
        scores = session.scalars(select(Score).where(Score.feedback_id == feedback.id))
        marks = session.scalars(select(Mark.client_key).where(Mark.feedback_id == feedback.id)).all()
        bands = {score.criterion_id: score.band for score in scores}
        return feedback.comment, feedback.next_step, bands, len(set(marks))

    made = sum(number for answers in told for (kind, _status), number in answers.items() if kind == "mark")
    assert made > SAVES / 4
    assert track.school.read(read) == ("Nadia, fin", "Luc, fin", {task: 3, words: 3}, made)


def test_in_one_field_the_second_is_told_and_nothing_is_overwritten(track: FaultLog) -> None:
    copy, teachers, _rubric = begin(track)
    with ExitStack() as opened:
        hers, his = (opened.enter_context(closing(Desk(track, teacher, copy))) for teacher in teachers)
        assert hers.save(comment="Le mot de Nadia") == 200
        assert his.save(comment="Le mot de Luc") == 409
        comment = select(Feedback.comment).where(Feedback.attempt_id == copy)
        assert track.school.read(lambda s: s.scalars(comment).one()) == "Le mot de Nadia"
        # The button shows the page with both texts.
        headers = {"Cookie": his.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        his.connection.request("POST", f"{his.copy}/return", body=urlencode(his.values), headers=headers)
        answer = his.connection.getresponse()
        text = answer.read().decode()
    assert (answer.status, "Le mot de Nadia" in text, "Le mot de Luc" in text) == (409, True, True)
