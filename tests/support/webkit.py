"""WebKit, the engine of every browser on an iPhone, as Debian packs it; without a screen, under Xvfb."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import WebKitGTK, WebKitGTKOptions
from selenium.webdriver.webkitgtk.service import Service

DRIVER = "WebKitWebDriver"
SCREEN = "1280x1024x24"


def find_webkit() -> Path | None:
    """Return the small browser that the driver starts; None when a part is missing."""
    if not shutil.which(DRIVER) or not shutil.which("Xvfb"):
        return None
    found = sorted(Path("/usr/lib").glob("*/webkit*gtk-*/MiniBrowser"))
    return found[-1] if found else None


@contextmanager
def running_webkit(browser: Path) -> Iterator[WebKitGTK]:
    """Start a screen that nobody sees, and the browser on it with an empty profile."""
    ours, theirs = os.pipe()
    screen = subprocess.Popen(
        [str(shutil.which("Xvfb")), "-displayfd", str(theirs), "-screen", "0", SCREEN, "-nolisten", "tcp"],
        pass_fds=(theirs,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    try:
        with os.fdopen(ours) as told:
            display = f":{told.readline().strip()}"
        options = WebKitGTKOptions()
        options.binary_location = str(browser)
        options.add_argument("--automation")
        environ = {**os.environ, "DISPLAY": display, "LC_ALL": "C.UTF-8"}
        driver = WebKitGTK(options, Service(str(shutil.which(DRIVER)), env=environ))
        try:
            yield driver
        finally:
            driver.quit()
    finally:
        screen.terminate()
        screen.wait()
