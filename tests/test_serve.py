"""`python -m lms.serve`, the real process: ports, settings, the demo school, and how it ends."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import func, select

from config import ROOT
from lms import serve
from lms.access import cookie_name
from lms.adapters import qr
from lms.models import Booking, Organisation, Person
from tests import factories
from tests.support.live_server import LiveServer, clean_environment
from tests.support.servers import START_LIMIT, free_port, wait_until


def status(server: LiveServer, path: str = "/healthz") -> int:
    with urllib.request.urlopen(server.url + path, timeout=20) as answer:
        return int(answer.status)


def answer(server: LiveServer, path: str, cookie: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("GET", path, headers={"Cookie": cookie})
        return connection.getresponse().status
    finally:
        connection.close()


def refused(tmp_path: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A start that must not succeed."""
    state = {"LMS_INSTANCE": str(tmp_path / "instance"), "LMS_UPLOADS": str(tmp_path / "uploads")}
    return subprocess.run(
        [sys.executable, "-m", "lms.serve", "--port", "0", *options],
        cwd=ROOT,
        env=clean_environment({**state, **settings}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_LIMIT,
        check=False,
    )


def test_a_busy_port_means_the_next_free_one_and_it_is_said(tmp_path: Path, template: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        taken = busy.getsockname()[1]
        server = LiveServer(tmp_path, template)
        server.wanted = taken
        with server:
            assert taken < server.port < taken + 20
            assert f"Port {taken} is busy: using {server.port} instead." in server.output()
            assert f"Passerelle: http://localhost:{server.port} " in server.output()
            assert status(server) == 200


def test_a_phone_of_the_same_network_reaches_the_demo_school_with_a_card(
    tmp_path: Path, demo_template: Path
) -> None:
    address = serve.local_address()
    server = LiveServer(tmp_path, demo_template, LMS_DEMO="yes")
    server.options, server.host = ("--phone",), address
    with server:
        assert f"Passerelle: http://{address}:{server.port} " in server.output()
        (link,) = re.findall(r"PIN 1234\):\n(\S+)", server.output())
        assert link.startswith(f"http://{address}:{server.port}/card/")
        assert qr.draw_in_terminal(link) in server.output()
        with urllib.request.urlopen(link, timeout=20) as page:
            assert page.status == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"LMS_DEMO": "no"},
        {
            "LMS_ENV": "production",
            "LMS_BASE_URL": "https://cours.example.be",
            "LMS_MAIL_HOST": "mail.example.be",
        },
    ],
)
def test_only_the_demo_school_is_shown_to_a_phone(tmp_path: Path, settings: dict[str, str]) -> None:
    ended = refused(tmp_path, "--phone", LMS_SECRET_KEY="k" * 40, **settings)
    assert ended.returncode == 1
    assert ended.stderr.startswith("--phone is for trying the demo school")


