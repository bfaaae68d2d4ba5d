"""`flask worker`, the real process: delivers what the outbox holds, and ends when told."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import ROOT
from lms.clock import now
from lms.domain.people import staff
from lms.models import OutboxItem, Outcome
from tests import factories
from tests.support.live_server import LiveServer, clean_environment
from tests.support.school import School
from tests.support.servers import START_LIMIT, wait_until
from tests.support.smtp import SmtpServer


@contextmanager
def at_work(server: LiveServer, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`flask worker` with the settings of a school that is not served."""
    command = [sys.executable, "-m", "flask", "--app", "lms.serve:make_app", "worker", "--threads", "1"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean_environment(server.environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: "is at work" in log.read_text() or process.poll() is not None, "the worker starts")
        yield process
    finally:
        process.kill()
        process.wait()


def invite(session: Session, name: str) -> None:
    claire = factories.claire(session)
    staff.invite_colleague(
        session, claire, name, f"{name.lower()}@example.be", ["teacher"], name * 8, now=now()
    )


def outcomes(school: School) -> list[str | None]:
    return list(school.read(lambda s: s.scalars(select(OutboxItem.outcome)).all()))


@pytest.fixture(params=["sqlite", "redis"])
def server(request: pytest.FixtureRequest, tmp_path: Path, template: Path, smtp: SmtpServer) -> LiveServer:
    settings = {"LMS_MAIL_HOST": smtp.host, "LMS_MAIL_PORT": str(smtp.port), "LMS_MAIL_SECURITY": "none"}
    if request.param == "redis":
        settings["LMS_QUEUE_URL"] = request.getfixturevalue("redis_url")
    return LiveServer(tmp_path / "school", template, **settings)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_delivers_what_waited_and_what_comes_and_ends_cleanly(
    server: LiveServer, smtp: SmtpServer, tmp_path: Path, told: signal.Signals
) -> None:
    school, log = server.school(), tmp_path / "worker.log"
    # Written and never handed to the queue, as when a server dies after its commit.
    wake, school.app.extensions["lms_on_outbox_commit"] = (
        school.app.extensions["lms_on_outbox_commit"],
        lambda _ids: None,
    )
    school.write(lambda s: invite(s, "Waited"))
    school.app.extensions["lms_on_outbox_commit"] = wake
    with at_work(server, log) as process:
        smtp.wait_for(1)
        school.write(lambda s: invite(s, "Fresh"))
        smtp.wait_for(2)
        wait_until(lambda: outcomes(school) == [Outcome.SENT, Outcome.SENT], "both rows are closed", 20)
        process.send_signal(told)
        assert process.wait(timeout=START_LIMIT) == 0
    assert [recipient for mail in smtp.received for recipient in mail.recipients] == [
        "waited@example.be",
        "fresh@example.be",
    ]
    said = log.read_text()
    assert "The worker has stopped." in said
    assert "Traceback" not in said


def test_a_mail_in_hand_is_finished_before_the_worker_ends(server: LiveServer, smtp: SmtpServer) -> None:
    smtp.delay = 1.5
    school, log = server.school(), server.folder / "worker.log"
    with at_work(server, log) as process:
        school.write(lambda s: invite(s, "Slow"))
        held = select(OutboxItem.claimed_until).where(OutboxItem.claimed_until > now() - timedelta(hours=1))
        wait_until(lambda: school.read(lambda s: s.scalar(held)) is not None, "the worker takes the mail", 20)
        process.terminate()
        assert process.wait(timeout=START_LIMIT) == 0
    assert len(smtp.messages) == 1
    assert outcomes(school) == [Outcome.SENT]
