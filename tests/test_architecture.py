"""The rules of docs/map.md as tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from jinja2 import Environment, nodes

from config import Settings
from lms.i18n.refusals import SENTENCES
from lms.jobs import MAIL_RENDERERS
from lms.models import MAIL_KINDS
from lms.refusal_codes import RefusalCode
from lms.web.pages import ENUMS
from tests.support.school import School

ROOT = Path(__file__).resolve().parent.parent
CODE = sorted(p for p in (ROOT / "lms").rglob("*.py") if "migrations" not in p.parts)
TEMPLATES = sorted((ROOT / "lms/templates").rglob("*.html"))
HTML_MAILS = [path for path in TEMPLATES if path.parent.name == "mail"]
MAILS = sorted((ROOT / "lms/templates/mail").rglob("*.txt"))
STYLES = sorted((ROOT / "lms/static/css").rglob("*.css"))

# The layer of a module by its name after `lms.`; the longest match counts.
LAYERS = {
    "clock": 0,
    "extensions": 0,
    "normal_forms": 0,
    "refusal_codes": 0,
    "write_gate": 0,
    "schema_version": 0,
    "models": 1,
    "domain": 2,
    "adapters": 3,
    "forms": 3,
    "access": 3,
    "current": 3,
    "web": 3,
    "i18n": 3,
    "notifications": 3,
    "assets": 3,
    "links": 3,
    "inbox_addresses": 3,
    "limits": 3,
    "event_log": 3,
    "jobs": 4,
    "file_jobs": 4,
    "upload_jobs": 4,
    "digest_job": 4,
    "inbox_job": 4,
    "cli": 4,
    "blueprints": 4,
    "demo": 4,
    "": 5,
    "serve": 5,
    "http_server": 5,
}
# Within the domain: each may use what stands before it.
DOMAIN = {
    "errors": 0,
    "outbox": 0,
    "audit_log": 0,
    "paging": 0,
    "failed_messages": 1,
    "people": 1,
    "lessons": 2,
    "homework": 3,
    "booking": 3,
    "calendars": 4,
    "manual_messages": 4,
    "notices": 4,
    "statistics": 4,
    "stored_files": 4,
    "today": 4,
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


def layer(name: str) -> int:
    first = name.split(".")[1] if "." in name else ""
    assert first in LAYERS, f"{name} has no layer: give it one in LAYERS and in docs/map.md"
    return LAYERS[first]


def test_the_rules_see_the_files_that_they_are_about() -> None:
    """Otherwise they would hold of nothing, and all of them would pass."""
    assert len(CODE) > 150
    assert len(TEMPLATES) > 90
    assert len(STYLES) > 10
    assert len(list(inside("lms.domain."))) > 100
    assert len(list(inside("lms.blueprints."))) > 5


def test_imports_go_down_never_up() -> None:
    offenders = [
        f"{name} imports {used} from a higher layer"
        for name, path in MODULES.items()
        for used in sorted(set(imports(path)))
        if layer(used) > layer(name)
    ]
    assert offenders == []


def inside(part: str) -> Iterator[tuple[str, str]]:
    """Each module of a part with each module of the same part that it imports."""
    for name, path in MODULES.items():
        if name.startswith(part):
            for used in sorted(set(imports(path))):
                if used.startswith(part):
                    yield name, used


def test_the_features_of_the_domain_know_each_other_in_one_direction() -> None:
    offenders = []
    for name, used in inside("lms.domain."):
        own, other = name.split(".")[2], used.split(".")[2]
        if other != own and DOMAIN[other] >= DOMAIN[own]:
            offenders.append(f"{name} imports {used}")
    assert offenders == []


def test_absolute_addresses_come_from_one_place() -> None:
    glued = re.compile(r"base_url(?:\(\))?\}[/{]|base_url \+|\+ .*base_url")
    offenders = [name for name, path in MODULES.items() if glued.search(path.read_text())]
    assert offenders == ["lms.links"]
    assert [path.name for path in TEMPLATES + MAILS if "base_url" in path.read_text()] == []


def test_blueprints_do_not_know_each_other() -> None:
    offenders = [
        f"{name} imports {used}"
        for name, used in inside("lms.blueprints.")
        if name.split(".")[2] != used.split(".")[2]
    ]
    assert offenders == []


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


def test_nothing_is_imported_inside_a_function() -> None:
    offenders = [
        f"{module_name(path)}:{inner.lineno}"
        for path in CODE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert offenders == []


def test_below_the_third_layer_nobody_knows_the_request() -> None:
    offenders = []
    for path in CODE:
        if layer(module_name(path)) >= 3:
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and node.module in ("flask", "flask_login", "flask_babel"):
                names = {alias.name for alias in node.names}
                if names & {"request", "session", "g", "current_user"} or path.name != "extensions.py":
                    offenders.append(f"{module_name(path)} imports {sorted(names)} from {node.module}")
    assert offenders == []


def test_only_current_looks_up_what_belongs_to_the_application() -> None:
    """`lms/__init__.py` stores it; `write()` lies below and keeps the one thing it wakes for itself."""
    owners = {"lms", "lms.current", "lms.extensions"}
    offenders = [
        f"{name}:{node.lineno}"
        for name, path in MODULES.items()
        if name not in owners
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "extensions"
    ]
    assert offenders == []


DECORATORS = {
    "app_template_global",
    "template_global",
    "app_template_filter",
    "template_filter",
    "app_template_test",
    "template_test",
    "app_context_processor",
    "context_processor",
}


def decorators(node: ast.FunctionDef) -> set[str]:
    called = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    return {one.attr for one in called if isinstance(one, ast.Attribute)}


def domain_names(path: Path) -> set[str]:
    """What a file calls the session, `write` and the modules and functions of the domain."""
    return {"db", "write"} | {
        alias.asname or alias.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lms.domain")
        for alias in node.names
    }


def reaching(path: Path, names: set[str]) -> set[str]:
    """The functions of a file that use one of these names, themselves or through each other."""
    used = {
        node.name: {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef)
    }
    found: set[str] = set()
    while more := {name for name, uses in used.items() if uses & (names | found)} - found:
        found |= more
    return found


def test_what_every_template_finds_asks_the_database_nothing() -> None:
    """A view hands to its template what that shows. Registered by decorator or by a call."""
    offenders = []
    for name, path in MODULES.items():
        asking = reaching(path, domain_names(path))
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef) and decorators(node) & DECORATORS and node.name in asking:
                offenders.append(f"{name}.{node.name}")
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in DECORATORS
            ):
                used = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
                offenders += [f"{name}:{node.lineno}" for _ in used & (asking | domain_names(path))]
    assert offenders == []


def test_only_write_commits() -> None:
    offenders = [
        f"{module_name(path)}:{node.lineno}"
        for path in CODE
        if path.name != "extensions.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in ("commit", "begin_twophase")
    ]
    assert offenders == []


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]


def test_a_migration_imports_nothing_that_changes_with_the_application() -> None:
    offenders = [
        f"{path.name} {name}"
        for path in sorted((ROOT / "lms/migrations/versions").glob("*.py"))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imported(node)
        if name.split(".")[0] in ("lms", "config") and name != "lms.migrations"
    ]
    assert offenders == []


def test_the_audit_log_is_only_added_to() -> None:
    offenders = [
        f"{module_name(path)}:{node.lineno}"
        for path in CODE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] in ("update", "delete")
        and any("AuditEvent" in ast.unparse(argument) for argument in node.args)
    ]
    assert offenders == []


def test_the_clock_and_the_environment_have_one_reader() -> None:
    environment = re.compile(r"os\.environ|os\.getenv|getenv\(")
    clock = re.compile(r"datetime\.now\(|date\.today\(|datetime\.utcnow\(|\btime\.time\(")
    offenders = []
    for path in CODE:
        source = path.read_text()
        if environment.search(source) or (path.name != "clock.py" and clock.search(source)):
            offenders.append(module_name(path))
    assert offenders == []


def test_every_route_says_who_may_enter(school: School) -> None:
    closed = [
        rule.rule
        for rule in school.app.url_map.iter_rules()
        if not getattr(school.app.view_functions[rule.endpoint], "allowed", None)
    ]
    assert closed == []


def test_no_address_holds_a_counter(school: School) -> None:
    assert [rule.rule for rule in school.app.url_map.iter_rules() if "<int:" in rule.rule] == []


# Static files and the addresses that monitors, cards and mails know are not written in pages.
WRITTEN_ADDRESS = re.compile(
    r"""(?:href|action)="/|(?<!["'\w])(?<!strip\()["']/(?:[a-z][a-z/-]*)?["']\s*[,)~]|redirect\(f?["']/"""
)


