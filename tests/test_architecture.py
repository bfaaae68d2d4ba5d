"""The rules of the house as tests, so that they cannot rot (docs/map.md says why each stands)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from config import Settings
from lms.i18n.refusals import SENTENCES
from lms.jobs import MAIL_RENDERERS
from lms.models import MAIL_KINDS
from tests.support.school import School

ROOT = Path(__file__).resolve().parent.parent
CODE = sorted(p for p in (ROOT / "lms").rglob("*.py") if "migrations" not in p.parts)
TEMPLATES = sorted((ROOT / "lms/templates").rglob("*.html"))
STYLES = sorted((ROOT / "lms/static/css").rglob("*.css"))

# The floor of a module by its name after `lms.`; the longest match counts.
FLOORS = {
    "clock": 0,
    "extensions": 0,
    "models": 1,
    "domain": 2,
    "adapters": 3,
    "forms": 3,
    "access": 3,
    "web": 3,
    "i18n": 3,
    "notifications": 3,
    "assets": 3,
    "limits": 3,
    "jobs": 4,
    "cli": 4,
    "blueprints": 4,
    "demo": 4,
    "": 5,
    "serve": 5,
}
# Within the domain: each may use what stands before it.
DOMAIN = {
    "errors": 0,
    "outbox": 0,
    "audit_log": 0,
    "people": 1,
    "lessons": 2,
    "homework": 3,
    "booking": 3,
    "calendars": 4,
    "manual_messages": 4,
    "statistics": 4,
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


MODULES = {module_name(path): path for path in CODE}


def imports(path: Path) -> Iterator[str]:
    """Every module of ours that a file imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "lms")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "lms":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


def floor(name: str) -> int:
    first = name.split(".")[1] if "." in name else ""
    assert first in FLOORS, f"{name} stands on no floor: give it one in FLOORS and in docs/map.md"
    return FLOORS[first]


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_down_never_up(name: str) -> None:
    for used in set(imports(MODULES[name])):
        assert floor(used) <= floor(name), f"{name} imports {used} from a higher floor"


@pytest.mark.parametrize("name", [n for n in MODULES if n.startswith("lms.domain.")])
def test_the_features_of_the_domain_know_each_other_in_one_direction(name: str) -> None:
    own = name.split(".")[2]
    for used in set(imports(MODULES[name])):
        if used.startswith("lms.domain."):
            other = used.split(".")[2]
            assert other == own or DOMAIN[other] < DOMAIN[own], f"{name} imports {used}"


@pytest.mark.parametrize("name", [n for n in MODULES if n.startswith("lms.blueprints.")])
def test_blueprints_do_not_know_each_other(name: str) -> None:
    own = name.split(".")[2]
    for used in set(imports(MODULES[name])):
        if used.startswith("lms.blueprints."):
            assert used.split(".")[2] == own, f"{name} imports {used}"


def test_no_two_modules_import_each_other_in_a_circle() -> None:
    graph = {name: {used for used in imports(path) if used != name} for name, path in MODULES.items()}
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> None:
        assert name not in way, " -> ".join([*way[way.index(name) :], name])
        if name not in done:
            for used in sorted(graph.get(name, ())):
                # A package and its own parts: Python loads the package first, that is no circle of ours.
                if not name.startswith(used + "."):
                    walk(used, [*way, name])
            done.add(name)

    for name in graph:
        walk(name, [])


@pytest.mark.parametrize("path", CODE, ids=module_name)
def test_nothing_is_imported_inside_a_function(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [n.lineno for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
            assert not inner, f"{path.name}:{inner}"


@pytest.mark.parametrize("path", [p for p in CODE if floor(module_name(p)) < 3], ids=module_name)
def test_below_the_third_floor_nobody_knows_the_request(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module in ("flask", "flask_login", "flask_babel"):
            names = {alias.name for alias in node.names}
            assert not names & {"request", "session", "g", "current_user"}, path
            assert path.name == "extensions.py", f"{path} imports {node.module}"


@pytest.mark.parametrize("path", CODE, ids=module_name)
def test_only_write_commits(path: Path) -> None:
    calls = [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in ("commit", "begin_twophase")
    ]
    assert not calls or path.name == "extensions.py", f"{path}:{calls}"


@pytest.mark.parametrize("path", CODE, ids=module_name)
def test_the_clock_and_the_environment_have_one_reader(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"os\.environ|os\.getenv|getenv\(", source), path
    if path.name != "clock.py":
        assert not re.search(r"datetime\.now\(|date\.today\(|datetime\.utcnow\(|\btime\.time\(", source), path


def test_every_route_says_who_may_enter(school: School) -> None:
    closed = [
        rule.rule
        for rule in school.app.url_map.iter_rules()
        if not getattr(school.app.view_functions[rule.endpoint], "allowed", None)
    ]
    assert closed == []


def test_no_address_holds_a_counter(school: School) -> None:
    assert [rule.rule for rule in school.app.url_map.iter_rules() if "<int:" in rule.rule] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT / "lms/templates")))
