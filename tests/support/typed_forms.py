"""The forms of the school into which somebody writes, found by reading its pages as a person would."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from wtforms import PasswordField, StringField, TextAreaField
from wtforms.fields.core import UnboundField

from lms.forms import PageForm
from lms.models import Person
from tests.support.pages import Element
from tests.support.school import School

NOT_WRITTEN = ("hidden", "checkbox", "radio", "file", "submit")
# Pages of one kind that are opened from pages of one kind.
OF_A_KIND = 3


@dataclass(frozen=True)
class TypedForm:
    person_id: str
    page: str
    action: str
    endpoint: str
    fields: tuple[str, ...]
    hidden: frozenset[str]


def written_fields(form: Element) -> tuple[str, ...]:
    """Return the names of the fields into which somebody writes; none for a form with a password."""
    controls = form.all("input", "textarea")
    if any(control.get("type") == "password" for control in controls):
        return ()
    return tuple(c.get("name") for c in controls if c.tag == "textarea" or c.get("type") not in NOT_WRITTEN)


def find_typed_forms(school: School, people: Iterable[Person]) -> list[TypedForm]:
    """Follow the links of the people, some of each kind; return one form of each address that takes text."""
    routes = school.app.url_map.bind("localhost")

    def endpoint_of(path: str, method: str) -> str | None:
        try:
            return str(routes.match(urlsplit(path).path, method=method)[0])
        except (HTTPException, RequestRedirect):
            return None

    found: dict[str, TypedForm] = {}
    for person in people:
        visitor = school.visitor(person)
        ways, seen, count = deque([("", "/")]), set[str](), dict[tuple[str, str], int]()
        while ways:
            origin, path = ways.popleft()
            kind = endpoint_of(path, "GET")
            if kind is None or path in seen or count.get((origin, kind), 0) >= OF_A_KIND:
                continue
            seen.add(path)
            count[origin, kind] = count.get((origin, kind), 0) + 1
            root = visitor.get(path).root
            for form in root.all("form"):
                action, fields = form.get("action") or path, written_fields(form)
                endpoint = endpoint_of(action, "POST")
                if form.get("method") == "post" and fields and endpoint:
                    hidden = frozenset(
                        each.get("name") for each in form.all("input") if each.get("type") == "hidden"
                    )
                    found.setdefault(endpoint, TypedForm(person.id, path, action, endpoint, fields, hidden))
            links = [link.get("href").partition("#")[0] for link in root.all("a")]
            ways += [(kind, link) for link in links if link.startswith("/") and not link.startswith("/files")]
    return list(found.values())


def declared_fields() -> set[str]:
    """Return the names of the text fields of all forms that have a label of their own and no password."""
    return {
        name
        for form in PageForm.__subclasses__()
        for name, field in vars(form).items()
        if isinstance(field, UnboundField)
        and field.args
        and issubclass(field.field_class, StringField | TextAreaField)
        and not issubclass(field.field_class, PasswordField)
        and not form.__module__.endswith(".auth")
    }