def test_pages_write_addresses_with_url_for() -> None:
    pages = [path for path in TEMPLATES if "mail" not in path.parts]
    views = [path for path in CODE if "blueprints" in path.parts]
    offenders = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (*pages, *views)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if WRITTEN_ADDRESS.search(line) and not line.startswith("@bp.")
    ]
    assert offenders == []


# Pages have none (CSP). Mail programs know nothing else.
INLINE_STYLE = r"<style\b|\sstyle\s*="


def test_templates_hold_no_raw_html_no_inline_style_no_inline_script() -> None:
    forbidden = (
        r"\|\s*safe\b|autoescape\s+false",
        INLINE_STYLE,
        r"<script(?![^>]*\bsrc=)",
        r"\son[a-z]+\s*=\s*[\"']",
        r"javascript:",
    )
    offenders = [
        f"{path.relative_to(ROOT)}: {pattern}"
        for path in TEMPLATES
        for pattern in forbidden
        if re.search(pattern, path.read_text()) and not (pattern == INLINE_STYLE and path in HTML_MAILS)
    ]
    assert offenders == []


def test_no_template_uses_elements_of_old_browsers() -> None:
    offenders = [p.name for p in TEMPLATES if re.search(r"<(font|big|center)\b", p.read_text())]
    assert offenders == []


