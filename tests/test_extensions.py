from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.extensions import SAFE_WAL, db, sqlite, write
from lms.models import Level, Person
from tests import factories
from tests.factories import NOW
from tests.support.engines import postgres_template, school, shared_postgres_school
from tests.support.school import School

__all__ = ["postgres_template", "school", "shared_postgres_school"]


def test_an_instant_comes_back_as_it_was_and_a_naive_one_is_refused(school: School) -> None:
    made = school.write(factories.samira)
    assert school.read(lambda s: s.get_one(Person, made.id)).created_at == NOW
    with pytest.raises(StatementError, match="naive"):
        school.write(lambda s: factories.person(s, "X", "learner", now=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_what_a_verb_began_is_gone_when_it_fails(school: School) -> None:
    def half(session: Session) -> None:
        factories.samira(session)
        raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        school.write(half)
    assert school.read(lambda s: s.scalar(select(func.count(Person.id)))) == 0


def test_twenty_people_who_count_at_once_lose_no_count(school: School) -> None:
    """Each reads and then writes: without the lock from the beginning some would overwrite others."""
    school.write(factories.organisation)

    def add(session: Session) -> None:
        level = session.scalars(select(Level).where(Level.code == "N1").with_for_update()).one()
        level.blurb = str(int(level.blurb or "0") + 1)

    def one() -> None:
        with school.app.app_context():
            write(add)

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert school.read(factories.level).blurb == "20"


def test_the_worker_is_told_only_what_was_committed(school: School) -> None:
    told: list[str] = []
    school.app.extensions["lms_on_outbox_commit"] = told.extend

    def post(session: Session) -> str:
        return outbox.post(session, "feedback_returned", factories.samira(session), "abc", now=NOW).id

    def post_and_fail(session: Session) -> None:
        outbox.post(session, "feedback_returned", factories.samira(session), "def", now=NOW)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  (our own, on the line above)
        school.write(post_and_fail)
    assert told == []
    item = school.write(post)
    assert told == [item]


def test_a_message_for_tomorrow_wakes_nobody_today(school: School) -> None:
    told: list[str] = []
    school.app.extensions["lms_on_outbox_commit"] = told.extend
    school.write(
        lambda s: (
            outbox.post(
                s, "booking_reminder", factories.samira(s), "abc", due_at=NOW + timedelta(days=1), now=NOW
            ).id
        )
    )
    assert told == []


def test_the_database_keeps_its_own_rules(school: School) -> None:
    """SQLite checks foreign keys only when told so on each connection."""
    with pytest.raises(IntegrityError):
        school.write(lambda s: s.execute(text("INSERT INTO person_role VALUES ('nobody', 'learner')")))


@pytest.mark.parametrize("school", ["sqlite"], indirect=True)
def test_sqlite_answers_for_peoples_work(school: School) -> None:
    with school.app.app_context():
        asked = {
            name: db.session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        }
    assert asked == {
        "journal_mode": "wal" if sqlite.sqlite_version_info >= SAFE_WAL else "delete",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 5000,
    }
