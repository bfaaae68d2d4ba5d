"""The code speaks the field's standard terms: words, names and docstrings (docs/glossary.md, ADR 17)."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from lms.models import BookingState, Channel, LoginKind, Mode, Outcome, Role, RuleMode, WaitlistOutcome
from lms.refusal_codes import RefusalCode

ROOT = Path(__file__).resolve().parent.parent

# Words that the glossary replaced; an old synonym that has gone is added here, so that it does not come back.
OLD_WORDS = {
    *("apart", "deed", "deeds", "errand", "finders", "house", "houses", "parcel", "placing", "shield"),
    *("texter", "unfit", "verb", "verbs", "whoever", "wish"),
}
# Pronouns, adverbs and an old synonym that name nothing, as whole names in the application.
OLD_LOCALS = {
    *("everybody", "everyone", "gone", "here", "hers", "lately", "news", "no", "of_it", "one", "service"),
    *("somebody", "stuck", "theirs", "there", "unasked", "wanting", "what", "when", "who", "whom"),
}
# Metaphors and pronouns of earlier comments and docstrings: the glossary has a standard term for each, and
# people are "the learner", "the teacher".
OLD_PROSE = {
    *("deed", "deeds", "edge", "errand", "floors", "goodbye", "her", "hers", "herself", "house", "houses"),
    *("living", "parcel", "she", "shield", "stranger", "strangers", "sweep", "sweeps", "telephone", "tells"),
    *("told", "verb", "verbs", "whoever", "wish", "wishes"),
}
# The first line of a function is an imperative: it begins with none of these.
NOT_IMPERATIVE = (
    "A|All|Also|An|As|At|Back|Each|Every|For|From|His|How|In|Its?|Nobody|None|No|Of|On|One|Only|Or|Per|She|"
    "Somebody|That|The|Their|There|This|To|Two|What|When|Where|Which|Why|With|Without|Yes"
)
# Names of functions that said nothing of what they do.
OLD_NAMES = {
    *("called_off", "detach", "expire_hers", "few_enough_open", "first_time", "found_an_hour"),
    *("free_at", "in_time", "kept_at", "look_again", "made_at", "made_by_id", "wall_start"),
    *("open_house", "sending_key", "take_back", "wait_for_whoever", "week_has_room"),
}

PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def python_files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "versions" not in path.parts]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def identifiers(path: Path) -> Iterator[tuple[int, str]]:
    """Every name that a file gives to something, with its line."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.lineno, node.name


def public_functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def test_no_identifier_is_a_word_of_the_old_vocabulary() -> None:
    offenders = [
        f"{place(path, line)} {name}"
        for path in python_files("lms", "tests", "tools")
        for line, name in identifiers(path)
        # The name of a test is a sentence about the school.
        if not name.startswith("test_")
        and (name.strip("_") in OLD_NAMES or {part.lower() for part in PARTS.findall(name)} & OLD_WORDS)
    ]
    assert offenders == []


def test_no_name_in_the_application_is_a_pronoun_or_an_adverb() -> None:
    offenders = [
        f"{place(path, line)} {name}"
        for path in python_files("lms")
        for line, name in identifiers(path)
        if name.strip("_") in OLD_LOCALS
    ]
    assert offenders == []