def test_every_html_mail_extends_the_one_base_and_has_its_plain_text() -> None:
    base = ROOT / "lms/templates/mail/frame.html"
    mails = [path for path in HTML_MAILS if path.name[0] != "_" and path != base]
    assert {path.stem for path in mails} == set(MAIL_KINDS)
    for path in mails:
        assert path.with_suffix(".txt").exists(), path.name
        above = path
        while above != base:
            extended = re.search(r'{% extends "(mail/\w+\.html)" %}', above.read_text())
            assert extended, f"{path.name}: {above.name} extends nothing of mail/"
            above = ROOT / "lms/templates" / extended[1]


def test_mails_have_the_colours_of_the_pages(school: School) -> None:
    """They cannot read our style sheet, so the values stand twice."""
    light, dark = (ROOT / "lms/static/css/app/2-tokens.css").read_text().split("prefers-color-scheme: dark")
    parts = school.app.jinja_env.get_template("mail/_parts.html").module
    for scheme, colours in ((light, "LIGHT"), (dark, "DARK")):
        tokens = dict(re.findall(r"--([\w-]+): (#\w+);", scheme))
        written = getattr(parts, colours)
        assert written == {name: tokens[name] for name in written}


def test_styles_say_start_and_end_never_left_and_right() -> None:
    forbidden = (
        (
            r"(?<!safe-area-)(?:margin|padding|border|inset)-(?:left|right|top|bottom)"
            r"|(?<![\w-])(?:left|right)\s*:|:\s*(?:left|right)\b"
        ),
        r"!important",
        r"http(?!://www\.w3\.org/2000/svg)",
    )
    offenders = []
    for path in STYLES:
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        offenders += [f"{path.name}: {pattern}" for pattern in forbidden if re.search(pattern, text)]
    assert offenders == []


def members() -> set[str]:
    """The values of all enums of the application: states, modes, roles, channels and the like."""
    return {
        str(line.value.value)
        for path in CODE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and "StrEnum" in map(ast.unparse, node.bases)
        for line in node.body
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant)
    }


def parsed(path: Path) -> nodes.Template:
    return Environment(autoescape=True, extensions=["jinja2.ext.i18n", "jinja2.ext.do"]).parse(
        path.read_text()
    )


