"""Nothing that a person or a stranger sends makes the house break: every route, field and header."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

import lms
from lms.clock import now
from lms.demo import builder
from lms.extensions import limiter
from tests import test_access as matrix
from tests.support.engines import postgres_template
from tests.support.pages import Element, filled, parse
from tests.support.school import School, copy_template, make_school, settings_for

__all__ = ["postgres_template"]  # a fixture
SOURCE = Path(lms.__file__).parent
PEOPLE = {
    "nobody": None,
    "learner": "Samira",
    "teacher": "Nadia Dubois",
    "coordinator": "Claire Renard",
    "social_worker": "Farid Amrani",
}
# They end the entry with which the others are asked; the matrix of routes and roles presses them.
SPARED = ("/readyz", "/logout", "/me/logins/end")
# What no page expects; dates at the ends of time, numbers no column holds, characters no database takes.
STRANGE: list[str | bytes] = [
    "",
    "\x00",
    "a\x00b",
    "\ud800".encode("utf-8", "surrogatepass"),
    b"\xff\xfe",
    "x" * 5_000,
    "9" * 25,
    "-1",
    "٣",
    "²",
    "0001-01-01",
    "9999-12-31",
    "9999-W52",
    "2026-W60",
    "https://[",
    "<script>alert(1)</script>",
    "\u202e\u2028\u0000",
    "%s%(name)s{0}",
]

LONG: list[str | bytes] = ["x" * 5_000, "9" * 25]
WORST: list[str | bytes] = ["a\x00b", *LONG, b"\xed\xa0\x80", "0001-01-01", "9999-12-31"]
# For what another page asks too: it is read by the same few functions.
AGAIN: list[str | bytes] = ["9" * 25]
VIDEO = "https://youtu.be/abcdefghijk?t=99999999999999999999"


def hours(teacher_id: str) -> list[str]:
    """Hours at the ends of time, and some that are none."""
    return [
        f"{teacher_id}.{when}"
        for when in ("00010101T0000", "99991231T2359", "99991231T2300", "20261341T0000", "20261122T0007")
    ]


@pytest.fixture
def school(demo_template: Path, tmp_path: Path) -> Iterator[School]:
    copy_template(demo_template, tmp_path)
    opened = make_school(settings_for(tmp_path), migrated=True)
    opened.write(matrix._complete)
    yield opened
    opened.close()


@pytest.fixture
def postgres_school(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    server = request.getfixturevalue("postgres")
    url = server.fresh_database(request.getfixturevalue("postgres_template"))
    opened = make_school(settings_for(tmp_path_factory.mktemp("pg"), database_url=url), migrated=True)
    builder.build(opened.app, now())
    opened.write(matrix._complete)
    yield opened
    opened.close()
    server.drop(url)


def questions(pattern: str) -> set[str]:
    """Every name that a view asks of the query or of the form."""
    found = set[str]()
    for path in (SOURCE / "blueprints").rglob("*.py"):
        found |= set(re.findall(pattern, path.read_text()))
    return found


def field_names() -> set[str]:
    """The fields of every form class, and what views read beside them."""
    names = questions(r'request\.form\.get\(\s*"(\w+)"')
    for path in (SOURCE / "forms").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
                        names.add(part.targets[0].id)
    return {name for name in names if not name.startswith("_")}


class Cast:
    """Who and what there is, before anything is renamed."""

    def __init__(self, school: School) -> None:
        def found(session: Session) -> dict[str, str | None]:
            return {role: name and matrix._person(session, name).id for role, name in PEOPLE.items()}

        self.people = school.read(found)
        self.ids = {**school.read(matrix.things), "logins": "nobody", "notices": "nobody"}


class Stranger:
    """One role's browser that sends nonsense, and keeps a list of what broke."""

    asked: Sequence[str | bytes] = STRANGE
    typed: Sequence[str | bytes] = WORST
    again: Sequence[str | bytes] = AGAIN

    def __init__(self, school: School, role: str, tried: set[tuple[str, str]], cast: Cast) -> None:
        if school.engine.dialect.name == "postgresql":
            # What it alone minds: the length of a column, the size of a number. Of NUL see `request_class`.
            self.asked, self.typed, self.again = LONG[1:], LONG, LONG[:1]
        self.school, self.role, self.tried, self.ids = school, role, tried, cast.ids
        self.person = cast.people[role]
        self.teacher = str(cast.people["teacher"])
        self.client: FlaskClient = school.visitor(self.person).client
        self.broken: list[str] = []
        self.sent = 0

    def first(self, where: str, what: str) -> bool:
        """Whether no role before this one has tried that."""
        if (where, what) in self.tried:
            return False
        self.tried.add((where, what))
        return True

    def rules(self, method: str) -> list[Rule]:
        roles = {"anyone"} if self.person is None else {"anyone", "someone", self.role}
        return [
            rule
            for rule in sorted(self.school.app.url_map.iter_rules(), key=lambda rule: rule.rule)
            if method in (rule.methods or set())
            and rule.rule not in SPARED
            and matrix.allowed(self.school, rule) & roles
        ]

    def address(self, rule: Rule) -> str:
        path = matrix.address(rule, self.ids)
        if self.role == "coordinator":
            path = path.replace(self.ids["exceptions"], self.ids["closures"])
        return path

    def ask(self, path: str, **more: Any) -> None:
        self._note("GET", path, more, self.client.get(path, **more))

    def token(self) -> str:
        card = parse(self.client.get("/card").get_data(as_text=True))
        return str(filled(card.all("form")[0])["csrf_token"])

    def post(self, path: str, data: Any, **more: Any) -> None:
        headers = {"Sec-Fetch-Site": "same-origin", **more.pop("headers", {})}
        body = urlencode(data, doseq=True)  # by hand: the client would make text of bytes
        kind = "application/x-www-form-urlencoded"
        answer = self.client.post(path, data=body, content_type=kind, headers=headers, **more)
        self._note("POST", path, data, answer)

    def _note(self, method: str, path: str, sent: Any, answer: Any) -> None:
        self.sent += 1
        if answer.status_code == 429:
            with self.school.app.app_context():
                limiter.reset()
        if answer.status_code >= 500:
            self.broken.append(f"{self.role}: {method} {path} {str(sent)[:160]}: {answer.status_code}")
        elif answer.mimetype == "text/html":
            assert "<script>alert" not in answer.get_data(as_text=True), f"{method} {path}"
        answer.close()


