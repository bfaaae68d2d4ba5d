from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from lms.cli.doctor import examine
from lms.clock import now
from lms.demo import builder
from lms.domain.homework import queue
from lms.models import Attachment, Attendance, Booking, Lesson, Level, OutboxItem
from tests.support.narrow import present
from tests.support.school import School, copy_template, make_school, settings_for
from tests.support.waitlist import entries_in_order


@pytest.fixture
def demo_school(demo_template: Path, tmp_path: Path) -> School:
    copy_template(demo_template, tmp_path)
    return make_school(settings_for(tmp_path), migrated=True)


def test_the_demo_school_has_work_in_every_state(demo_school: School) -> None:
    read = demo_school.read
    assert read(lambda s: s.scalar(select(func.count(Level.id)))) == 3
    assert read(lambda s: s.scalar(select(func.count(Lesson.id)))) == 11
    waiting = read(queue.list_queue)
    assert {copy.learner for copy in waiting} == {"Samira", "Elif Yilmaz", "Ahmad", "Grace Mbala"}
    kept = set(read(lambda s: s.scalars(select(Attachment.mime)).all()))
    assert kept == {"image/jpeg", "application/pdf"}, "a HEIC is kept as our clean JPEG"
    sessions = read(lambda s: s.scalars(select(Booking).order_by(Booking.starts)).all())
    assert [one.attendance for one in sessions if one.starts < now()] in (
        [Attendance.DONE, None],
        [None, Attendance.DONE],
    )
    assert sum(one.starts > now() for one in sessions) == 4
    assert read(lambda s: [entry.learner.name for entry in entries_in_order(s)]) == ["Diego Ramos"]
    assert present(read(lambda s: s.scalar(select(func.count(OutboxItem.id))))) > 0


def test_the_doctor_finds_the_demo_school_whole(demo_school: School) -> None:
    demo_school.app.extensions["lms_jobs"].every_minute()
    demo_school.deliver()
    found = demo_school.read(lambda s: examine(s, demo_school.settings))
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_every_account_enters_as_the_greeting_says(demo_school: School) -> None:
    for account in builder.accounts(demo_school.app):
        visitor = demo_school.visitor()
        if "@" in account.way:
            email, password = account.way.split(" / ")
            page = visitor.submit(visitor.get("/login"), {"email": email, "password": password})
        else:
            card = visitor.get(account.way.removeprefix("http://localhost"))
            page = visitor.submit(card, {"pin": "1234"}, action="/card/login")
        assert page.status == 200
        assert account.name.split()[0] in page.text, account


def test_a_school_that_exists_is_left_alone(demo_school: School) -> None:
    with pytest.raises(RuntimeError, match="a school already"):
        builder.build(demo_school.app, now())


def test_there_is_no_demo_school_in_production(school: School) -> None:
    school.app.extensions["lms_settings"] = replace(school.settings, env="production")
    with pytest.raises(RuntimeError, match="production"):
        builder.build(school.app, now())
    assert school.read(builder.is_empty)
