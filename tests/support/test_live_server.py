from __future__ import annotations

import urllib.request
from pathlib import Path

from tests import factories
from tests.support.live_server import LiveServer


def test_a_served_school_answers_and_outlives_a_kill(tmp_path: Path) -> None:
    server = LiveServer(tmp_path).start()
    try:
        server.school().write(lambda s: factories.samira(s).id)
        server.kill()
        server.start()
        with urllib.request.urlopen(f"{server.url}/readyz") as answer:
            assert answer.status == 200
    finally:
        server.stop()
    assert "Passerelle has stopped." in server.output()