def quoted(value: str | bytes) -> str:
    return quote(value, safe="")


def strange_questions(stranger: Stranger) -> None:
    names = questions(r'request\.args(?:\.get\(|\[)\s*"(\w+)"')
    for rule in stranger.rules("GET"):
        module = stranger.school.app.view_functions[rule.endpoint].__module__.replace(".", "/")
        source = (SOURCE.parent / f"{module}.py").read_text()
        asked = sorted(name for name in names if f'"{name}"' in source)
        path = stranger.address(rule)
        for name in asked:
            if not stranger.first(f"GET {rule.rule}", name):
                continue
            more = hours(stranger.teacher) if name == "hour" else []
            values = stranger.asked if stranger.first("GET", name) else stranger.again
            for value in [*values, *more]:
                stranger.ask(f"{path}?{name}={quoted(value)}")


NO_IDS: tuple[str | bytes, ...] = ("\x00", "a\x00b", b"\xff", b"\xed\xa0\x80", "9" * 400)


def strange_ids(stranger: Stranger) -> None:
    token = stranger.token()
    for method in ("GET", "POST"):
        for rule in stranger.rules(method):
            if rule.arguments and stranger.first(f"{method} {rule.rule}", "<id>"):
                for value in NO_IDS:
                    words = [
                        matrix.put_in(w, quoted(value)) if w.startswith("<") else w
                        for w in rule.rule.split("/")
                    ]
                    if method == "GET":
                        stranger.ask("/".join(words))
                    else:
                        stranger.post("/".join(words), {"csrf_token": token})


