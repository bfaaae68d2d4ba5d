"""The web server of `./dev run`: waitress, with limits for bodies, uploads and idle connections.

A body is refused before it is received, by its route and its announced length. Uploads occupy half of the
threads at most. When there are too many connections, those go first that never sent a whole request.
"""

from __future__ import annotations

import resource
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from typing import Any
from weakref import WeakSet

from flask import Flask
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask

from lms.access import cookie_name
from lms.adapters.work_folder import free_bytes
from lms.current import settings_of
from lms.web.body_limits import MEGABYTE, NO_ROOM, TOO_LARGE, declared_cap
from lms.web.upload_slots import CROWDED

THREADS = 8
UPLOADS_AT_ONCE = 4
UPLOADS_WAITING = 100
# A smaller form is no upload: it is text, and costs no more than a page.
UPLOAD_BYTES = 64 * 1024
CONNECTIONS = 800
ACCEPTS_AT_ONCE = 64
FILES = 4096
# Seconds: for the head of a request, and for what somebody still sends after a refusal.
HEAD_WAIT = 30
DRAIN_WAIT = 5
DRAIN_BYTES = 32 * MEGABYTE


class BodyLimits:
    """Limits of the bodies that are received; the parser asks for each that is not small."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.settings = settings_of(app)
        self.cookie = cookie_name(self.settings, "session")
        self.arriving: WeakSet[Parser] = WeakSet()

    def cap(self, parser: Parser) -> int | None:
        """Return the declared cap of the route, for a request with the cookie of a login; else None."""
        try:
            known = SimpleCookie(parser.headers.get("COOKIE", ""))
        except CookieError:
            return None
        if self.cookie not in known:
            return None
        path = parser.path.encode("latin-1").decode("utf-8", "replace")
        return declared_cap(self.app, parser.command, path)

    def has_room(self, size: int) -> bool:
        """Return whether the disk has room for a body, and for the rest of those that are arriving."""
        coming: int = sum(parser.content_length - parser.body_bytes_received for parser in self.arriving)
        floor = self.settings.free_space_mb * MEGABYTE
        free = free_bytes(self.settings.temp) - coming - size
        return free >= floor


class Parser(HTTPRequestParser):
    refusal = ""
    is_upload = False
    ended: Callable[[], None] | None = None  # called when the request has been answered

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        limits: BodyLimits = self.adj.body_limits
        if self.chunked or self.content_length <= UPLOAD_BYTES:
            return
        cap = limits.cap(self)
        self.is_upload = cap is not None
        if self.content_length > (cap or MEGABYTE):
            self._refuse(TOO_LARGE)
        elif self.content_length > MEGABYTE:
            if limits.has_room(self.content_length):
                limits.arriving.add(self)
            else:
                self._refuse(NO_ROOM)

    def received(self, data: bytes) -> int:
        try:
            consumed: int = super().received(data)
        except OSError:  # no room for the file in which the body is received
            with suppress(OSError):  # what was still to be written into it
                self.close()
            self._refuse(NO_ROOM)
            self.completed = True
            return len(data)
        if self.chunked and not self.refusal and self.body_bytes_received > MEGABYTE:
            self._refuse(TOO_LARGE)
            self.completed = True
        # What follows a refused head is its body, never another request.
        return len(data) if self.refusal else consumed

    def close(self) -> None:
        super().close()
        ended, self.ended = self.ended, None
        if ended is not None:
            ended()

    def _refuse(self, why: str) -> None:
        """Hand the request to the application without its body: it answers with a page."""
        self.close()
        self.refusal, self.error, self.body_rcv = why, None, None
        self.content_length, self.expect_continue, self.connection_close = 0, False, True
        self.headers["CONNECTION"] = "close"


class Task(WSGITask):
    def set_close_on_finish(self) -> None:
        """Close the connection after the answer; the library does so after each one without a body.

        A phone would connect anew for every piece of a file (204).
        """
        asked = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or asked or self.version != "1.1":
            super().set_close_on_finish()

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        if self.request.refusal:
            environ[self.request.refusal] = True
        if self.channel.crowded:
            environ[CROWDED] = True
        return environ


class Channel(HTTPChannel):
    parser_class = Parser
    task_class = Task
    crowded = False
    served = False
    refused = False
    drains_until = 0.0
    drained = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.began = time.monotonic()  # of the connection, later of the head that arrives

    def received(self, data: bytes) -> bool:
        if self.request is None:
            self.began = time.monotonic()
        return bool(super().received(data))

    def handle_read(self) -> None:
        if not self.drains_until:
            super().handle_read()
            return
        try:
            self.drained += len(self.recv(self.adj.recv_bytes))
        except OSError:
            self.handle_close()
        if self.drained > DRAIN_BYTES:
            self.handle_close()

    def handle_close(self) -> None:
        """Close; after a refusal read first what is still being sent, or the answer would be lost."""
        if self.refused and not self.drains_until and self.connected:
            self.drains_until = time.monotonic() + DRAIN_WAIT
            self.will_close = self.close_when_flushed = False
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                super().handle_close()
            return
        super().handle_close()

    def is_overdue(self) -> bool:
        """Return whether the head of a request, or the end of a refused body, takes too long."""
        if self.drains_until:
            return time.monotonic() > self.drains_until
        waits_for_head = not self.served if self.request is None else not self.request.headers_finished
        return waits_for_head and time.monotonic() > self.began + HEAD_WAIT

    def rank(self) -> tuple[int, float] | None:
        """Return the place in the order in which connections are given up; None while it is answered."""
        if self.requests or self.total_outbufs_len or self.will_close:
            return None
        uploads = self.request is not None and self.request.is_upload
        return (2 if uploads else int(self.served), self.last_activity)


class Dispatcher(ThreadedTaskDispatcher):
    """Gives uploads half of the threads; the other uploads wait, in their order, and occupy none."""

    def __init__(self) -> None:
        super().__init__()
        self._running = 0
        self._waiting: deque[Channel] = deque()

    def add_task(self, channel: Any) -> None:
        request = channel.requests[0] if channel.requests else None
        channel.crowded, channel.served = False, True
        if request is None or not request.is_upload or request.refusal:
            channel.refused = request is not None and bool(request.refusal)
            super().add_task(channel)
            return
        with self.lock:
            if self._running >= UPLOADS_AT_ONCE and len(self._waiting) < UPLOADS_WAITING:
                self._waiting.append(channel)
                return
            channel.crowded = self._running >= UPLOADS_AT_ONCE
            self._running += not channel.crowded
        if not channel.crowded:
            request.ended = self._upload_ended
        super().add_task(channel)

    def _upload_ended(self) -> None:
        """Give the place of an upload to the next one that waits."""
        with self.lock:
            following = self._waiting.popleft() if self._waiting else None
            if following is None:
                self._running -= 1
        if following is not None:
            following.requests[0].ended = self._upload_ended
            super().add_task(following)


class Server(TcpWSGIServer):
    channel_class = Channel
    connections = CONNECTIONS

    def handle_accept(self) -> None:
        """Accept what waits; the library accepts one connection for each look at all of the others."""
        for _ in range(ACCEPTS_AT_ONCE):
            before = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == before:
                return
            self._make_room()

    def _make_room(self) -> None:
        """Give up one connection when there are too many: first one that never sent a whole request."""
        staying = [channel for channel in self.active_channels.values() if not channel.will_close]
        if len(staying) <= self.connections:
            return
        ranked = [(rank, channel) for channel in staying if (rank := channel.rank()) is not None]
        if ranked:
            min(ranked, key=lambda pair: pair[0])[1].will_close = True

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        for channel in self.active_channels.values():
            if channel.is_overdue():
                channel.will_close = True


def make_server(app: Flask, listener: socket.socket) -> Server:
    """Return the server of the application on a listening socket."""
    soft = _allow_files(FILES)
    settings = settings_of(app)
    adjustments = Adjustments(
        sockets=[listener],
        threads=THREADS,
        connection_limit=soft,  # `Server` gives connections up long before
        cleanup_interval=5,
        channel_timeout=120,
        asyncore_use_poll=True,  # select() breaks at the 1024th file
        # ProxyFix reads them, and without a proxy nothing does: waitress then deletes what a client forged.
        clear_untrusted_proxy_headers=settings.proxy_hops == 0,
        inbuf_overflow=UPLOAD_BYTES,  # of each slow upload no more is in memory, the rest in a file
        max_request_body_size=1 << 40,  # `Parser` refuses by route
        ident="",
    )
    adjustments.body_limits = BodyLimits(app)
    dispatcher = Dispatcher()
    dispatcher.set_thread_count(THREADS)
    place = (listener.family, listener.type, listener.proto, listener.getsockname())
    server = Server(
        app,
        {},
        True,
        listener,
        dispatcher=dispatcher,
        adj=adjustments,
        bind_socket=False,
        sockinfo=place,
    )
    # Each upload may have a file beside its connection, and the database and the worker have theirs.
    server.connections = min(CONNECTIONS, max(50, soft // 2 - 100))
    return server


def _allow_files(wanted: int) -> int:
    """Allow the process as many open files as it may have, up to `wanted`; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(soft, most) if soft != resource.RLIM_INFINITY else most
