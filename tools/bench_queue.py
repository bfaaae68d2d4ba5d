"""The part of `./dev bench` about the queue: many copies wait beside many answered ones, against ten."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice, product
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from lms.clock import now
from lms.models import (
    Assignment,
    Attempt,
    Feedback,
    Person,
    PersonRole,
    QueuedAttempt,
    ReturnedFeedback,
    Role,
    Submission,
)
from tests import factories
from tests.support.school import School, make_school, settings_for
from tests.support.servers import PostgresServer, Run
from tools.bench_report import login_cookie, say
from tools.bench_rows import Rows

SMALL, LARGE = (10, 0), (10_000, 100_000)  # that wait, that are answered
LEARNERS = 600
ROUNDS = 15
# How many times as long the list, and the copy after the 5,000th, may take.
MOST = 6


def measure_queue(folder: Path) -> None:
    """Measure the list and the way to the next copy on both engines, and print the ratios to ten copies."""
    with _databases(folder) as addresses:
        for engine, pair in addresses.items():
            small = _measure(folder / f"{engine}-small", pair[0], *SMALL)
            large = _measure(folder / f"{engine}-large", pair[1], *LARGE)
            for what, seconds in large.items():
                name = f"queue, {engine}: {what} ({seconds * 1000:.1f} ms), 10,000 waiting / ten"
                say(name, seconds / small[what], "at most", MOST)


@contextmanager
def _databases(folder: Path) -> Iterator[dict[str, list[str]]]:
    """Provide two empty databases of each engine; an empty address means SQLite."""
    run = Run()
    try:
        server = PostgresServer.shared(run.folder)
        urls = [server.fresh_database() for _ in range(2)]
        yield {"SQLite": ["", ""], "PostgreSQL": urls}
        for url in urls:
            server.drop(url)
    finally:
        run.close()


def _measure(folder: Path, url: str, waiting: int, answered: int) -> dict[str, float]:
    """Return the seconds of each page in a school of this size."""
    folder.mkdir()
    school = make_school(settings_for(folder, **({"database_url": url} if url else {})))
    school.write(lambda s: add_copies(s, waiting, answered))
    with school.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    asked = _asked(school, login_cookie(school, "Nadia Dubois"))
    middle = school.read(lambda s: _middle(s, waiting))
    returned = "/corrections?list=returned"
    found = {
        "open": asked("/corrections"),
        "next": asked(f"/corrections/{middle}"),
        "search": asked("/corrections?q=personne"),
        "returned": asked(returned),
        "search in returned": asked(f"{returned}&q=personne"),
        "next of a search in returned": asked(f"/corrections/{middle}?list=returned&q=personne+1"),
    }
    school.close()
    return found


def add_copies(session: Session, waiting: int, answered: int) -> None:
    """Add copies of one level, the last ones of which wait."""
    rows, teacher = Rows(now()), factories.nadia(session)
    level, lesson = factories.level(session), factories.lesson(session)
    whole = waiting + answered
    learners = [rows.id("who") for _ in range(min(LEARNERS, whole))]
    for number, learner in enumerate(learners):
        name = f"Personne {number:03}"
        rows.add(
            Person,
            id=learner,
            name=name,
            name_key=name.lower(),
            short_name=name,
            level_id=level.id,
            created_at=rows.now,
        )
        rows.add(PersonRole, person_id=learner, role=Role.LEARNER)
    tasks = [rows.id("task") for _ in range(-(-whole // len(learners)))]
    for task in tasks:
        rows.add(
            Assignment,
            id=task,
            lesson_id=lesson.id,
            instruction="Écrivez.",
            created_at=rows.now,
            created_by_id=teacher.id,
        )
    for number, (task, learner) in enumerate(islice(product(tasks, learners), whole)):
        sent, submission, attempt = (
            rows.now - timedelta(minutes=whole - number),
            rows.id("sub"),
            rows.id("try"),
        )
        rows.add(Submission, id=submission, assignment_id=task, learner_id=learner, created_at=sent)
        rows.add(
            Attempt,
            id=attempt,
            submission_id=submission,
            number=1,
            text="Bonjour.",
            created_at=sent,
            sent_at=sent,
            queued_at=sent,
        )
        if number < answered:
            feedback = rows.id("back")
            rows.add(
                Feedback,
                id=feedback,
                attempt_id=attempt,
                teacher_id=teacher.id,
                created_at=sent,
                saved_at=sent,
                returns=1,
            )
            rows.add(
                ReturnedFeedback,
                id=feedback,
                feedback_id=feedback,
                number=1,
                returned_at=sent,
                teacher_id=teacher.id,
                comment="Bravo.",
                next_step="",
                redo=False,
                body={"bands": []},
            )
        else:
            rows.add(
                QueuedAttempt,
                attempt_id=attempt,
                since=sent,
                level_id=level.id,
                learner_id=learner,
                is_follow_up=False,
                is_first=False,
            )
    rows.insert(session)


def _middle(session: Session, waiting: int) -> str:
    """Return the attempt to which `next` leads from the middle of the queue."""
    in_order = session.query(QueuedAttempt.attempt_id).order_by(QueuedAttempt.since, QueuedAttempt.attempt_id)
    (found,) = in_order.offset(waiting // 2).limit(1).one()
    return str(found)


def _asked(school: School, cookie: str) -> Callable[[str], float]:
    client = school.app.test_client(use_cookies=False)

    def seconds(path: str) -> float:
        """Return the median of the seconds that the application takes for a page."""
        times = []
        for _ in range(ROUNDS + 1):
            begin = time.perf_counter()
            assert client.get(path, headers={"Cookie": cookie}).status_code == 200, path
            times.append(time.perf_counter() - begin)
        return statistics.median(times[1:])

    return seconds
