"""`flask worker`: the job worker as a process of its own."""

from __future__ import annotations

import signal
import threading

import click
from flask.cli import with_appcontext

from lms.current import jobs
from lms.event_log import configure_logs


@click.command("worker")
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1, 16))
@with_appcontext
def command(threads: int) -> None:
    """Send messages and run the periodic jobs until Ctrl-C or SIGTERM."""
    configure_logs()
    stop_requested = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop_requested.set())
    stop = jobs().start_worker(threads)
    click.echo("The worker is at work.")
    stop_requested.wait()
    stop()
    click.echo("The worker has stopped.")
