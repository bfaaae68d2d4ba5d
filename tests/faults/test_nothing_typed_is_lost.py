"""The table of all forms with a text field, and of what may happen when they are sent: no typed word is lost.

The forms are those of the pages that the roles of the demo school may open, not those of a list.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from lms.access import cookie_name
from lms.extensions import limiter
from lms.models import Person
from tests import test_access as matrix
from tests.faults.test_bad_input import PEOPLE, Cast, Stranger
from tests.support.pages import Element, Visitor, filled, parse
from tests.support.school import School, copy_template, make_school, settings_for

AN_ID = re.compile(r"(?<![2-9a-z])[2-9a-hjkmnp-z]{14}(?![2-9a-z])")
NO_TEXT = {"hidden", "submit", "button", "checkbox", "radio", "file", "password", "image"}
# Numbers of a card: a secret never comes back.
SECRETS = {"code", "pin"}
# What is valid, by the name or else the kind of a field.
VALID = {
    "date": "2027-03-0{0}",
    "number": "{0}",
    "email": "mot{0}@example.be",
    "tel": "0470 12 34 5{0}",
    "address": "https://youtu.be/abcdefghij{0}",
    "links": "https://youtu.be/bcdefghijk{0}",
    "minutes": "3:2{0}",
    "cefr": "A{0}",
}
WORDS = "Mot {0}, « é » & <الثلاثاء>"
# How many pages of one kind are opened: homework that is sent has no form any more, other homework has.
OF_ONE_KIND = 4
# Its button throws away on purpose what was typed into the fields of the clip.
THROWS_AWAY = re.compile(r"/clips/[^/]+/removal$")


@dataclass
class Form:
    """A form as a page shows it, with a text of its own typed into each text field."""

    role: str
    page: str
    action: str
    sent: dict[str, object]
    typed: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Return the address without ids and the fields: what tells two forms of different pages."""
        return f"POST {AN_ID.sub('<id>', self.action.partition('?')[0])} {sorted(self.typed)}"


@dataclass
class Walked:
    """The school, and every form of every page of every role."""

    school: School
    cast: Cast
    forms: list[Form]
    inside: dict[str, Visitor] = field(default_factory=dict)

    def visitor(self, form: Form) -> Visitor:
        """Return the browser of the role; for forms without login a new one."""
        if form.role == "nobody":
            return self.school.visitor()
        if form.role not in self.inside:
            self.inside[form.role] = self.school.visitor(self.cast.people[form.role])
        return self.inside[form.role]

    def browser(self, form: Form) -> tuple[Visitor, object]:
        """Return the browser, and the CSRF token of one of its pages."""
        visitor = self.visitor(form)
        page = visitor.get(form.page if form.role == "nobody" else "/me")
        return visitor, filled(page.root.all("form")[0])["csrf_token"]


def text_fields(form: Element) -> dict[str, str]:
    """Return the name and the kind of every field of the form into which people type."""
    return {
        control.get("name"): control.get("type") or "text"
        for control in form.all("input", "textarea")
        if control.get("name")
        and control.get("type") not in NO_TEXT
        and control.get("name") not in SECRETS
        and not {"readonly", "disabled"} & set(control.attrs)
    }


def forms_on(page: str, root: Element, role: str) -> Iterator[Form]:
    for element in root.all("form"):
        names = text_fields(element)
        if element.get("method").lower() != "post" or not names:
            continue
        sent = filled(element)
        choices = [each for each in element.all("input") if each.get("type") == "radio"]
        for choice in reversed(choices):
            sent.setdefault(choice.get("name"), choice.get("value"))
        typed = {
            name: VALID.get(name.rpartition("-")[2], VALID.get(kind, WORDS)).format(number % 9 + 1)
            for number, (name, kind) in enumerate(sorted(names.items()))
        }
        own = [element.get("action"), *(b.get("formaction") for b in element.all("button"))]
        for action in dict.fromkeys(filter(None, own)):
            if THROWS_AWAY.search(action):
                continue
            yield Form(role, page, action, {**sent, **typed}, typed)


