"""`./dev bench`: speed as ratios to something measured in the same run, so that any machine will do.

`pages`: processor time of the server for pages against a bare Flask-Login page with 20 rows, and with ten
times as many people, submissions and appointments against the same with few (`--data 100x`: a hundred times).
`queue`: the list of copies and the way to the next one, on both databases: 10,000 that wait beside 100,000
answered, against ten that wait.
`memory`: of the server process, idle, under load (`--minutes 15`: twice so long) and with slow phones.
`phones`: pages of others while slow phones upload, against the same server idle; on waitress, and on a server
that does not buffer what it receives.
`photos`: 25 learners who send four photos of 12 megapixels at one instant, in seconds and megabytes, on two
cores that do nothing else.
`pieces`: how long the server takes for a piece of 256 kB of a file; pages of others while slow phones send
such pieces.

The exit code is 1 when something does not hold its bound; the last lines say what.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.support.school import make_demo_template
from tools import (
    bench_memory,
    bench_pages,
    bench_phones,
    bench_pieces,
    bench_queue,
    bench_report,
    bench_uploads,
)

PARTS = ("pages", "queue", "memory", "phones", "photos", "pieces")


def main(arguments: list[str] | None = None) -> int:
    """Measure the parts that are named, or all of them; return the exit code."""
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar=f"{{{','.join(PARTS)}}}")
    parser.add_argument("--data", choices=sorted(bench_pages.GROWTH), default="10x")
    parser.add_argument("--rounds", type=int, default=7, help="of each page; the median counts")
    parser.add_argument("--minutes", type=float, default=0.25, help="of each of the two loads of `memory`")
    options = parser.parse_args(arguments)
    parts = options.parts or PARTS
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        template = make_demo_template(folder / "template")
        if "pages" in parts:
            bench_pages.measure_pages(template, folder, options.data, options.rounds)
        if "queue" in parts:
            bench_queue.measure_queue(folder)
        if "memory" in parts:
            bench_memory.measure_memory(folder / "memory", template, 60 * options.minutes)
        if "phones" in parts:
            bench_phones.measure_phones(folder, template)
        if "photos" in parts:
            bench_uploads.many_photos(folder / "photos", template)
        if "pieces" in parts:
            bench_pieces.measure_pieces(folder / "pieces", template)
    for failure in bench_report.failures:
        print(f"does not hold: {failure}", flush=True)
    return 1 if bench_report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
