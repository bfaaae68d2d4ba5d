"""Private real servers for the tests, started from the binaries this machine has (SMTP: smtp.py)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import psycopg
import pytest
import redis
from psycopg import sql
from sqlalchemy import URL, make_url

START_LIMIT = 60.0
MEMORY = Path("/dev/shm")
# Bytes; a whole run leaves less than a third of it. Containers often have 64 MB of /dev/shm.
ROOM_IN_MEMORY = 1 << 30
INSTALL = {
    "chromium": "sudo apt install chromium",
    "dovecot": "sudo apt install dovecot-imapd",
    "webkit": "sudo apt install webkit2gtk-driver xvfb",
    "postgresql": "sudo apt install postgresql",
    "redis": "sudo apt install redis-server",
}


def require(name: str, found: object) -> None:
    """Skip with the command that installs `name`; with CI=true fail when it is missing."""
    if found:
        return
    reason = f"{name} is not installed: {INSTALL[name]}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def find_chromium() -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if path := shutil.which(name):
            return path
    apps = Path("/Applications")
    for app in ("Chromium.app/Contents/MacOS/Chromium", "Google Chrome.app/Contents/MacOS/Google Chrome"):
        if (apps / app).exists():
            return str(apps / app)
    return None


def find_postgres() -> Path | None:
    """Return the folder of initdb and postgres: on Debian one for each version, outside of PATH."""
    folders = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *Path("/opt/homebrew/opt").glob("postgresql@*/bin"),
        *Path("/usr/local/opt").glob("postgresql@*/bin"),
    ]
    if path := shutil.which("initdb"):
        folders.append(Path(path).resolve().parent)
    able = [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]
    return max(able, key=lambda folder: folder.parent.name, default=None)


def find_redis() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(happened: Callable[[], bool], what: str, limit: float = START_LIMIT) -> None:
    deadline = time.monotonic() + limit
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} took more than {limit:.0f} s")
        time.sleep(0.02)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file: two workers of xdist may start the same server."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def has_room_in_memory() -> bool:
    """Return whether files can lie where fsync, and making and deleting them, cost nothing."""
    return os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_IN_MEMORY


class Run:
    """A test run and the folder of its servers, which always end with it (see server_guard.py)."""

    def __init__(self) -> None:
        # Not $TMPDIR: a socket's path is limited to about 100 bytes, and the server's user needs access.
        self.folder = Path(
            tempfile.mkdtemp(prefix="passerelle-", dir=MEMORY if has_room_in_memory() else "/tmp")
        )
        self.folder.chmod(0o755)
        self._alive = alive_file(self.folder).open("w")
        fcntl.flock(self._alive, fcntl.LOCK_EX)

    def close(self) -> None:
        self._alive.close()
        # The last guard may have removed the folder already.
        with contextlib.suppress(TimeoutError, FileNotFoundError):
            wait_until(lambda: not any(path.is_dir() for path in self.folder.iterdir()), "ending servers", 15)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def alive_file(run: Path) -> Path:
    return run / "alive"


# Guards outlive the worker that started them. Referenced here, because Python warns of a child process that
# is garbage-collected while it runs, and a warning is an error.
_guards: list[subprocess.Popen[bytes]] = []


class Guarded:
    """A server process, its folder and its guard."""

    def __init__(self, run: Path, name: str, user: str = "") -> None:
        self.run, self.name, self.user = run, name, user
        self.folder = run / name
        self.log = run / f"{name}.log"
        self._guard: subprocess.Popen[bytes] | None = None
        self.folder.mkdir(mode=0o700)
        if user:
            shutil.chown(self.folder, user, pwd.getpwnam(user).pw_gid)

    def start(self, *command: str) -> None:
        guard = [sys.executable, str(Path(__file__).with_name("server_guard.py"))]
        arguments = [str(alive_file(self.run)), str(self.folder), self.user, *command]
        with self.log.open("ab") as log:
            # In a session of its own: Ctrl-C goes to the tests, which still need their server to clean up.
            self._guard = subprocess.Popen(
                guard + arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        _guards.append(self._guard)

    def wait_until_ready(self, answers: Callable[[], bool]) -> None:
        guard = self._guard

        def ready() -> bool:
            if guard is not None and guard.poll() is not None:
                raise RuntimeError(
                    f"{self.name} ended at once:\n{self.log.read_text(errors='replace')[-2000:]}"
                )
            return answers()

        wait_until(ready, f"starting {self.name}")

    def stop(self) -> None:
        if self._guard is not None:
            self._guard.send_signal(signal.SIGTERM)
            self._guard.wait(timeout=START_LIMIT)
            self._guard = None


def unprivileged_user() -> str:
    """Return the user that runs PostgreSQL, which refuses to run as root; "" for the current user."""
    if os.getuid() != 0:
        return ""
    return "postgres" if "postgres" in {user.pw_name for user in pwd.getpwall()} else "nobody"


class PostgresServer:
    """A PostgreSQL server that creates databases. All addresses are those of SQLAlchemy."""

    QUICK = (
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "shared_buffers=32MB",
        "max_wal_size=64MB",
    )

    def __init__(self, admin: str, token: str) -> None:
        self._admin: URL = make_url(admin).set(drivername="postgresql+psycopg")
        # Distinguishes the databases of this run on a server that others use too.
        self._token = token

    @classmethod
    def shared(cls, run: Path) -> Self:
        """Return the server of this test run; the first worker starts it."""
        if given := os.environ.get("LMS_TEST_POSTGRES_URL"):
            return cls(given, run.name.replace("-", "_"))
        server = cls(f"postgresql://passerelle@/postgres?host={run / 'postgres'}", "test")
        with locked(run / "postgres.lock"):
            if not (run / "postgres").exists():
                server._start(run)
        return server

    def _start(self, run: Path) -> None:
        binaries = find_postgres()
        if binaries is None:
            raise RuntimeError(INSTALL["postgresql"])
        process = Guarded(run, "postgres", unprivileged_user())
        data = process.folder / "data"
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "passerelle", "-E", "UTF8", "--no-sync"]
        command = [*initdb, "--locale=C", "--auth=trust"]
        groups: list[int] | None = [] if process.user else None
        user = process.user or None
        made = subprocess.run(
            command, cwd=process.folder, capture_output=True, check=False, user=user, extra_groups=groups
        )
        if made.returncode:
            raise RuntimeError(made.stderr.decode(errors="replace"))
        options = [part for setting in self.QUICK for part in ("-c", setting)]
        # No network: the socket is in a folder that only its owner can open.
        place = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={process.folder}"]
        process.start(str(binaries / "postgres"), "-D", str(data), *place, *options)
        process.wait_until_ready(self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), self._connect():
            return True
        return False

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        address = self._admin.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(address, autocommit=True, connect_timeout=10)

    def url(self, database: str) -> str:
        return self._admin.set(database=database).render_as_string(hide_password=False)

    def template(self, name: str, prepare: Callable[[str], None]) -> str:
        """Create a database once in each run; `prepare(url)` fills it and closes its connections."""
        database = f"{self._token}_{name}"
        with self._connect() as admin:
            # An advisory lock that ends with the connection; other workers wait for it.
            admin.execute("SELECT pg_advisory_lock(hashtext(%s))", [database])
            if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                self._create(admin, database, "template1")
                try:
                    prepare(self.url(database))
                except BaseException:
                    self._drop(admin, database)
                    raise
        return database

    def fresh_database(self, template: str = "template1") -> str:
        """Return the address of a new copy of a template."""
        database = f"{self._token}_{secrets.token_hex(6)}"
        with self._connect() as admin:
            self._create(admin, database, template)
        return self.url(database)

    def drop(self, url: str) -> None:
        """Drop a database and close the connections to it."""
        with self._connect() as admin:
            self._drop(admin, str(make_url(url).database))

    def drop_all(self) -> None:
        """Drop all databases of this run, on a server that the tests do not stop."""
        with self._connect() as admin:
            found = admin.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [self._token + "_"]
            )
            for (name,) in found.fetchall():
                self._drop(admin, str(name))

    @staticmethod
    def _create(admin: psycopg.Connection[tuple[object, ...]], name: str, template: str) -> None:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )

    @staticmethod
    def _drop(admin: psycopg.Connection[tuple[object, ...]], name: str) -> None:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


class RedisServer:
    """A Redis server of one worker, or the given one."""

    def __init__(self, run: Path) -> None:
        self._process: Guarded | None = None
        given = os.environ.get("LMS_TEST_REDIS_URL")
        self.url = given or f"redis://127.0.0.1:{free_port()}/0"
        if given is None:
            self._start(run)

    def _start(self, run: Path) -> None:
        binary = find_redis()
        if binary is None:
            raise RuntimeError(INSTALL["redis"])
        self._process = Guarded(run, f"redis-{secrets.token_hex(4)}")
        port = self.url.rsplit(":", 1)[1].removesuffix("/0")
        place = ["--bind", "127.0.0.1", "--port", port, "--dir", str(self._process.folder)]
        self._process.start(binary, *place, "--save", "", "--appendonly", "no")
        self._process.wait_until_ready(self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError), redis.Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False

    def empty(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushdb()

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
