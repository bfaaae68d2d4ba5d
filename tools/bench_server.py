"""The server of `./dev bench pages`: waitress for every application alike, and its processor time."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import waitress
from flask import Flask


class Served:
    """An application behind waitress, in threads of this process that do nothing else."""

    def __init__(self, port: int, threads: set[threading.Thread]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._clocks = [time.pthread_getcpuclockid(thread.ident) for thread in threads if thread.ident]

    def processor_time(self) -> float:
        """Return the seconds that the server has worked until now."""
        return sum(time.clock_gettime(clock) for clock in self._clocks)

    def answer(
        self,
        expected: int,
        path: str,
        cookie: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        content_type: str = "",
    ) -> None:
        """Ask for a page and read it; the status must be the expected one."""
        headers = {"Cookie": cookie, "Host": "localhost"}
        if content_type:
            headers["Content-Type"] = content_type
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == expected, f"{path}: {answer.status}"

    def close(self) -> None:
        self._connection.close()


@contextmanager
def served(app: Flask) -> Iterator[Served]:
    """Serve an application as long as it is measured."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue of one is no news here
    before = set(threading.enumerate())
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    # Two threads: the only one would still be busy with the end of an answer when the next question comes.
    server = waitress.create_server(app, sockets=[listener], threads=2, clear_untrusted_proxy_headers=True)
    loop = threading.Thread(target=server.run, daemon=True)
    loop.start()
    serving = Served(listener.getsockname()[1], set(threading.enumerate()) - before)
    try:
        yield serving
    finally:
        serving.close()
        server.task_dispatcher.shutdown()
        server.trigger.pull_trigger(server.close)  # in its own thread, which reads from what is closed
        loop.join()
