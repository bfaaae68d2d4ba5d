"""The extra `scale`: the application under granian, as docs/operations.md says."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.granian_server import GranianServer


def test_granian_serves_the_application_and_ends_when_told(tmp_path: Path) -> None:
    with GranianServer(tmp_path) as server:
        assert server.process.poll() is None, server.output()
        with urllib.request.urlopen(f"{server.url}/healthz", timeout=20) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"{server.url}/login", timeout=20) as page:
            assert b'lang="fr"' in page.read()
    assert server.process.returncode == 0
    assert "Traceback" not in server.output()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{server.url}/healthz", timeout=5)
