"""What journeys share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserType


@pytest.fixture(scope="module")
def hearing(
    browser: Browser, browser_type: BrowserType, browser_type_launch_args: dict[str, Any]
) -> Iterator[Browser]:
    """A browser with a microphone, into which somebody speaks all the time.

    `browser`: where there is none at all, the test is skipped as all others.
    """
    spoken = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    more = {**browser_type_launch_args, "args": [*browser_type_launch_args["args"], *spoken]}
    opened = browser_type.launch(**more)
    yield opened
    opened.close()
