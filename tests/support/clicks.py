"""What is pressed in a browser, counted: taps on a phone, clicks at a desk."""

from __future__ import annotations

from playwright.sync_api import Locator


class Clicks:
    """Counts what is pressed; typing counts for nothing, going into a field to type does."""

    def __init__(self) -> None:
        self.count = 0

    def press(self, control: Locator) -> None:
        """Press the first of these controls."""
        self.count += 1
        control.first.click()

    def check(self, job: str, at_most: int) -> None:
        """Report how many clicks the job took, and fail when they are too many."""
        print(f"{job}: {self.count} clicks, at most {at_most}")  # noqa: T201 the counted clicks are reported
        assert self.count <= at_most, job
