"""Compile the translations into the wheel: the repository holds only their sources.

Run by hatchling (see pyproject.toml). The catalogues are compiled outside the source tree, so that a build
neither changes a checkout nor ships what an earlier `./dev run` left in it.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = "lms/translations/*/LC_MESSAGES/*.po"


class CompileTranslations(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self.compiled = TemporaryDirectory()
        root = Path(self.root)
        sources = sorted(root.glob(SOURCES))
        if not sources:
            raise RuntimeError(f"there is nothing to compile: {SOURCES}")
        for source in sources:
            inside = source.relative_to(root).with_suffix(".mo")
            target = Path(self.compiled.name) / inside
            target.parent.mkdir(parents=True)
            with source.open("rb") as text, target.open("wb") as catalogue:
                # As ./dev does: whether a sentence may be fuzzy is a question for ./dev lint.
                write_mo(catalogue, read_po(text, abort_invalid=True), use_fuzzy=True)
            build_data["force_include"][str(target)] = str(inside)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        self.compiled.cleanup()
