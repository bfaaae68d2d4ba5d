"""`./dev bench`: speed as ratios to something measured in the same run, so that any machine will do.

1. the learner's home against a bare Flask-Login page with 20 rows (at least 0.18 of its rate);
2. the slot picker with 12,000 upcoming bookings against the same with none (at most 1.5 times as long);
3. other people's pages while 40 phones upload slowly, against the same server idle (p95 at most twice);
4. 25 learners who send four photos of 12 megapixels at one instant, in seconds and megabytes;
5. pages while 60 learners upload at 256 kbit/s, in seconds.

The figures of 4 and 5 are for two cores that do nothing else.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import flask_login
from flask import Flask, render_template, session
from flask_sqlalchemy import SQLAlchemy
from jinja2 import DictLoader
from sqlalchemy import delete, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.test import EnvironBuilder, run_wsgi_app

from lms.clock import now
from lms.demo import builder
from lms.domain.booking.slots import cells
from lms.domain.people import directory
from lms.models import CELL_SECONDS, AppointmentRecord, Booking, Claim, Person
from tests.support.school import School, make_school, settings_for
from tools import bench_uploads
from tools.bench_uploads import login_cookie, say, verdicts

ROUNDS, EACH = 7, 40
BOOKINGS = 12_000
ROW = "<li><a href='/x/{{ row.id }}'>{{ row.name }}</a> {{ row.text }}</li>"
BARE_PAGE = (
    "<!doctype html><html lang='fr'><title>x</title><main><h1>{{ me.name }}</h1>"
    "<ul>{% for row in rows %}" + ROW + "{% endfor %}</ul></main></html>"
)


class _Base(DeclarativeBase):
    pass


class Row(_Base):
    __tablename__ = "row"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    text: Mapped[str]


class User(flask_login.UserMixin, _Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def bare_app(folder: Path) -> tuple[Flask, str]:
    """Return a minimal application with one page behind a login, and a cookie that is logged in."""
    app = Flask("bare")
    app.config.update(SECRET_KEY="bare", SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder / 'bare.sqlite3'}")
    # Compiled once, like any page: a string would be compiled at each request and flatter us.
    app.jinja_loader = DictLoader({"home.html": BARE_PAGE})
    db = SQLAlchemy(app, model_class=_Base, disable_autonaming=True)
    login = flask_login.LoginManager(app)
    login.user_loader(lambda key: db.session.get(User, int(key)))

    @app.get("/")
    @flask_login.login_required
    def home() -> str:
        rows = db.session.scalars(db.select(Row).order_by(Row.id)).all()
        return render_template("home.html", me=flask_login.current_user, rows=rows)

    @app.get("/enter")
    def enter() -> str:
        session["_user_id"] = "1"
        session["_fresh"] = True
        return ""

    with app.app_context():
        _Base.metadata.create_all(db.engine)
        db.session.add(User(id=1, name="Samira"))
        db.session.add_all(Row(id=n, name=f"Ligne {n}", text="Un texte court.") for n in range(1, 21))
        db.session.commit()
    cookie = app.test_client().get("/enter").headers["Set-Cookie"].split(";")[0]
    return app, cookie


def rate(app: Flask, path: str, cookie: str) -> Callable[[], float]:
    """Return a function that measures the mean time of the page in seconds, without a network."""

    def once() -> float:
        begin = time.perf_counter()
        for _ in range(EACH):
            environ = EnvironBuilder(path, headers=[("Cookie", cookie)]).get_environ()
            body, status, _headers = run_wsgi_app(app, environ, buffered=True)
            assert status.startswith("200"), status
            b"".join(body)
        return (time.perf_counter() - begin) / EACH

    return once


def compare(one: Callable[[], float], other: Callable[[], float]) -> tuple[float, float]:
    """Return the medians of both, measured alternately, so that a busy moment affects both."""
    pairs = [(one(), other()) for _ in range(ROUNDS + 1)][1:]  # the first round warms up
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def home(school: School, folder: Path) -> None:
    bare, cookie = bare_app(folder)
    bare_time, home_time = compare(
        rate(bare, "/", cookie), rate(school.app, "/", login_cookie(school, "Samira"))
    )
    say("learner home / bare page, rate", bare_time / home_time, "at least", 0.18)
    print(f"    bare {bare_time * 1000:.2f} ms, home {home_time * 1000:.2f} ms")


def picker(school: School) -> None:
    cookie = login_cookie(school, "Samira")
    pick = rate(school.app, "/bookings/new", cookie)
    pick()
    empty = statistics.median(pick() for _ in range(ROUNDS))
    school.write(_bookings_ahead)
    full = statistics.median(pick() for _ in range(ROUNDS))
    say("hour picker, 12,000 bookings / none, time", full / empty, "at most", 1.5)
    print(f"    none {empty * 1000:.2f} ms, full {full * 1000:.2f} ms")


def _bookings_ahead(s: Session) -> None:
    people = s.query(Person).all()
    # Not of Samira, whose page is measured: a learner at a cap sees no slots.
    learners = [p for p in people if p.is_learner and p.name != "Samira"]
    teachers = [p for p in people if "teacher" in p.roles]
    claire = next(p for p in people if "coordinator" in p.roles)
    assert directory.levels(s)
    # From tomorrow on, each with the quarter-hours that it holds; every teacher has an hour free after each.
    begin = now() + timedelta(days=1)
    begin -= timedelta(seconds=begin.timestamp() % 3600)
    bookings, held = [], []
    for number in range(BOOKINGS):
        starts = begin + timedelta(hours=number)
        ends = starts + timedelta(hours=1)
        teacher, learner = teachers[number % len(teachers)].id, learners[number % len(learners)].id
        bookings.append(
            {
                "id": f"bench{number:09}",
                "uid": f"bench-{number}",
                "teacher_id": teacher,
                "learner_id": learner,
                "starts": starts,
                "ends": ends,
                "blocked_until": ends,
                "local_start": starts.strftime("%Y-%m-%dT%H:%M"),
                "time_zone": "Europe/Brussels",
                "iso_week": starts.strftime("%G-W%V"),
                "mode": "video",
                "state": "booked",
                "sequence": 0,
                "video_key": f"{number:032d}",
                "booked_by_id": claire.id,
                "booked_at": now(),
                "reason": "",
                "changed_at": now(),
            }
        )
        held += [
            {"booking_id": f"bench{number:09}", "person_id": person, "cell": cell}
            for person in (teacher, learner)
            for cell in cells(starts, ends)
        ]
    # The demo school has appointments of its own, at hours of which some are the same.
    s.execute(delete(Claim).where(Claim.cell >= int(begin.timestamp()) // CELL_SECONDS))
    s.execute(insert(Booking), bookings)
    s.execute(insert(AppointmentRecord), [{"booking_id": booking["id"]} for booking in bookings])
    s.execute(insert(Claim), held)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        school = make_school(settings_for(folder / "school"))
        builder.build(school.app, now())
        home(school, folder)
        picker(school)
        bench_uploads.slow_uploads(folder / "served")
        bench_uploads.many_photos(folder / "photos")
        bench_uploads.slow_learners(folder / "slow")
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