def test_without_any_free_port_it_ends_with_a_sentence(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "lms.serve", "--host", "192.0.2.1", "--port", "8000"],
        cwd=ROOT,
        env=clean_environment({"LMS_INSTANCE": str(tmp_path / "i"), "LMS_UPLOADS": str(tmp_path / "u")}),
        capture_output=True,
        text=True,
        timeout=START_LIMIT,
        check=False,
    )
    assert process.returncode == 1
    assert process.stderr.startswith("No free port from 8000 to 8019: ")
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_without_a_word_of_complaint(
    tmp_path: Path, template: Path, number: signal.Signals
) -> None:
    server = LiveServer(tmp_path, template).start()
    try:
        # A browser keeps its connection open for the next page.
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as browser:
            browser.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert browser.recv(4096).startswith(b"HTTP/1.1 200")
            began = time.monotonic()
            assert server.end(number) == 0
            assert time.monotonic() - began < 15
    finally:
        server.kill()
    said = server.output()
    assert said.rstrip().endswith("Passerelle has stopped.")
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_first_start_that_is_broken_off_leaves_no_half_school(
    tmp_path: Path, number: signal.Signals
) -> None:
    server = LiveServer(tmp_path, LMS_DEMO="yes")
    process = subprocess.Popen(
        [sys.executable, "-m", "lms.serve", "--port", "0"],
        cwd=ROOT,
        env=clean_environment(server.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    with process, process.stdout as said:
        while b"Making the demo school" not in (line := said.readline()):
            assert line, "the server ended before it made the school"
        wait_until(lambda: any((tmp_path / "uploads").glob("??/*")), "the first sheets are kept")
        process.send_signal(number)
        rest = said.read().decode()
    assert "Traceback" not in rest
    if number == signal.SIGTERM:
        assert process.returncode == 0
        assert not any((tmp_path / "uploads").glob("??/*"))
    with server:
        assert "Making the demo school" in server.output()
        school = server.school()
        assert school.read(lambda s: s.scalar(select(func.count(Booking.id)))) == 6


def test_every_fault_of_the_settings_is_told_at_once(tmp_path: Path) -> None:
    ended = refused(
        tmp_path,
        LMS_ENV="staging",
        LMS_MAIL_PORT="many",
        LMS_DATABASE_URL="mysql://localhost/x",
        LMS_DEMO="perhaps",
        LMS_UPLAODS="/srv",
        LMS_SECRET_KEY="short",
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    lines = ended.stderr.splitlines()
    assert lines[0] == "The settings are not right:"
    named = ("LMS_ENV", "LMS_MAIL_PORT", "LMS_DATABASE_URL", "LMS_DEMO", "LMS_UPLAODS", "LMS_SECRET_KEY")
    for name in named:
        assert len([line for line in lines if line.startswith(f"- {name} ")]) == 1, ended.stderr
    assert len(lines) == 1 + len(named)
    assert not (tmp_path / "uploads").exists()


def test_production_says_what_it_lacks(tmp_path: Path) -> None:
    ended = refused(tmp_path, LMS_ENV="production")
    assert ended.returncode == 1
    for name in ("LMS_BASE_URL", "LMS_MAIL_HOST"):
        assert f"- {name} must be set in production" in ended.stderr


def test_production_never_makes_a_demo_school(tmp_path: Path) -> None:
    port = free_port()
    server = LiveServer(
        tmp_path,
        LMS_ENV="production",
        LMS_DEMO="yes",
        LMS_BASE_URL=f"http://localhost:{port}",
        LMS_MAIL_HOST="localhost",
    )
    server.wanted = port
    with server:
        assert server.school().read(lambda s: s.get(Organisation, 1)) is None
        assert "not open yet" in server.output()
        assert "./dev init" in server.output()
        assert "1234" not in server.output()
        assert "demo" not in server.output().lower()


def test_the_second_start_keeps_the_school_and_its_secret(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, LMS_DEMO="yes").start()
    try:
        assert "Making the demo school" in server.output()
        assert "1234" in server.output()
        school = server.school()
        school.write(lambda s: factories.learner(s, "Yusuf").id)
        people = school.read(lambda s: s.scalar(select(func.count(Person.id))))
        secret = (tmp_path / "instance/secret.key").read_text()
        assert server.end(signal.SIGTERM) == 0
        server.start()
        assert "Making the demo school" not in server.output()
        assert "1234" in server.output()
        assert school.read(lambda s: s.scalar(select(func.count(Person.id)))) == people
        assert (tmp_path / "instance/secret.key").read_text() == secret
    finally:
        server.stop()


def test_a_second_start_on_one_instance_says_where_the_first_runs(tmp_path: Path, template: Path) -> None:
    with LiveServer(tmp_path, template) as first:
        ended = refused(tmp_path)
        assert ended.returncode == 1
        assert f"This instance runs already: {first.url} (process {first.pid})" in ended.stderr
        assert str(tmp_path / "instance") in ended.stderr
        assert "Traceback" not in ended.stderr
        assert status(first) == 200
        first.kill()
        first.start()  # the lock ends with its process, however it ends
        assert status(first) == 200


@pytest.mark.parametrize("port", ["99999", "-1", "many", "８０００"])
def test_a_port_that_does_not_exist_is_a_sentence(capsys: pytest.CaptureFixture[str], port: str) -> None:
    with pytest.raises(SystemExit) as ended:
        serve.main(["--port", port])
    assert ended.value.code == 2
    assert "must be a whole number from 0 to 65535" in capsys.readouterr().err


def test_what_lies_in_the_instance_is_for_its_owner_alone(tmp_path: Path) -> None:
    with LiveServer(tmp_path):
        pass
    assert (tmp_path / "instance").stat().st_mode & 0o077 == 0
    assert (tmp_path / "uploads").stat().st_mode & 0o077 == 0
    assert (tmp_path / "instance/secret.key").stat().st_mode & 0o077 == 0


def test_two_schools_side_by_side_share_nothing(tmp_path: Path, template: Path) -> None:
    with LiveServer(tmp_path / "one", template) as one, LiveServer(tmp_path / "two", template) as two:
        schools = [one.school(), two.school()]
        schools[0].write(lambda s: factories.samira(s).id)
        token = schools[0].write(lambda s: factories.entered(s, factories.samira(s)))
        assert schools[1].read(lambda s: s.scalar(select(func.count(Person.id)))) == 0
        assert one.settings.secret_key != two.settings.secret_key
        # A browser sends its cookies to both: ports are nothing to them.
        cookie = (
            f"{cookie_name(one.settings, 'session')}={token}; {cookie_name(two.settings, 'session')}={token}"
        )
        assert [answer(server, "/homework", cookie) for server in (one, two)] == [200, 303]
        assert (status(one), status(two)) == (200, 200)


def test_the_server_loads_nothing_that_only_migrations_need() -> None:
    loaded = "import sys, lms.serve; print({'alembic', 'flask_migrate'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
