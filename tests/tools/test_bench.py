"""The bench measures a school such as the application makes, and says what does not hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import select

from lms.clock import now
from lms.domain.booking import consistency
from lms.domain.homework import queue
from lms.models import Booking, Submission
from tests import factories
from tests.support.school import School, copy_template, make_school, settings_for
from tools import bench, bench_data, bench_memory, bench_pages, bench_report
from tools.bench_data import Size
from tools.bench_report import PageRow
from tools.bench_server import served

TINY = Size(learners=14, submissions=40, bookings=140, teachers=3, waiting=6)
SMALL = Size(learners=20, submissions=60, bookings=200, teachers=4, waiting=8)


def test_the_measured_school_has_the_stated_size_and_every_page(demo_template: Path, tmp_path: Path) -> None:
    copy_template(demo_template, tmp_path)
    school = make_school(settings_for(tmp_path), migrated=True)
    of_demo = len(school.read(queue.list_queue))
    school.write(lambda s: bench_data.fill(s, TINY))
    assert len(school.read(lambda s: bench_data.people_but_samira(s, "learner"))) + 1 == TINY.learners
    assert len(school.read(lambda s: bench_data.people_but_samira(s, "teacher"))) == TINY.teachers
    assert len(school.read(queue.list_queue)) - of_demo == TINY.waiting
    assert len(school.read(lambda s: s.scalars(select(Submission.id)).all())) == TINY.submissions
    booked = len(school.read(lambda s: s.scalars(select(Booking.id)).all()))
    assert TINY.bookings * 0.9 < booked <= TINY.bookings
    assert school.read(lambda s: consistency.find_faults(s, now=now())) == []
    with served(school.app) as server:
        for page in bench_pages.PAGES:
            assert bench_pages.asked_by(server, school, page)() > 0


def test_the_bench_prints_a_table_and_fails_for_what_is_too_slow(
    demo_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench_data, "SIZES", {"1x": TINY, "10x": SMALL})
    monkeypatch.setattr(bench_pages, "ROUND_SECONDS", 0)
    monkeypatch.setattr(bench_pages, "FORMS", 1)
    monkeypatch.setattr(bench_pages, "BOOKINGS", 3)
    monkeypatch.setattr(bench_pages, "PAGES", bench_pages.PAGES[:1])
    monkeypatch.setattr(bench_pages, "SUBMIT_MUST", 100)
    monkeypatch.setattr(bench_report, "failures", [])
    monkeypatch.setattr(bench, "make_demo_template", lambda _folder: demo_template)
    monkeypatch.setattr(
        "tempfile.tempdir", str(tmp_path)
    )  # on the disk of the template, whose files are linked
    assert bench.main(["pages", "--rounds", "1"]) == 1
    printed = capsys.readouterr().out
    assert "  learner home " in printed
    assert "\ndoes not hold: submit a text\n" in printed


def test_a_page_passes_when_it_is_as_quick_as_it_must_be_and_does_not_grow() -> None:
    quick = PageRow("quick", must=0.4, growth=1.1, rounds=[(0.001, 0.002, 0.0021)])
    slow = PageRow("slow", must=0.4, growth=1.1, rounds=[(0.001, 0.003, 0.003)])
    growing = PageRow("growing", must=0.4, growth=1.1, rounds=[(0.001, 0.002, 0.003)])
    assert [row.passed for row in (quick, slow, growing)] == [True, False, False]


def test_the_appointments_that_are_measured_are_such_as_the_school_makes(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_pages, "BOOKINGS", 3)
    school.write(lambda s: (factories.level(s), factories.nadia(s), factories.oksana(s), factories.claire(s)))
    school.write(bench_pages.add_bookings_ahead)
    made = school.read(lambda s: [one.attendance for one in s.scalars(select(Booking)).unique()])
    assert made == [None] * 3


def test_the_memory_of_a_process_is_its_own() -> None:
    assert 10 < bench_memory.own_memory(os.getpid()) < 2000