def pages_of(walker: Stranger) -> Iterator[tuple[str, Element]]:
    """Every page that the role may open, and some of those to which the links of these pages lead."""
    paths = [walker.address(rule) for rule in walker.rules("GET")]
    seen = Counter(AN_ID.sub("<id>", path) for path in paths)
    for path in paths:
        answer = walker.client.get(path, follow_redirects=True)
        if answer.mimetype == "text/html" and answer.status_code == 200:
            root = parse(answer.get_data(as_text=True))
            yield answer.request.full_path.rstrip("?"), root
            for link in root.all("a"):
                target = link.get("href").partition("#")[0]
                pattern = AN_ID.sub("<id>", target.partition("?")[0])
                if target.startswith("/") and target not in paths and seen[pattern] < OF_ONE_KIND:
                    seen[pattern] += 1
                    paths.append(target)
        answer.close()


@pytest.fixture(scope="module")
def walked(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    folder = tmp_path_factory.mktemp("typed")
    copy_template(demo_template, folder)
    school = make_school(settings_for(folder), migrated=True)
    school.write(matrix._complete)
    school.write(lambda s: s.execute(update(Person).values(language="fr")))
    cast, found = Cast(school), dict[str, Form]()
    for role in PEOPLE:
        for page, root in pages_of(Stranger(school, role, set(), cast)):
            for form in forms_on(page, root, role):
                found.setdefault(form.place, form)
    yield Walked(school, cast, list(found.values()))
    school.close()


def send(visitor: Visitor, form: Form, action: str | None = None, **changed: object) -> tuple[int, Element]:
    """Send the form as its browser would; return the status and the page."""
    answer = visitor.client.post(
        action or form.action,
        data={**form.sent, **changed},
        headers={"Sec-Fetch-Site": "same-origin", "Referer": f"http://localhost{form.page}"},
    )
    return answer.status_code, parse(answer.get_data(as_text=True))


def words_on(page: Element) -> str:
    """Everything that can be read on a page or stands in its fields."""
    values = [each.get("value") for each in page.all("input") if each.get("type") != "hidden"]
    return " ".join([page.text, *values])


def missing(form: Form, page: Element) -> list[str]:
    shown = words_on(page)
    return [f"{name}: {text!r}" for name, text in form.typed.items() if text not in shown]


def goes_where(page: Element, form: Form) -> list[Element]:
    """Return the forms of the page that go where this one went."""
    return [
        element
        for element in page.all("form")
        if form.action in [element.get("action"), *(b.get("formaction") for b in element.all("button"))]
    ]


def login_ended(walked: Walked, form: Form) -> list[str]:
    """Logged out in another tab, sent, and logged in again: the page of the form stands there, filled in."""
    (visitor, token), cookie = walked.browser(form), cookie_name(walked.school.settings, "session")
    login = visitor.client.get_cookie(cookie)
    assert login is not None
    visitor.client.delete_cookie(cookie)
    status, page = send(visitor, form, csrf_token=token)
    faults = [f"{status} instead of 401"] if status != 401 else []
    faults += [
        f"{text!r} is on the page" for text in form.typed.values() if len(text) > 3 and text in page.text
    ]
    read = [text for text in form.typed.values() if len(text) > 2 and text in page.text]
    faults += [f"{text!r} is on the page for logging in" for text in read]
    visitor.client.set_cookie(cookie, login.value)
    back = visitor.get("/kept")
    faults += [] if (back.status, back.url) == (200, "/kept") else [f"{back.status} {back.url}"]
    forms = goes_where(back.root, form)
    standing = " ".join(str(value) for element in forms for value in filled(element).values())
    faults += [
        f"{name}: {text!r} is not in its field" for name, text in form.typed.items() if text not in standing
    ]
    visitor.client.delete_cookie(cookie_name(walked.school.settings, "kept"))
    return faults if "pas encore envoyé" in back.text else [*faults, "no sentence"]


def object_gone(walked: Walked, form: Form) -> list[str]:
    visitor, token = walked.browser(form)
    status, page = send(
        visitor, form, AN_ID.sub("aaaaaaaaaaaaaa", form.action.partition("?")[0]), csrf_token=token
    )
    return [f"{status} instead of 404"] if status != 404 else missing(form, page)


def page_too_old(walked: Walked, form: Form) -> list[str]:
    visitor = walked.visitor(form)
    status, page = send(visitor, form, csrf_token="of another time")
    return [f"{status} instead of 400"] if status != 400 else missing(form, page)


def broken(walked: Walked, form: Form, *, error: Exception, expected: int) -> list[str]:
    (visitor, token), views = walked.browser(form), walked.school.app.view_functions
    before = dict(views)

    def failing(**_ids: str) -> str:
        raise error

    failing.allowed = frozenset({"anyone"} if form.role == "nobody" else {"someone"})  # type: ignore[attr-defined]
    views.update(dict.fromkeys(views, failing))
    try:
        status, page = send(visitor, form, csrf_token=token)
    finally:
        views.update(before)
    return [f"{status} instead of {expected}"] if status != expected else missing(form, page)


Cell = Callable[[Walked, Form], list[str]]
CELLS: dict[str, Cell] = {
    "login ended": login_ended,
    "object gone": object_gone,
    "page too old": page_too_old,
    "server broken": partial(broken, error=RuntimeError("broken"), expected=500),
    "server busy": partial(broken, error=OperationalError("", {}, Exception("locked")), expected=503),
}


def concerns(cell: str, form: Form) -> bool:
    """Nobody's login can end, and what has no id cannot go."""
    if cell == "login ended":
        return form.role != "nobody"
    if cell == "object gone":
        return form.role != "nobody" and bool(AN_ID.search(form.action.partition("?")[0]))
    return True


def test_the_table_holds_forms_of_every_role(walked: Walked) -> None:
    assert {form.role for form in walked.forms} >= {"nobody", "learner", "teacher", "coordinator"}
    actions = {AN_ID.sub("<id>", form.action.partition("?")[0]) for form in walked.forms}
    assert len(actions) >= 25, "\n".join(sorted(actions))
    assert {"/assignments/<id>/submission", "/corrections/<id>/return", "/bookings/<id>/note"} <= actions


@pytest.mark.parametrize("cell", CELLS)
def test_no_typed_word_is_lost(walked: Walked, cell: str) -> None:
    lost = []
    for form in walked.forms:
        if concerns(cell, form):
            lost += [f"{form.place}: {fault}" for fault in CELLS[cell](walked, form)]
        with walked.school.app.app_context():
            limiter.reset()
    assert not lost, "\n".join(lost)


def test_a_second_device_shows_both_texts(walked: Walked) -> None:
    """Every form that shows a version: the older page overwrites nothing, and shows what was stored since."""
    lost, tried = [], 0
    for form in walked.forms:
        if not {"version", "seen"} & set(form.sent):
            continue
        tried += 1
        visitor = walked.visitor(form)
        page = visitor.get(form.page)
        (shown, *_others) = goes_where(page.root, form)
        form.sent = {**form.sent, **filled(shown), **form.typed}
        words = {name: text for name, text in form.typed.items() if text.startswith("Mot")}
        first = {name: text.replace("Mot", f"Premier texte {tried},") for name, text in words.items()}
        address = shown.get("action")
        send(visitor, form, address, **first)
        status, answer = send(visitor, form, address, request_id="key-of-the-second")
        lost += [f"{form.place}: {status}"] if status != 409 else []
        lost += [f"{form.place}: {fault}" for fault in missing(form, answer)]
        lost += [f"{form.place}: {text!r}" for text in first.values() if text not in words_on(answer)]
    assert tried >= 3
    assert not lost, "\n".join(lost)
