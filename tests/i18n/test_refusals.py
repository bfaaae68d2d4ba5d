"""Every refusal in the code has a sentence, and every hole in a sentence is filled by the code."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

import pytest
from flask_babel import force_locale

from config import ROOT
from lms.adapters import external_calendar
from lms.adapters.media import types
from lms.domain.errors import Refused
from lms.i18n import languages, refusals
from lms.refusal_codes import RefusalCode
from tests.support.school import School

HOLE = re.compile(r"%\((\w+)\)")


def raised() -> Iterator[tuple[RefusalCode, frozenset[str], str]]:
    """Each `Refused(code, name=...)` of the code: its codes, the names that it gives, and where."""
    for path in sorted((ROOT / "lms").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused" and node.args:
                # "asked" fills no hole: it chooses what is said after the sentence.
                names = frozenset(word.arg or "**" for word in node.keywords) - {"asked"}
                for code in codes(node.args[0]):
                    yield code, names, f"{path.relative_to(ROOT)}:{node.lineno}"


def codes(argument: ast.expr) -> list[RefusalCode]:
    if isinstance(argument, ast.Attribute) and ast.unparse(argument.value) == "RefusalCode":
        return [RefusalCode[argument.attr]]
    if isinstance(argument, ast.IfExp):
        return [*codes(argument.body), *codes(argument.orelse)]
    if isinstance(argument, ast.Call) and isinstance(argument.args[0], ast.JoinedStr):
        start = str(getattr(argument.args[0].values[0], "value", ""))
        return [code for code in RefusalCode if code.startswith(start)]
    return []  # a variable: what files and calendars are refused for, see below


@pytest.mark.parametrize(("code", "given", "place"), list(raised()))
def test_the_holes_of_a_sentence_are_filled_where_it_is_refused(
    school: School, code: RefusalCode, given: frozenset[str], place: str
) -> None:
    assert code in refusals.SENTENCES, place
    for language in languages.WITH_CATALOGUE:
        with school.app.test_request_context(), force_locale(language.code):
            sentence = str(refusals.SENTENCES[code])
            assert set(HOLE.findall(sentence)) == given, f"{place} in {language.code}: {sentence}"
            said = refusals.sentence(Refused(code, **dict.fromkeys(given, 7)))
            assert "%" not in said, f"{place} in {language.code}: {said}"


CODES = types.CODES | external_calendar.CODES


def test_what_a_file_or_a_calendar_is_refused_for_has_no_hole(school: School) -> None:
    """These codes reach `Refused` through a variable, without values."""
    with school.app.test_request_context():
        for code in (
            *CODES,
            RefusalCode.QUOTA_FULL,
            RefusalCode.STORE_FULL,
            RefusalCode.KIND_PHOTO,
            RefusalCode.KIND_VOICE,
            RefusalCode.KIND_DOCUMENT,
        ):
            assert "%" not in refusals.sentence(Refused(code)), code


def test_no_sentence_is_without_a_place_that_says_it() -> None:
    said = (
        {code for code, _names, _place in raised()}
        | CODES
        | {"store_full", "file_busy", "door_photo_kind", "captions_encoding"}
        # Stored as the reason why a mail waits or is refused.
        | {"mail_too_big", "mail_unreadable", "mail_doubtful", "mail_old_address"}
    )
    assert set(refusals.SENTENCES) - said == set()


def test_a_sentence_is_said_in_the_language_of_the_page(school: School) -> None:
    said = set()
    for language in languages.WITH_CATALOGUE:
        with school.app.test_request_context(), force_locale(language.code):
            said.add(refusals.sentence(Refused(RefusalCode.SLOT_TAKEN)))
    assert len(said) == len(languages.WITH_CATALOGUE)


KINDS = ("photo", "voice", "document")
OF_FILES = (
    RefusalCode.FILE_EMPTY,
    RefusalCode.FILE_BROKEN,
    RefusalCode.FILE_TOO_BIG,
    RefusalCode.FILE_TOO_HEAVY,
    RefusalCode.FILE_TOO_SLOW,
    RefusalCode.FILE_KIND,
    RefusalCode.FILE_VIDEO,
    RefusalCode.FILE_MACROS,
)


def combinations() -> list[tuple[str, ...]]:
    return [kinds for size in range(4) for kinds in itertools.combinations(KINDS, size)]


def test_a_refused_file_is_never_answered_with_what_the_assignment_does_not_accept(school: School) -> None:
    words, offenders = {"photo": "photo", "voice": "voix", "document": "PDF"}, []
    with school.app.test_request_context():
        for code, asked, kinds in itertools.product(OF_FILES, ("", *KINDS), combinations()):
            _, _, advice = refusals.sentence(Refused(code, asked=asked), kinds).partition(". ")
            unwanted = set(KINDS) - ({asked} if asked in kinds else set(kinds))
            if not advice or any(words[kind] in advice for kind in unwanted):
                offenders.append((code, asked, kinds, advice))
    assert offenders == []


@pytest.mark.parametrize(
    ("code", "asked", "kinds", "said"),
    [
        ("file_empty", "photo", KINDS, "Ce fichier est vide. Prenez la photo encore une fois."),
        ("file_broken", "voice", KINDS, "Ce fichier est abîmé. Enregistrez votre voix encore une fois."),
        ("file_broken", "", ("voice",), "Ce fichier est abîmé. Enregistrez votre voix encore une fois."),
        (
            "file_broken",
            "document",
            ("document", "text"),
            "Ce fichier est abîmé. Envoyez le document encore une fois.",
        ),
        (
            "file_broken",
            "document",
            ("photo", "voice"),
            "Ce fichier est abîmé. Envoyez une photo ou votre voix.",
        ),
        ("file_too_big", "voice", KINDS, "Ce fichier est trop lourd. Enregistrez un message plus court."),
        ("file_kind", "voice", KINDS, "Nous ne lisons pas ce son. Enregistrez votre voix."),
        (
            "file_kind",
            "document",
            KINDS,
            "Nous ne lisons pas ce fichier. Envoyez un PDF ou un document Word.",
        ),
        (
            "file_kind",
            "",
            KINDS,
            "Nous ne lisons pas ce fichier. Envoyez une photo, votre voix ou un PDF.",
        ),
        ("file_kind", "photo", ("text",), "Nous ne lisons pas ce fichier. Écrivez votre texte."),
        ("file_video", "voice", ("photo", "voice"), "C’est une vidéo. Enregistrez votre voix."),
        ("kind_photo", "", ("voice", "text"), "Ce devoir se fait sans photo. Enregistrez votre voix."),
        (
            "nothing_to_send",
            "",
            ("voice", "text"),
            "Il n’y a rien à envoyer. Enregistrez votre voix. Vous pouvez aussi écrire.",
        ),
        ("nothing_to_send", "", ("text",), "Il n’y a rien à envoyer. Écrivez votre texte."),
        (
            "file_encrypted",
            "document",
            KINDS,
            "Ce fichier a un mot de passe. Envoyez-le sans mot de passe.",
        ),
    ],
)
def test_a_refusal_says_what_happened_and_what_this_assignment_accepts(
    school: School, code: str, asked: str, kinds: tuple[str, ...], said: str
) -> None:
    with school.app.test_request_context():
        refusal = Refused(RefusalCode(code), asked=asked)
        assert refusals.sentence(refusal, kinds) == said
