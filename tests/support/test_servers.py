"""The servers that the other tests lean on do what these tests believe of them."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import psycopg
import pytest
import redis
from playwright.sync_api import Page

from tests.support.servers import PostgresServer, find_redis, require, wait_until
from tests.support.smtp import SmtpServer


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "nadia@example.org", "samira@example.org", "Retour ✓"
    message.set_content("Bravo !")
    return message


def test_each_test_has_a_database_of_its_own(postgres: PostgresServer, postgres_url: str) -> None:
    other = postgres.fresh_database()
    with connect(postgres_url) as mine, connect(other) as theirs:
        mine.execute("CREATE TABLE lesson (id int)")
        assert theirs.execute("SELECT to_regclass('lesson')").fetchone() == (None,)
        # Somebody is connected: dropping ends that.
        postgres.drop(other)


def test_a_template_is_prepared_once_and_copied(postgres: PostgresServer) -> None:
    prepared = []

    def prepare(url: str) -> None:
        prepared.append(url)
        with connect(url) as database:
            database.execute("CREATE TABLE lesson (id int)")

    name = f"lessons_{os.getpid()}"
    template = postgres.template(name, prepare)
    assert postgres.template(name, prepare) == template
    assert len(prepared) == 1
    copy = postgres.fresh_database(template)
    with connect(copy) as database:
        assert database.execute("SELECT count(*) FROM lesson").fetchone() == (0,)
    postgres.drop(copy)


def test_a_template_that_failed_is_not_kept(postgres: PostgresServer) -> None:
    def fail(url: str) -> None:
        raise ValueError(url)

    name = f"broken_{os.getpid()}"
    with pytest.raises(ValueError, match="postgresql"):
        postgres.template(name, fail)
    postgres.drop(postgres.fresh_database(postgres.template(name, lambda url: None)))


def test_redis_is_empty_and_answers(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("word", "mot")
        assert client.get("word") == b"mot"


STARTS_REDIS = """
from tests.support.servers import RedisServer, Run
run = Run()
print(run.folder, RedisServer(run.folder).url, flush=True)
input()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_test_run_leaves_no_server(number: signal.Signals) -> None:
    require("redis", find_redis())
    command = [sys.executable, "-c", STARTS_REDIS]
    environment = {name: value for name, value in os.environ.items() if name != "LMS_TEST_REDIS_URL"}
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as run:
        assert run.stdout is not None
        folder, url = run.stdout.readline().split()
        port = int(url.rsplit(":", 1)[1].split("/")[0])
        socket.create_connection(("127.0.0.1", port)).close()
        run.send_signal(number)
        run.wait(timeout=20)
    wait_until(lambda: not Path(folder).exists(), "the end of the server")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_mail_arrives_whole(smtp: SmtpServer) -> None:
    with smtplib.SMTP(smtp.host, smtp.port, timeout=10) as client:
        client.send_message(letter())
    (message,) = smtp.wait_for(1)
    assert message["Subject"] == "Retour ✓"
    assert message.get_content() == "Bravo !\n"
    assert smtp.received[0].recipients == ("samira@example.org",)
    assert not smtp.received[0].encrypted


def test_a_server_that_refuses_can_change_its_mind(smtp: SmtpServer) -> None:
    smtp.refuse = "451 4.3.0 Later"
    with smtplib.SMTP(smtp.host, smtp.port, timeout=10) as client:
        with pytest.raises(smtplib.SMTPDataError, match="Later"):
            client.send_message(letter())
        smtp.refuse, smtp.refuse_for = None, {"samira@example.org": "550 5.1.1 Nobody"}
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.send_message(letter())
        smtp.refuse_for = {}
        client.send_message(letter())
    smtp.wait_for_attempts(3)
    assert len(smtp.messages) == 1


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_encryption_and_login_are_real(tls: str, start_smtp: Callable[..., SmtpServer]) -> None:
    server = start_smtp(tls=tls, login=("school", "secret"))
    context = ssl.create_default_context(cafile=str(server.ca_file))
    with connect_smtp(server, context) as client:
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.send_message(letter())
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("school", "wrong")
        client.login("school", "secret")
        client.send_message(letter())
    server.wait_for(1)
    assert server.received[0].encrypted
    assert server.received[0].user == "school"


@pytest.mark.parametrize("tls", ["tls", "starttls"])
@pytest.mark.parametrize(
    ("certificate", "fault"), [("self-signed", "self-signed"), ("other-name", "Hostname mismatch")]
)
def test_a_wrong_certificate_is_wrong(
    tls: str, certificate: str, fault: str, start_smtp: Callable[..., SmtpServer]
) -> None:
    server = start_smtp(tls=tls, certificate=certificate)
    context = ssl.create_default_context(cafile=str(server.ca_file))
    with pytest.raises(ssl.SSLCertVerificationError, match=fault):
        connect_smtp(server, context)


def connect_smtp(server: SmtpServer, context: ssl.SSLContext) -> smtplib.SMTP:
    if server.tls == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, context=context, timeout=10)
    client = smtplib.SMTP(server.host, server.port, timeout=10)
    try:
        client.starttls(context=context)
    except ssl.SSLError:
        client.close()
        raise
    return client


def test_a_silent_server_keeps_one_waiting(start_smtp: Callable[..., SmtpServer]) -> None:
    server = start_smtp(answers=False)
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        smtplib.SMTP(server.host, server.port, timeout=0.3)


@pytest.mark.journey
def test_the_systems_chromium_opens_a_page(page: Page) -> None:
    page.set_content("<h1 dir=rtl>أهلا</h1>")
    assert page.locator("h1").inner_text() == "أهلا"


def test_what_is_missing_is_skipped_with_its_install_line_or_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="sudo apt install chromium"):
        require("chromium", None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="sudo apt install chromium"):
        require("chromium", None)