def strange_forms(stranger: Stranger) -> None:
    """Every form as the pages show it, with one field at a time made strange; and all at once."""
    every = sorted(field_names())
    for rule in stranger.rules("POST"):
        if not stranger.first(f"POST {rule.rule}", "everything"):
            continue
        path, token = stranger.address(rule), stranger.token()
        if stranger.person is not None and stranger.role != "learner":
            path += f"?learner={stranger.ids['people']}"
        for value in stranger.typed:
            stranger.post(path, {**dict.fromkeys(every, value), "csrf_token": token})
    for action, values in forms_of(stranger):
        for name in values:
            where = re.sub(r"[2-9a-z]{14}", "ID", action.split("?")[0])
            if name == "csrf_token" or not stranger.first(
                f"POST {where}", re.sub(r"[0-9]+|-[2-9a-z]{14}", "N", name)
            ):
                continue
            more = hours(stranger.teacher) if name == "hour" else [VIDEO] * ("youtu" in str(values[name]))
            for value in [*(stranger.typed if stranger.first("POST", name) else stranger.again), *more]:
                fresh = {} if name == "request_id" else {"request_id": f"key{stranger.sent:09d}"}
                stranger.post(action, {**values, **fresh, name: value})


def forms_of(stranger: Stranger) -> list[tuple[str, dict[str, Any]]]:
    """Every form on every page this role may open."""
    found: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    paths = [stranger.address(rule) for rule in stranger.rules("GET")]
    if stranger.person is not None:
        hers = "" if stranger.role == "learner" else f"?learner={stranger.ids['people']}"
        paths += [f"/bookings/new{hers}", "/waitlist?change=1" + hers.replace("?", "&")]
    later = list[str]()
    for path in [*paths, *later]:
        answer = stranger.client.get(path, follow_redirects=True)
        if answer.mimetype != "text/html" or answer.status_code != 200:
            answer.close()
            continue
        root = parse(answer.get_data(as_text=True))
        forms = root.all("form")
        if path.startswith("/bookings/new"):
            confirm = [a.get("href") for a in root.all("a") if "confirm?" in a.get("href")][:1]
            for href in confirm:
                forms += parse(stranger.client.get(href).get_data(as_text=True)).all("form")
        for form in forms:
            if form.get("method").lower() == "post" and not form.get("action").endswith(("/logout", "/end")):
                action = form.get("action") or path
                values = {**pressed(form), **filled(form)}
                found.setdefault(
                    (re.sub(r"[2-9a-z]{14}", "ID", action), str(sorted(values))), (action, values)
                )
    return list(found.values())


def pressed(form: Element) -> dict[str, str]:
    """The last named button, and the first choice of what nobody chose."""
    buttons = [b for b in form.all("button") if b.get("name")]
    choices = form.all("input")[::-1]  # the first one is written last
    chosen = {i.get("name"): i.get("value") for i in choices if i.get("type") in ("radio", "checkbox")}
    return {**chosen, **{b.get("name"): b.get("value") for b in buttons[-1:]}}


def everything_strange(school: School) -> list[str]:
    tried, broken, sent = set[tuple[str, str]](), list[str](), 0
    cast = Cast(school)
    for role in PEOPLE:
        stranger = Stranger(school, role, tried, cast)
        strange_questions(stranger)
        strange_ids(stranger)
        strange_forms(stranger)
        broken += stranger.broken
        sent += stranger.sent
    assert sent > 1000
    assert {where for where, _what in tried} >= {
        f"POST {rule.rule}"
        for rule in school.app.url_map.iter_rules()
        if "POST" in (rule.methods or set()) and rule.rule not in SPARED
    }
    return broken


def test_nothing_strange_breaks_a_page(school: School) -> None:
    assert not (broken := everything_strange(school)), "\n".join(broken)


def test_nothing_strange_breaks_a_page_on_postgresql(postgres_school: School) -> None:
    """It knows the length of a column, which SQLite does not."""
    assert not (broken := everything_strange(postgres_school)), "\n".join(broken)
