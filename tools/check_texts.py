"""Part of ./dev lint: every template compiles, every sentence is translated.

French is the msgid itself and needs no catalogue. `python -m tools.check_texts --update` writes what is to be
translated into the catalogues.
"""

from __future__ import annotations

import functools
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment, FileSystemLoader, TemplateSyntaxError, meta

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("en", "ar", "uk", "tr")
# The team reads French or English: other languages need no sentence that is only in files with this line.
FOR_THE_TEAM = re.compile(r"^(# Read by the team alone\.|\{# Read by the team alone\. #\})$", re.MULTILINE)
TEAM_LANGUAGES = ("en",)
KEYWORDS = {**DEFAULT_KEYWORDS, "_l": None, "lazy_gettext": None}
HEAD: dict[str, Any] = {
    "project": "Passerelle",
    "header_comment": "# Passerelle",
    "charset": "utf-8",
    "fuzzy": False,
}
PLACEHOLDER = re.compile(r"%\(\w+\)\w|%%")


class AnyName(dict[str, Any]):
    """Filters and tests come from the application; whether they exist is seen when its pages are tested."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name, str)


def template_faults(root: Path) -> Iterator[str]:
    folder = root / "lms" / "templates"
    loader = FileSystemLoader(folder)
    pages = Environment(loader=loader, autoescape=True, extensions=["jinja2.ext.i18n", "jinja2.ext.do"])
    pages.filters, pages.tests = AnyName(pages.filters), AnyName(pages.tests)
    for name in loader.list_templates():
        source = (folder / name).read_text(encoding="utf-8")
        try:
            pages.compile(source, name)
        except TemplateSyntaxError as error:
            yield f"lms/templates/{name}:{error.lineno}: {error.message}"
            continue
        for wanted in meta.find_referenced_templates(pages.parse(source)):
            if wanted is not None and not (folder / wanted).is_file():
                yield f"lms/templates/{name}: there is no template {wanted}"


def extract(root: Path) -> Catalog:
    """Return the sentences of the code and the templates."""
    with (root / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file, "babel.cfg")
    catalog = Catalog(**HEAD)
    found = extract_from_dir(
        root, methods, options, KEYWORDS, comment_tags=("i18n:",), strip_comment_tags=True
    )
    for path, _line, message, comments, context in found:
        # Without line numbers: a catalogue changes only when a sentence does.
        catalog.add(message, None, [(path, 0)], auto_comments=comments, context=context)
    return catalog


def sentences(catalog: Catalog) -> set[str]:
    return {str(message.id) for message in catalog if message.id}


@functools.cache
def is_for_the_team(path: Path) -> bool:
    return bool(FOR_THE_TEAM.search(path.read_text(encoding="utf-8")))


def said_in(language: str, catalog: Catalog, root: Path) -> Catalog:
    """Return the sentences that a language needs: all of them, or those that learners read."""
    kept = Catalog(**HEAD)
    for message in catalog:
        paths = [root / path for path, _line in message.locations]
        if message.id and (
            language in TEAM_LANGUAGES or not paths or not all(is_for_the_team(path) for path in paths)
        ):
            kept[message.id] = message
    return kept


def _has_placeholders(message: Message) -> bool:
    """Return whether a translation has the placeholders of the French.

    The words of a number may leave the number out, as those for one or none do; the last form has it.
    """
    if isinstance(message.id, str):
        return sorted(PLACEHOLDER.findall(message.id)) == sorted(PLACEHOLDER.findall(str(message.string)))
    expected, texts = sorted(PLACEHOLDER.findall(message.id[-1])), list(message.string or ())
    forms = [sorted(PLACEHOLDER.findall(text)) for text in texts]
    return all(texts) and all(set(form) <= set(expected) for form in forms) and forms[-1] == expected


def catalogue_faults(path: Path, wanted: set[str]) -> Iterator[str]:
    with path.open("rb") as file:
        catalog = read_po(file, abort_invalid=True)
    name = f"{path.parent.parent.name}/{path.name}"
    if catalog.fuzzy:
        yield f"{name}: the catalogue is marked fuzzy"
    for message in catalog:
        source, target = str(message.id), str(message.string)
        if not source or source not in wanted:
            continue
        if not target.strip():
            yield f"{name}: not translated: {source!r}"
        elif message.fuzzy:
            yield f"{name}: fuzzy: {source!r}"
        elif not _has_placeholders(message):
            yield f"{name}: other placeholders than in French: {source!r} -> {target!r}"

    for source in sorted(wanted - sentences(catalog)):
        yield f"{name}: missing: {source!r}"
    for source in sorted(sentences(catalog) - wanted):
        yield f"{name}: said nowhere any more: {source!r}"


def translation_faults(root: Path) -> Iterator[str]:
    folder = root / "lms" / "translations"
    template = folder / "messages.pot"
    if not template.exists() and not list(folder.glob("*/LC_MESSAGES/*.po")):
        return
    said = extract(root)
    wanted = sentences(said)
    listed: set[str] = set()
    if template.exists():
        with template.open("rb") as file:
            listed = sentences(read_po(file))
    if listed != wanted:
        yield "messages.pot is not what the code says: python -m tools.check_texts --update"
    for language in LANGUAGES:
        path = catalogue(root, language)
        if path.exists():
            yield from catalogue_faults(path, sentences(said_in(language, said, root)))
        else:
            yield f"{language}: there is no catalogue"


def catalogue(root: Path, language: str) -> Path:
    return root / "lms" / "translations" / language / "LC_MESSAGES" / "messages.po"


def update(root: Path) -> None:
    now = extract(root)
    write(now, root / "lms" / "translations" / "messages.pot")
    for language in LANGUAGES:
        path = catalogue(root, language)
        known = Catalog(locale=language, **HEAD)
        if path.exists():
            with path.open("rb") as file:
                known = read_po(file, locale=language)
        # No guesses from similar sentences: an empty line is honest.
        known.update(said_in(language, now, root), no_fuzzy_matching=True, update_creation_date=False)
        write(known, path)


def write(catalog: Catalog, path: Path) -> None:
    text = io.BytesIO()
    write_po(text, catalog, width=110, sort_output=True, ignore_obsolete=True, include_lineno=False)
    # Dates and empty mail headers would change the file when no sentence did.
    lines = text.getvalue().decode().splitlines(keepends=True)
    noise = (
        '"Language-Team',
        '"POT-Creation-Date',
        '"PO-Revision-Date',
        '"Report-Msgid',
        '"Last-Translator',
        '"Generated-By',
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line for line in lines if not line.startswith(noise)), encoding="utf-8")


def main(arguments: list[str]) -> int:
    if arguments == ["--update"]:
        update(ROOT)
        return 0
    faults = [*template_faults(ROOT), *translation_faults(ROOT)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
