"""Pages for tests: parsed once, checked for basic accessibility, with forms to fill."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
CONTROLS = "input", "select", "textarea"
MAX_HTML = 200_000


@dataclass
class Element:
    tag: str
    attrs: dict[str, str | None]
    children: list[Element | str] = field(default_factory=list)

    def all(self, *tags: str) -> list[Element]:
        found: list[Element] = []
        self._add_to(found, tags)
        return found

    def _add_to(self, found: list[Element], tags: tuple[str, ...]) -> None:
        for child in self.children:
            if isinstance(child, Element):
                if not tags or child.tag in tags:
                    found.append(child)
                child._add_to(found, tags)

    @property
    def text(self) -> str:
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join(" ".join(parts).split())

    def get(self, name: str) -> str:
        return self.attrs.get(name) or ""


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.stack = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.stack[-1].children.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.stack[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self.stack) - 1, 0, -1):
            if self.stack[depth].tag == tag:
                del self.stack[depth:]
                return

    def handle_data(self, data: str) -> None:
        self.stack[-1].children.append(data)


def parse(html: str) -> Element:
    builder = _Builder()
    builder.feed(html)
    return builder.root


def honest_page(html: str) -> Element:
    """Check that a page has language, direction and one h1, that fields have labels and ids are unique."""
    root = parse(html)
    every = root.all()  # once: this is asked of every page of every test
    by_tag: dict[str, list[Element]] = defaultdict(list)
    for element in every:
        by_tag[element.tag].append(element)
        assert "style" not in element.attrs, f"inline style: {element.tag}"
        assert not any(name.startswith("on") for name in element.attrs), f"inline script: {element.attrs}"
    top = by_tag["html"][0]
    assert top.get("lang"), "lang"
    assert top.get("dir") in ("ltr", "rtl"), "dir"
    assert len(by_tag["h1"]) == 1, f"one h1, not {[h.text for h in by_tag['h1']]}"
    assert by_tag["title"][0].text, "a title"
    ids = Counter(element.get("id") for element in every if element.get("id"))
    assert not (twice := [each for each, number in ids.items() if number > 1]), f"ids twice: {twice}"
    labelled = {label.get("for") for label in by_tag["label"]}
    inside = {id(e) for label in by_tag["label"] for e in label.all(*CONTROLS)}
    for control in (control for tag in CONTROLS for control in by_tag[tag]):
        if control.get("type") in ("hidden", "submit", "button"):
            continue
        named = control.get("aria-label") or control.get("aria-labelledby")
        assert named or control.get("id") in labelled or id(control) in inside, f"no label: {control.attrs}"
    for image in by_tag["img"]:
        assert "alt" in image.attrs, f"no alt: {image.attrs}"
    assert len(html.encode()) < MAX_HTML, "a page of reasonable size"
    return root


@dataclass
class Page:
    """An answer of the application."""

    response: TestResponse
    url: str
    root: Element

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def text(self) -> str:
        return self.root.text

    @property
    def html(self) -> str:
        return self.response.get_data(as_text=True)

    def form(self, action: str | None = None) -> Element:
        """Return the form whose action ends like this, or the only one of the main part."""
        main = self.root.all("main")
        for form in (main[0] if main and action is None else self.root).all("form"):
            if action is None or (form.get("action") or self.url).split("?")[0].endswith(action):
                return form
        raise AssertionError(
            f"no form {action!r} on {self.url}: {[f.get('action') for f in self.root.all('form')]}"
        )

    def button_address(self, ending: str) -> str:
        """Return the address of the button (`formaction`) that ends like this."""
        own = [button.get("formaction") or "" for button in self.root.all("button")]
        (found,) = {address for address in own if address.endswith(ending)}
        return found

    def links(self) -> dict[str, str]:
        return {link.text: link.get("href") for link in self.root.all("a")}


class Visitor:
    """A browser without JavaScript: fetches pages, fills forms, follows 303."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **more: Any) -> Page:
        return self._page(path, self.client.get(path, follow_redirects=True, **more))

    def submit(
        self,
        page: Page,
        values: dict[str, Any] | None = None,
        *,
        action: str | None = None,
        button: str | None = None,
        follow: bool = True,
    ) -> Page:
        """Send a form of the page as a browser would, with `values` typed into it.

        `button`: the end of the address (`formaction`) of the pressed button, when it has one.
        """
        form = page.form(action)
        data = filled(form)
        data.update(values or {})
        data = {name: value for name, value in data.items() if value is not None}
        address = form.get("action") if button is None else page.button_address(button)
        target = urljoin(page.url, address or page.url)
        response = self.client.post(
            target,
            data=data,
            follow_redirects=follow,
            content_type="multipart/form-data" if form.get("enctype") else None,
            headers={"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        )
        for answer in (response, *response.history):
            answer.request.environ["wsgi.input"].close()  # a large body is a temporary file
        return self._page(target, response)

    def _page(self, url: str, response: TestResponse) -> Page:
        html = response.get_data(as_text=True) if response.mimetype == "text/html" else ""
        is_page = bool(html) and not 300 <= response.status_code < 400
        path = response.request.full_path.rstrip("?") if response.history else url
        return Page(response, path, honest_page(html) if is_page else parse(html))


def filled(form: Element) -> dict[str, Any]:
    """Return what a browser would send of an unchanged form."""
    data: dict[str, Any] = {}
    for control in form.all(*CONTROLS):
        name, kind = control.get("name"), control.get("type")
        if not name or "disabled" in control.attrs or kind in ("submit", "button", "image"):
            continue
        if kind in ("checkbox", "radio"):
            if "checked" in control.attrs:
                _add(data, name, control.get("value") or "on", several=kind == "checkbox")
        elif control.tag == "select":
            options = control.all("option")
            chosen = [o for o in options if "selected" in o.attrs] or options[:1]
            if chosen:
                first = chosen[0]
                data[name] = first.get("value") if "value" in first.attrs else first.text
        elif control.tag == "textarea":
            data[name] = "".join(c for c in control.children if isinstance(c, str)).removeprefix("\n")
        elif kind != "file":
            _add(data, name, control.get("value"), several=kind == "hidden")
    return data


def _add(data: dict[str, Any], name: str, value: str, *, several: bool) -> None:
    if several and name in data:
        data[name] = [*(data[name] if isinstance(data[name], list) else [data[name]]), value]
    else:
        data[name] = value


def file(content: bytes, name: str) -> tuple[BytesIO, str]:
    """Return a file as the test client sends it."""
    return BytesIO(content), name
