"""Fixtures of the real servers and the real browser."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from lms.extensions import sqlite
from tests.support.calendars import CalendarServer
from tests.support.forks import share_compiled_templates
from tests.support.imap import ImapServer, MailboxOnServer, find_dovecot
from tests.support.school import MakeOnce
from tests.support.servers import (
    MEMORY,
    PostgresServer,
    RedisServer,
    Run,
    find_chromium,
    find_postgres,
    find_redis,
    has_room_in_memory,
    locked,
    require,
)
from tests.support.sms_gateway import Gateway, running
from tests.support.smtp import SmtpServer

RUN = pytest.StashKey[Run]()
FOLDER = pytest.StashKey[Path]()
# Fixtures that start PostgreSQL or Redis.
SERVERS = {"postgres", "redis_server", "imap_server"}
LONGEST = ("tests/faults/", "tests/test_", "tests/domain/booking/test_rules_agree", "tests/cli/")
# Tests that share servers or a school; and two browsers slow each other down.
TOGETHER = (
    "tests/journeys/",
    "tests/test_access.py",
    "tests/test_http_server.py",
    "tests/faults/test_nothing_typed_is_lost.py",
    "tests/faults/test_races.py",
    "tests/faults/test_races_waitlist.py",
)
CHROMIUM_OPTIONS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


# One run has one folder of servers: the controller of xdist creates it and passes its path to the workers.


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fast", action="store_true", help="the tests that need no browser, no PostgreSQL and no Redis"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    keep_folders_in_memory()
    keep_compiled_modules()
    sys.addaudithook(ask_no_name_server)
    # A run that was started in the background ignores Ctrl-C, and so would the processes of its tests.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    told = getattr(config, "workerinput", {}).get("servers")
    if told is None:
        config.stash[RUN] = Run()
    folder = config.stash[FOLDER] = Path(told) if told else config.stash[RUN].folder
    share_compiled_templates(folder)


def ask_no_name_server(event: str, arguments: tuple[Any, ...]) -> None:
    """Resolve only names of this machine: a name server may be slow, wrong or unreachable."""
    if event not in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        return
    host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
    if host in (None, "", "localhost") or ":" in host:
        return
    try:
        socket.inet_aton(host)  # accepts every form of an IPv4 address, "127.1" too
    except OSError:
        raise socket.gaierror(socket.EAI_NONAME, "no test asks a name server") from None


def keep_folders_in_memory() -> None:
    """Put the folders of the tests into memory, if there is room: a quarter of the time."""
    if has_room_in_memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def keep_compiled_modules() -> None:
    """Compile each module once, also where the environment says no: workers and processes are many."""
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["servers"] = str(node.config.stash[FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is None:
        return
    if os.environ.get("LMS_TEST_POSTGRES_URL"):
        PostgresServer.shared(run.folder).drop_all()
    run.close()


def pytest_report_header() -> str:
    return f"SQLite {sqlite.sqlite_version} ({sqlite.__name__})"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the garbage collector never look through all tests and modules: that took a tenth of the time.

    And let it look less often through what the tests make, which is forgotten soon: a twentieth.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--fast"):
        slow = [item for item in items if uses_browser(item) or uses_server(item)]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]
    # The long ones first: at the end of a run no worker waits for the last of them.
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


class GroupsTogether(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Give each group to one worker, the largest first; every other test goes where there is time.

    The mark `xdist_group` does not work with pytest 9.2, which keeps the id of a test elsewhere.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((group for group in TOGETHER if nodeid.startswith(group)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupsTogether:
    return GroupsTogether(config, log)


def uses_browser(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("journey")) or "browser" in getattr(item, "fixturenames", ())


def uses_server(item: pytest.Item) -> bool:
    """Return whether a test needs PostgreSQL or Redis; some choose the engine by a parameter."""
    chosen = getattr(item, "callspec", None)
    engines = {"postgresql", "redis"}
    return bool(
        SERVERS & set(getattr(item, "fixturenames", ()))
        or (chosen and any(value in engines for value in chosen.params.values() if isinstance(value, str)))
    )


@pytest.fixture(scope="session")
def make_once(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """Return a function that returns a folder of this name, filled by the first worker of this run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(pytestconfig, "workerinput") else base

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder = shared / name
        with locked(shared / f"{name}.lock"):
            if not folder.exists():
                folder.mkdir()
                try:
                    fill(folder)
                except BaseException:
                    shutil.rmtree(folder)
                    raise
        return folder

    return make


@pytest.fixture(scope="session")
def servers_folder(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.stash[FOLDER]


@pytest.fixture(scope="session")
def postgres(servers_folder: Path) -> PostgresServer:
    require("postgresql", os.environ.get("LMS_TEST_POSTGRES_URL") or find_postgres())
    return PostgresServer.shared(servers_folder)


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """Return the address of an empty database of this test."""
    url = postgres.fresh_database()
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def redis_server(servers_folder: Path) -> Iterator[RedisServer]:
    require("redis", os.environ.get("LMS_TEST_REDIS_URL") or find_redis())
    server = RedisServer(servers_folder)
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Return the address of an empty Redis."""
    redis_server.empty()
    return redis_server.url


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    """Return a mail server that accepts everything, without TLS."""
    with SmtpServer() as server:
        yield server


@pytest.fixture
def start_smtp() -> Iterator[Callable[..., SmtpServer]]:
    """Return a function that starts mail servers: start_smtp(tls="starttls", certificate="self-signed")."""
    with ExitStack() as stack:

        def start(**options: Any) -> SmtpServer:
            return stack.enter_context(SmtpServer(**options))

        yield start


@pytest.fixture(scope="session")
def imap_server(servers_folder: Path) -> Iterator[ImapServer]:
    require("dovecot", find_dovecot())
    server = ImapServer(servers_folder)
    yield server
    server.stop()


@pytest.fixture
def mailbox(imap_server: ImapServer) -> MailboxOnServer:
    """Return an empty mailbox of a dovecot."""
    return imap_server.mailbox()


@pytest.fixture
def calendars() -> Iterator[CalendarServer]:
    """Return a calendar server with TLS, as an organisation or a large provider runs it."""
    with CalendarServer("localhost", "calendar.invalid") as server:
        yield server


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the Chromium of the system for `browser`, `context` and `page` of pytest-playwright."""
    path = find_chromium()
    require("chromium", path)
    # Chromium's sandbox refuses root.
    unboxed = ["--no-sandbox"] if os.getuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": path, "args": [*CHROMIUM_OPTIONS, *unboxed]}


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """Return an SMS gateway."""
    with running() as started:
        yield started
