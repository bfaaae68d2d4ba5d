"""Static files: hashed, compressed copies under the instance folder, served by WhiteNoise in front of Flask.

A folder inside ``static/css`` or ``static/js`` is one bundle: ``css/app/*.css`` is served as ``css/app.css``.
Every other file is served as it is. There is no build step when installing: this runs at start.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from wsgiref.headers import Headers
from wsgiref.types import WSGIApplication

import brotli
from whitenoise import WhiteNoise

from lms.adapters.work_folder import delete_unused, work_folder

PREFIX = "/static/"
KEPT_BUILDS = 3
COMPRESSIBLE = {".css", ".js", ".svg", ".webmanifest", ".json", ".txt"}
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Manifest:
    """The folder of the served copies, and the name of each file there."""

    folder: Path
    names: Mapping[str, str] = field(default_factory=dict)

    def url(self, path: str) -> str:
        """Return the address of a static file; an unknown name is a programming error and raises KeyError."""
        return PREFIX + self.names[path]


def _bundle(folder: Path) -> bytes:
    pieces = []
    for piece in sorted(folder.iterdir()):
        if piece.is_file() and piece.suffix in {".css", ".js"}:
            body = piece.read_bytes().strip()
            # A block gives each script its own scope, like a module.
            pieces.append(b"{\n" + body + b"\n}" if piece.suffix == ".js" else body)
    return b"\n".join(pieces) + b"\n"


def _sources(static_folder: Path) -> dict[str, bytes]:
    """Return the content of each served file by its name without hash, the bundles concatenated."""
    found: dict[str, bytes] = {}
    bundles = [
        folder
        for kind in ("css", "js")
        if (static_folder / kind).is_dir()
        for folder in sorted((static_folder / kind).iterdir())
        if folder.is_dir()
    ]
    for folder in bundles:
        found[f"{folder.parent.name}/{folder.name}.{folder.parent.name}"] = _bundle(folder)
    for path in sorted(static_folder.rglob("*")):
        if path.is_file() and not path.name.startswith(".") and not any(b in path.parents for b in bundles):
            found[path.relative_to(static_folder).as_posix()] = path.read_bytes()
    return found


def _hashed(name: str, content: bytes) -> str:
    stem, dot, suffix = name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:12]
    return f"{stem}.{digest}{dot}{suffix}"


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    if target.suffix not in COMPRESSIBLE:
        return
    for suffix, packed in (
        (".gz", gzip.compress(content, 9, mtime=0)),
        (".br", brotli.compress(content, quality=11)),
    ):
        if len(packed) < len(content):
            Path(f"{target}{suffix}").write_bytes(packed)


def build(static_folder: Path, out: Path) -> Manifest:
    """Write the served copies under ``out`` unless they are there, and return their manifest.

    The copies of one state of the sources lie in one folder, named by their content and put in place by a
    single rename: two processes that start together both get the same complete folder.
    """
    sources = _sources(static_folder)
    names = {name: _hashed(name, content) for name, content in sources.items()}
    state = hashlib.sha256("\n".join(sorted(names.values())).encode()).hexdigest()[:16]
    folder = out / state
    manifest = Manifest(folder, names)
    if folder.is_dir():
        os.utime(folder)
        return manifest
    out.mkdir(parents=True, exist_ok=True)
    delete_unused(out, pattern=".draft-*")
    with work_folder(out, ".draft-") as draft:
        for name, content in sources.items():
            _write(draft / names[name], content)
        draft.chmod(0o755)
        try:
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first, with the same content
                raise
    _prune(out, folder)
    return manifest


def _prune(out: Path, current: Path) -> None:
    """Delete all but the last few builds: a server of the previous version may still answer."""
    others = [p for p in out.iterdir() if p.is_dir() and p != current and not p.name.startswith(".")]
    others.sort(key=lambda p: p.stat().st_mtime, reverse=True)
    for old in others[KEPT_BUILDS - 1 :]:
        shutil.rmtree(old, ignore_errors=True)


def serve(wsgi_app: WSGIApplication, manifest: Manifest, headers: Mapping[str, str]) -> WSGIApplication:
    """Answer ``/static/...`` from the built copies with the common headers, pass the rest to the app."""
    common = {**headers, **ALWAYS}

    def add_headers(answer: Headers, path: str, url: str) -> None:
        for name, value in common.items():
            answer[name] = value

    front = WhiteNoise(
        wsgi_app,
        immutable_file_test=lambda path, url: True,
        add_headers_function=add_headers,
        allow_all_origins=False,
    )
    front.add_files(str(manifest.folder), prefix=PREFIX)
    served: WSGIApplication = front
    return served
