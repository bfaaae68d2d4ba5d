from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.texter.gateway import Gateway, running


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with running() as started:
        yield started
