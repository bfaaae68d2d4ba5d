"""An SMS gateway on loopback that records what it receives and can answer with errors or slowly."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Gateway:
    """`answers`: status codes of the answers. `drip`: seconds between the bytes of an endless answer."""

    answers: int = 200
    location: str = ""
    drip: float = 0
    url: str = ""
    received: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)


@contextlib.contextmanager
def running() -> Iterator[Gateway]:
    gateway, over = Gateway(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            gateway.received.append((self.path, dict(self.headers), json.loads(body)))
            if gateway.drip:
                self._drip()
                return
            self.send_response(gateway.answers)
            if gateway.location:
                self.send_header("Location", gateway.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _drip(self) -> None:
            with contextlib.suppress(OSError):
                for _ in range(100):
                    self.wfile.write(b"H")
                    self.wfile.flush()
                    over.wait(gateway.drip)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    gateway.url = f"http://127.0.0.1:{server.server_address[1]}/texts?v=1"
    try:
        yield gateway
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