def test_docstrings_begin_with_what_is_done_and_not_with_a_pronoun() -> None:
    offenders = [
        f"{place(path, node.lineno)} {node.name}"
        for path in python_files("lms", "tools")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and re.match(r"\W*(Who|Whoever|What|Those|Whether)\b", ast.get_docstring(node) or "")
    ]
    assert offenders == []


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Every comment and docstring of a file, with its line."""
    source = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source, str(path))):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""


def helper_files() -> list[Path]:
    found = [path for path in python_files("tests/support", "tests/factories") if path.name[:5] != "test_"]
    return [*found, ROOT / "tests/conftest.py"]


def test_comments_and_docstrings_use_standard_terms() -> None:
    offenders = [
        f"{place(path, line)} {word}"
        for path in [*python_files("lms", "tools"), *helper_files()]
        for line, text in prose(path)
        for word in sorted(set(re.findall(r"[a-z]+", text.lower())) & OLD_PROSE)
    ]
    assert offenders == []


def test_the_docstring_of_a_function_begins_with_an_imperative() -> None:
    offenders = [
        f"{place(path, node.lineno)} {node.name}"
        for path in [*python_files("lms", "tools"), *helper_files()]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        and re.match(rf"\W*({NOT_IMPERATIVE})\b", ast.get_docstring(node) or "")
    ]
    assert offenders == []


def feature(path: Path) -> str:
    parts = path.relative_to(ROOT / "lms/domain").parts
    return parts[0] if len(parts) > 1 else path.stem


def test_two_public_functions_of_one_feature_never_share_a_name() -> None:
    named: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in python_files("lms/domain"):
        for node in public_functions(path):
            named[feature(path), node.name].append(place(path, node.lineno))
    assert [places for places in named.values() if len(places) > 1] == []


# -- refusals ------------------------------------------------------------------------------------


class Calls(ast.NodeVisitor):
    """The refusal codes that a function raises itself, and the functions of the domain that it calls."""

    def __init__(self, module: str, names: dict[str, str]) -> None:
        self.module, self.names = module, names
        self.codes: set[str] = set()
        self.called: set[str] = set()

    def visit_Try(self, node: ast.Try) -> None:
        caught = {
            each.id
            for handler in node.handlers
            if handler.type is not None
            for each in ast.walk(handler.type)
            if isinstance(each, ast.Name)
        }
        for part in [*node.handlers, *node.orelse, *node.finalbody] + (
            [] if "Refused" in caught else node.body
        ):
            self.visit(part)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Name):
            if function.id == "Refused" and node.args and isinstance(node.args[0], ast.Attribute):
                self.codes.add(RefusalCode[node.args[0].attr])
            self.called.add(self.names.get(function.id, f"{self.module}.{function.id}"))
        elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            self.called.add(f"{self.names.get(function.value.id, '')}.{function.attr}")
        self.generic_visit(node)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def refusals() -> dict[str, set[str]]:
    """Function of the domain -> every code it may raise, those of the functions it calls included."""
    found: dict[str, Calls] = {}
    for path in python_files("lms/domain"):
        names: dict[str, str] = {}
        for node in tree(path).body:
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("lms.domain"):
                names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef):
                calls = Calls(module_name(path), names)
                for part in node.body:
                    calls.visit(part)
                found[f"{module_name(path)}.{node.name}"] = calls
    codes = {name: set(calls.codes) for name, calls in found.items()}
    grew = True
    while grew:
        grew = False
        for name, calls in found.items():
            wider = codes[name].union(*(codes.get(called, set()) for called in calls.called))
            grew |= wider != codes[name]
            codes[name] = wider
    return codes


def test_a_public_function_of_the_domain_names_its_refusals() -> None:
    codes = refusals()
    offenders = []
    for path in python_files("lms/domain"):
        for node in public_functions(path):
            said = ast.get_docstring(node) or ""
            missing = sorted(
                code for code in codes[f"{module_name(path)}.{node.name}"] if f"`{code}`" not in said
            )
            if missing:
                offenders.append(f"{place(path, node.lineno)} {node.name}: {', '.join(missing)}")
    assert offenders == []


def test_every_public_function_says_what_it_does() -> None:
    offenders = [
        f"{place(path, node.lineno)} {node.name}"
        for path in python_files("lms/domain", "lms/adapters", "lms/web")
        for node in public_functions(path)
        if not ast.get_docstring(node)
    ]
    assert offenders == []


def test_the_actor_stands_second_and_time_is_named() -> None:
    offenders = []
    for path in python_files("lms/domain"):
        for node in tree(path).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            by_place = [argument.arg for argument in node.args.args]
            by_name = [argument.arg for argument in node.args.kwonlyargs]
            defaults = {
                argument.arg
                for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                if default is not None
            }
            if (
                {"now", "zone", "by"} & set(by_place)
                or {"now", "zone"} & defaults
                or "actor" in by_name
                or ("actor" in by_place[2:] or (by_place[:1] == ["actor"] and "session" in by_place))
            ):
                offenders.append(f"{place(path, node.lineno)} {node.name}")
    assert offenders == []


# -- enums ---------------------------------------------------------------------------------------

# Without DayKind, whose words many things have, and AuditAction: kinds of messages have the same words,
# and `record` is typed.
ENUMS = (RefusalCode, Role, LoginKind, Channel, Outcome, BookingState, WaitlistOutcome, Mode, RuleMode)
# Functions and keywords whose argument is a member of an enum.
TAKES_MEMBER = {
    "Refused",
    "RejectedFile",
    "CalendarError",
    "record",
    "allow",
    "has_role",
    "close_item",
    "open_login",
    "new_booking",
    "_release_offer",
    "_close_entry",
}
MEMBER_KEYWORDS = {"role", "channel", "outcome", "code", "action", "state", "mode"}


def bare_words(node: ast.AST) -> list[ast.expr]:
    """The places of a comparison or call in which a member of an enum may stand."""
    if isinstance(node, ast.Compare):
        if ast.unparse(node.comparators[0]) == "self":
            return []  # the name of a field of a form
        sides = [node.left, *node.comparators]
        inner = [
            each for side in sides if isinstance(side, ast.Tuple | ast.Set | ast.List) for each in side.elts
        ]
        return [*sides, *inner]
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        named = [word.value for word in node.keywords if word.arg in MEMBER_KEYWORDS]
        return [*(node.args if name in TAKES_MEMBER else []), *named]
    return []


def test_a_value_of_an_enum_is_never_compared_or_passed_as_a_bare_string() -> None:
    values = {member.value for words in ENUMS for member in words}
    offenders = [
        f"{place(path, word.lineno)} {word.value!r}"
        for path in python_files("lms")
        for node in ast.walk(tree(path))
        for word in bare_words(node)
        if isinstance(word, ast.Constant) and isinstance(word.value, str) and word.value in values
    ]
    assert offenders == []