def test_templates_hold_no_raw_html_no_inline_style_no_inline_script(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\|\s*safe\b|autoescape\s+false", text)
    assert not re.search(r"<style\b|\sstyle\s*=", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text)
    assert "javascript:" not in text


@pytest.mark.parametrize("path", STYLES, ids=lambda p: p.name)
def test_styles_say_start_and_end_never_left_and_right(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    physical = (
        r"(?<!safe-area-)(?:margin|padding|border|inset)-(?:left|right|top|bottom)"
        r"|(?<![\w-])(?:left|right)\s*:|:\s*(?:left|right)\b"
    )
    assert re.findall(physical, text) == []
    assert "!important" not in text
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", text)


def does_something(path: Path) -> bool:
    """Whether a file holds a function or a public method; names and exceptions alone need no test."""
    return any(
        isinstance(node, ast.FunctionDef) and not node.name.startswith("__") for node in ast.walk(tree(path))
    )


def mirrored() -> list[tuple[str, str]]:
    pairs = []
    for part in ("domain", "adapters", "blueprints"):
        for path in sorted((ROOT / "lms" / part).rglob("*.py")):
            inner = path.relative_to(ROOT / "lms" / part)
            if not does_something(path) or inner == Path("__init__.py"):
                continue
            if path.name == "__init__.py":
                inner = inner.parent.with_suffix(".py")
            pairs.append((f"lms/{part}/{path.relative_to(ROOT / 'lms' / part)}", f"tests/{part}/{inner}"))
    return pairs


@pytest.mark.parametrize(("code", "test"), mirrored(), ids=lambda value: value)
def test_every_file_of_domain_adapters_and_blueprints_has_its_mirror(code: str, test: str) -> None:
    path = ROOT / test
    candidates = [
        path.with_name(f"test_{path.name}"),
        path.with_suffix("") / f"test_{path.name}",
        # A package may be tested as one thing.
        path.parent.with_name(f"test_{path.parent.name}.py"),
    ]
    assert any(c.exists() for c in candidates), f"{code} has no {candidates[0].relative_to(ROOT)}"


def refusal_codes() -> set[str]:
    codes = set()
    for path in CODE:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and node.args:
                called = node.func.id if isinstance(node.func, ast.Name) else None
                if called in ("Refused", "Unfit") and isinstance(node.args[0], ast.Constant):
                    codes.add(str(node.args[0].value))
    return codes


def test_every_refusal_has_its_sentence() -> None:
    assert refusal_codes() - set(SENTENCES) == set()


def operations() -> str:
    return (ROOT / "docs/operations.md").read_text()


def test_the_map_names_every_folder() -> None:
    written = (ROOT / "docs/map.md").read_text()
    # Python leaves folders of its own (`__pycache__`), also where a package was removed.
    folders = [
        path for path in (ROOT / "lms").iterdir() if path.name[0] not in "_." and any(path.glob("[!_.]*"))
    ]
    assert len(folders) > 10
    assert [p.name for p in folders if f"`lms/{p.name}/`" not in written] == []


def test_every_setting_is_documented() -> None:
    names = set(re.findall(r"\bLMS_[A-Z_]+\b", (ROOT / "config.py").read_text())) - {"LMS_TEST_"}
    assert len(names) >= len(fields(Settings)) - 2
    assert {name for name in names if f"`{name}`" not in operations()} == set()


def test_every_kind_of_mail_has_a_writer_its_texts_and_a_line_in_the_docs() -> None:
    assert set(MAIL_RENDERERS) == set(MAIL_KINDS)
    for kind in MAIL_KINDS:
        for ending in ("subject.txt", "txt", "html"):
            assert (ROOT / f"lms/templates/mail/{kind}.{ending}").exists(), f"{kind}.{ending}"
        assert f"`{kind}`" in operations(), kind


def test_every_command_is_documented(school: School) -> None:
    own = {name for name in school.app.cli.commands if name not in ("db", "run", "shell", "routes")}
    assert {name for name in own if f"`flask {name}" not in operations()} == set()


def test_every_refusal_code_is_documented() -> None:
    written = (ROOT / "docs/refusals.md").read_text()
    assert {code for code in SENTENCES if f"`{code}`" not in written} == set()