def decisive(template: nodes.Template) -> Iterator[nodes.Node]:
    """What a template compares, looks up in a dictionary, or runs through; of a tuple the first item."""
    yield from template.find_all(nodes.Compare)
    for table in template.find_all(nodes.Dict):
        yield from (pair.key for pair in table.items)
    for each in template.find_all(nodes.Filter):
        if each.name in ("selectattr", "rejectattr"):
            yield from each.args[2:]
    for loop in template.find_all(nodes.For):
        for items in loop.iter.find_all(nodes.List):
            yield from (one.items[0] if isinstance(one, nodes.Tuple) else one for one in items.items)


def literals(node: nodes.Node) -> Iterator[nodes.Const]:
    if isinstance(node, nodes.Const):
        yield node
    yield from node.find_all(nodes.Const)


def test_templates_name_the_members_of_enums_and_write_no_values() -> None:
    """`HomeworkState.REDO` or a property: a string would stay when the value changes.

    Components know names of icons and colours, which are no states.
    """
    values = members()
    assert {"redo", "video", "no_show", "mail", "left"} <= values
    offenders = [
        f"{path.relative_to(ROOT)}:{literal.lineno}: {literal.value!r}"
        for path in (*TEMPLATES, *MAILS)
        if "components" not in path.parts
        for node in decisive(parsed(path))
        for literal in literals(node)
        if literal.value in values
    ]
    assert offenders == []


def test_every_member_that_a_template_names_exists() -> None:
    """A template takes an unknown name for nothing, and would show the wrong word."""
    enums = {enum.__name__: enum.__members__ for enum in ENUMS}
    named = [
        (path, node.lineno, node.node.name, node.attr)
        for path in (*TEMPLATES, *MAILS)
        for node in parsed(path).find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name) and node.node.name[0].isupper()
    ]
    assert named
    unknown = [
        f"{path.relative_to(ROOT)}:{line}: {enum}.{member}"
        for path, line, enum, member in named
        if member not in enums.get(enum, {})
    ]
    assert unknown == []
    assert {enum for _, _, enum, _ in named} == set(enums), "an enum that no template names"


LONGEST_TEMPLATE_LINE = 160


def test_no_line_of_a_template_is_too_long_to_read() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}:{number}: {len(line)} characters"
        for path in TEMPLATES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > LONGEST_TEMPLATE_LINE
    ]
    assert offenders == []


# What may hold a semicolon or a brace without ending anything: comments, strings, addresses.
OPAQUE = re.compile(r"/\*.*?\*/|\"[^\"]*\"|'[^']*'|url\([^)]*\)", re.DOTALL)


def test_styles_hold_one_declaration_a_line() -> None:
    """Comments count as the lines that they fill, so that the numbers are those of the file."""
    offenders = []
    for path in STYLES:
        text = OPAQUE.sub(lambda found: "\n" * found[0].count("\n"), path.read_text())
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"[;{}]\s*[^\s;]", line) or re.search(r"[^\s{}]\s*\}", line):
                offenders.append(f"{path.relative_to(ROOT)}:{number}")
    assert offenders == []


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


def test_every_file_of_domain_adapters_and_blueprints_has_its_mirror() -> None:
    offenders = []
    for code, test in mirrored():
        path = ROOT / test
        candidates = [
            path.with_name(f"test_{path.name}"),
            path.with_suffix("") / f"test_{path.name}",
            # A package may be tested as one thing.
            path.parent.with_name(f"test_{path.parent.name}.py"),
        ]
        if not any(candidate.exists() for candidate in candidates):
            offenders.append(f"{code} has no {candidates[0].relative_to(ROOT)}")
    assert len(mirrored()) > 50
    assert offenders == []


def test_every_refusal_has_its_sentence() -> None:
    assert set(SENTENCES) == set(RefusalCode)


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


def test_every_refusal_code_is_documented_and_no_other() -> None:
    rows = [line for line in (ROOT / "docs/refusals.md").read_text().splitlines() if line.startswith("| `")]
    written = [code for row in rows for code in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(written) == sorted(RefusalCode)
