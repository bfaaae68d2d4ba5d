"""Processes that are forked from one that has imported the application: imports take longer than a start.

The module of their function is imported by each of them, unless it is imported before: see the preload.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask
from jinja2 import FileSystemBytecodeCache

from config import ROOT
from lms import serve

# What a server imports when it starts, and the holidays of all countries at its first page with an hour.
LATER = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "lms" / "blueprints").rglob("*.py")
    if path.stem != "__init__"
]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__, "tests.faults.race", "holidays.countries", *LATER])


def share_compiled_templates(folder: Path) -> None:
    """Let every application of this process compile only the templates that none of this run has compiled."""
    Flask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(str(folder))}


def run_server(port: int, environ: Mapping[str, str], log: Path, compiled: dict[str, Any]) -> NoReturn:
    """Run the server in this process as `python -m lms.serve` would, with its output in a file."""
    Flask.jinja_options = compiled
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(ROOT)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(output, number)
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115
    sys.exit(serve.main(["--port", str(port)]))
