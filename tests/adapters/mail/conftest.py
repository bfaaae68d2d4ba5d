from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.mail.raw_server import Inbox, smtp_server


@pytest.fixture(scope="module")
def plain_server() -> Iterator[Inbox]:
    with smtp_server() as inbox:
        yield inbox


@pytest.fixture
def inbox(plain_server: Inbox) -> Inbox:
    plain_server.got.clear()
    plain_server.answers.clear()
    return plain_server
