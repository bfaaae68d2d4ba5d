"""The part of `./dev bench` about pages: processor time against the floor, and against a larger school."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from werkzeug.test import encode_multipart

from lms.clock import now
from lms.domain.homework.worklist import assignments_of_learner
from lms.models import CELL_SECONDS, Assignment, Claim, Lesson, Person, QueuedAttempt, Submission
from tests.support.pages import filled, parse
from tests.support.school import School, copy_template, make_school, settings_for
from tools import bench_bookings, bench_data
from tools.bench_floor import bare_app
from tools.bench_report import PageRow, login_cookie, login_cookies, say, show, table_head
from tools.bench_rows import Rows
from tools.bench_server import Served, served

# Of each round: processor time, and the forms that are sent.
ROUND_SECONDS, FORMS = 0.04, 5
# How often a row that does not pass is measured, at most.
REPEATS = 4
GROWTH = {"10x": 1.1, "100x": 1.5}
BOOKINGS = 12_000
TEXT = "Lundi, mardi, mercredi, jeudi, vendredi. Je vais au cours le mardi."

Once = Callable[[], float]


@dataclass(frozen=True)
class PageOf:
    """A page that is measured, as a person sees it. `growth`: its own limit, where it is not that of all."""

    name: str
    person: str
    path: str | Callable[[Session], str]
    must: float
    growth: float | None = None


def _lesson_of_samira(s: Session) -> str:
    samira = s.query(Person).filter_by(name="Samira").one()
    assignment = s.get_one(Assignment, assignments_of_learner(s, samira, now=now())[0].assignment.id)
    return f"/lessons/{assignment.lesson_id}/watch"


def _oldest_copy(s: Session) -> str:
    oldest = select(QueuedAttempt.attempt_id).order_by(QueuedAttempt.since, QueuedAttempt.attempt_id)
    return f"/corrections/{s.scalars(oldest).first()}"


NADIA, CLAIRE = "Nadia Dubois", "Claire Renard"
PAGES = (
    PageOf("learner home", "Samira", "/", 0.40),
    PageOf("lesson", "Samira", _lesson_of_samira, 0.40),
    PageOf("homework", "Samira", "/homework", 0.40),
    # The larger school has ten times as many teachers too, but the hundredfold one has 22.
    PageOf("hour picker", "Samira", "/bookings/new", 0.20, 1.5),
    PageOf("teacher queue", NADIA, "/corrections", 0.30),
    PageOf("correction page", NADIA, _oldest_copy, 0.25),
    PageOf("teacher home", NADIA, "/", 0.20),
    PageOf("coordinator home", CLAIRE, "/", 0.15),
    PageOf("conflicts", CLAIRE, "/agenda/conflicts", 0.15),
    PageOf("exceptions", CLAIRE, "/agenda/exceptions", 0.15),
    # The appointments of the last days of all teachers are read until enough of assigned learners are found.
    PageOf("social worker's home", "Farid Amrani", "/", 0.15, 1.4),
    # The place of each entry and the numbers of the levels are those of the whole waitlist.
    PageOf("waitlist", CLAIRE, "/waitlist/entries", 0.15, 1.25),
    PageOf("team lessons", NADIA, "/lessons", 0.15),
    PageOf("people", NADIA, "/people", 0.15),
)
SUBMIT_MUST = 0.25


def grown_school(template: Path, folder: Path, size: bench_data.Size) -> School:
    """Return a copy of the demo school that has grown to this size."""
    folder.mkdir()
    copy_template(template, folder)
    school = make_school(settings_for(folder), migrated=True)
    school.write(lambda s: bench_data.fill(s, size))
    return school


def measure_pages(template: Path, folder: Path, large: str, rounds: int = 7) -> list[PageRow]:
    """Measure every page with 1x and with the large school, and print the table."""
    schools = [grown_school(template, folder / name, bench_data.SIZES[name]) for name in ("1x", large)]
    bare, cookie = bare_app(folder)
    durable, durable_cookie = bare_app(folder, durable=True)
    gc.collect()
    gc.freeze()  # what the two schools have built up is not looked at again while a page is measured
    rows: list[PageRow] = []
    print(table_head(large))
    with ExitStack() as stack:
        floor, send_floor = (stack.enter_context(served(app)) for app in (bare, durable))
        servers = [(stack.enter_context(served(school.app)), school) for school in schools]
        for page in PAGES:
            measures = [asked(floor, "/", cookie), *(asked_by(*each, page) for each in servers)]
            growth = max(page.growth or 0, GROWTH[large])
            rows.append(_measure_row(PageRow(page.name, page.must, growth), measures, rounds))
            show(rows[-1])
        sends = [
            sent(send_floor, _bare_forms(durable_cookie)),
            *(sent(server, _forms(school, REPEATS * rounds)) for server, school in servers),
        ]
        rows.append(_measure_row(PageRow("submit a text", SUBMIT_MUST, GROWTH[large]), sends, rounds))
        show(rows[-1])
        _measure_picker(*servers[0], rounds)
    return rows


def _measure_row(row: PageRow, measures: list[Once], rounds: int) -> PageRow:
    """Measure a row; with more rounds, all of which count, as long as it does not pass."""
    for _ in range(REPEATS):
        row = row.with_rounds(compare(measures, rounds))
        if row.passed:
            break
    return row


def compare(measures: list[Once], rounds: int) -> list[list[float]]:
    """Return the seconds of each round, measured alternately, so that a busy moment affects all of them.

    Every other round goes backwards: none is always the one that comes after the large school.
    """
    for measure in measures:
        measure()  # warms up
    found = []
    for number in range(rounds):
        order = range(len(measures))[:: -1 if number % 2 else 1]
        seconds = {place: measures[place]() for place in order}
        found.append([seconds[place] for place in range(len(measures))])
    return found


def asked(server: Served, path: str, cookie: str) -> Once:
    """Return a function that measures the processor time of a page in seconds."""
    number = 0

    def once() -> float:
        nonlocal number
        server.answer(200, path, cookie)  # another page has filled the caches of the core
        begin = server.processor_time()
        for _ in range(number or 1):
            server.answer(200, path, cookie)
        seconds = (server.processor_time() - begin) / (number or 1)
        number = max(2, round(ROUND_SECONDS / seconds))
        return seconds

    return once


def sent(server: Served, forms: Iterator[tuple[str, str, dict[str, Any]]]) -> Once:
    """Return a function that measures the processor time of a form in seconds; it sends each form once."""

    def once() -> float:
        some = [(path, cookie, *encode_multipart(data)) for path, cookie, data in islice(forms, FORMS)]
        begin = server.processor_time()
        for path, cookie, boundary, body in some:
            kind = f"multipart/form-data; boundary={boundary}"
            server.answer(303, path, cookie, method="POST", body=body, content_type=kind)
        return (server.processor_time() - begin) / FORMS

    return once


def asked_by(server: Served, school: School, page: PageOf) -> Once:
    """Return a function that measures a page of the school, asked for by its person."""
    path = page.path if isinstance(page.path, str) else school.read(page.path)
    return asked(server, path, login_cookie(school, page.person))


def _bare_forms(cookie: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    while True:
        yield "/", cookie, {"text": TEXT, "request_id": "x" * 22, "csrf_token": "x" * 90}


def _forms(school: School, rounds: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the filled form of an assignment that a learner has not begun, each of another one."""
    pairs = school.read(lambda s: _unsent(s, (rounds + REPEATS) * FORMS))
    cookies = login_cookies(school, [learner for learner, _task in pairs])
    made = []
    for cookie, (_learner, task) in zip(cookies, pairs, strict=True):
        path = f"/assignments/{task}"
        answer = school.app.test_client(use_cookies=False).get(path, headers={"Cookie": cookie})
        mine = "; ".join([cookie, *(each.split(";")[0] for each in answer.headers.getlist("Set-Cookie"))])
        (form,) = [each for each in parse(answer.text).all("form") if each.get("action") == path]
        made.append((f"{path}/submission", mine, {**filled(form), "text": TEXT}))
    return iter(made)


