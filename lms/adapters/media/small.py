"""Make a photo small enough for our own pages, and clean as any other. Runs in the child process."""

from pathlib import Path

from lms.adapters.media.decode import Facts, serve
from lms.adapters.media.photo import clean, save_within, shrink

SIDE, BYTES = 1000, 120_000


def look(source: Path, work: Path) -> Facts:
    """Check and clean a photo, save it as a small JPEG and return its facts."""
    picture = clean(source)
    shrink(picture, SIDE)
    return save_within(picture, work / "small.jpg", BYTES, (80, 70, 60, 50, 40, 30, 20), role="web")


if __name__ == "__main__":
    serve(look)
