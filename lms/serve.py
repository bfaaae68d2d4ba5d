"""Start an instance: database migration, demo school, job worker, web server."""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import gc
import os
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from types import FrameType
from typing import IO

from flask import Flask

from config import IS_CHECKOUT, ConfigError, Settings
from lms import create_app
from lms.adapters import qr
from lms.clock import now
from lms.current import jobs_of
from lms.demo import builder
from lms.event_log import configure_logs
from lms.extensions import db
from lms.http_server import make_server
from lms.schema_version import migrate_database, newest_version, stored_version

PORTS_TRIED = 20
_M_ARENA_MAX = -8  # of mallopt(3)


def make_app() -> Flask:
    """Create the application for `flask --app lms.serve:make_app` and WSGI servers.

    Starts no worker and no migration.
    """
    return _create_app(_settings_or_exit())


def _share_memory_pools() -> None:
    """Let the threads share two memory pools, where the C library gives each its own (glibc).

    Each pool keeps what its thread needed at most: after a hundred photos they held 30 MB of nothing.
    """
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _create_app(settings: Settings) -> Flask:
    """Create the application of this process; all libraries write their temporary files into its folder."""
    app = create_app(settings)
    tempfile.tempdir = str(settings.temp)  # waitress writes large requests and answers there
    gc.collect()
    gc.freeze()  # what stays as long as the process is not looked through again between requests
    return app


def _migrate(app: Flask) -> None:
    """Migrate the database to the newest version, if it is at another one, and fill what is not SQL."""
    with app.app_context():
        with db.engine.connect() as connection:
            stored = stored_version(connection)
        if stored != newest_version():
            migrate_database()
            jobs_of(app).store_conflicts()


def free_port(host: str, wanted: int) -> socket.socket:
    """Return a listening socket on the wanted port or the next free one.

    Raises SystemExit when the next `PORTS_TRIED` ports are taken.
    """
    last: OSError | None = None
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(1024)
        except OSError as error:
            listener.close()
            last = error
        else:
            return listener
    raise SystemExit(f"No free port from {wanted} to {wanted + PORTS_TRIED - 1}: {last}")


def local_address() -> str:
    """Return the address under which other devices of the local network reach this machine.

    Raises SystemExit without a network.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: the system only chooses the address to send from
        except OSError:
            raise SystemExit("This machine is in no network that a phone could share.") from None
        return str(probe.getsockname()[0])


def claim_instance(settings: Settings, address: str) -> IO[str]:
    """Lock the instance for this server as long as the returned file is open.

    Raises SystemExit when another server runs on it; the file says where that one answers.
    """
    settings.instance.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.instance / "server.lock"
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    try:
        # Not flock(): a child process would keep that lock when this one is killed.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        running = file.read().strip() or "another process that is starting"
        file.close()
        raise SystemExit(
            f"This instance runs already: {running}\nIts folder is {settings.instance}"
        ) from None
    file.truncate(0)
    file.write(f"{address} (process {os.getpid()})\n")
    file.flush()
    return file


def main(arguments: list[str] | None = None) -> int:
    """Run the server until it is stopped; return the exit code."""
    parser = argparse.ArgumentParser(prog="./dev run")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=_port, default=8000)
    parser.add_argument(
        "--phone", action="store_true", help="listen on the local network and show a card for a phone"
    )
    options = parser.parse_args(arguments)
    configure_logs()
    _share_memory_pools()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)

    host = "0.0.0.0" if options.phone else options.host  # noqa: S104 that is what --phone is for
    listener = free_port(host, options.port)
    port = listener.getsockname()[1]
    # Links in mails and on cards must lead to this server.
    name = local_address() if options.phone else "localhost"
    settings = _settings_or_exit(base_url=f"http://{name}:{port}")
    if options.phone and not settings.demo:
        raise SystemExit("--phone is for trying the demo school, and refused without it and in production.")
    claim = claim_instance(settings, f"http://{host}:{port}")
    if port != options.port:
        print(f"Port {options.port} is busy: using {port} instead.", flush=True)
    app = _create_app(settings)
    _migrate(app)
    greeting = _demo(app, settings)
    stop_worker = jobs_of(app).start_worker()
    server = make_server(app, listener)
    print(f"\nPasserelle: {settings.base_url}  (Ctrl-C stops it)", flush=True)
    if settings.mail_host is None:
        print(f"Mail is written to {settings.instance / 'mail'}", flush=True)
    print(greeting, flush=True)
    if options.phone:
        print(_card_for_phone(app), flush=True)
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        server.close()
        stop_worker()
        claim.close()
        print("Passerelle has stopped.", flush=True)
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    # A second signal while stopping changes nothing.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise SystemExit(0)


def _demo(app: Flask, settings: Settings) -> str:
    """Create the demo school on the first start; return the text that says how each person logs in."""
    with app.app_context():
        empty = builder.is_empty(db.session())
        db.session.remove()
    if not settings.demo:
        return _not_open_yet() if empty else ""
    if empty:
        print("Making the demo school ...", flush=True)
        builder.build(app, now())
    lines = [f"  {account.name:<14} {account.code:<10} {account.way}" for account in builder.accounts(app)]
    return "\n".join(["", "Demo accounts (the PIN of every card is 1234):", *lines])


def _card_for_phone(app: Flask) -> str:
    """Return the link of a learner's card in the demo school, and its QR code."""
    link = next(account.way for account in builder.accounts(app) if account.code)
    heading = "\nA learner's card for the phone in your hand (same Wi-Fi, PIN 1234):"
    return "\n".join([heading, link, qr.draw_in_terminal(link)])


def _not_open_yet() -> str:
    command = "./dev init" if IS_CHECKOUT else "flask --app lms.serve:make_app init"
    return f"The school is not open yet. With the same settings, type:\n  {command}"


def _port(raw: str) -> int:
    if not (raw.isascii() and raw.isdigit() and int(raw) <= 65535):
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 65535, not {raw!r}")
    return int(raw)


def _settings_or_exit(base_url: str | None = None) -> Settings:
    try:
        return Settings.from_env(default_base_url=base_url)
    except ConfigError as error:
        raise SystemExit("The settings are not right:\n- " + "\n- ".join(error.faults)) from None


if __name__ == "__main__":
    sys.exit(main())