def _unsent(s: Session, number: int) -> list[tuple[str, str]]:
    """Return pairs of a learner and an assignment of the level, not sent yet, that takes text."""
    done = select(Submission.id).where(
        Submission.learner_id == Person.id, Submission.assignment_id == Assignment.id
    )
    found = s.execute(
        select(Person.id, Assignment.id)
        .join(Lesson, Lesson.level_id == Person.level_id)
        .join(Assignment, Assignment.lesson_id == Lesson.id)
        .where(Person.name != "Samira", ~done.exists(), Assignment.takes_text)
        .order_by(Assignment.id, Person.id)
        .limit(number)
    ).all()
    assert len(found) == number
    return [(learner, task) for learner, task in found]


def _measure_picker(server: Served, school: School, rounds: int) -> None:
    """Measure the hour picker with many appointments ahead against the same with a few, last of all."""
    pick = asked(server, "/bookings/new", login_cookie(school, "Samira"))
    few = compare([pick], rounds)
    school.write(add_bookings_ahead)
    many = compare([pick], rounds)
    ratio = statistics.median(s for (s,) in many) / statistics.median(s for (s,) in few)
    say("hour picker, 12,000 bookings ahead / few, time", ratio, "at most", 1.5)


def add_bookings_ahead(s: Session) -> None:
    """Add an appointment at every hour from tomorrow on."""
    people = s.query(Person).order_by(Person.id).all()
    # Not of Samira, whose page is measured: a learner at a cap sees no slots.
    learners = [p for p in people if p.is_learner and p.name != "Samira"]
    rows = Rows(now(), prefix="h")
    begin = bench_bookings.add_hourly(rows, BOOKINGS, learners, [p for p in people if p.is_teacher])
    # The school has appointments already, at hours of which some are the same.
    s.execute(delete(Claim).where(Claim.cell >= int(begin.timestamp()) // CELL_SECONDS))
    rows.insert(s)
