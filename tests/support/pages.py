"""Pages for tests: parsed once, checked for basic accessibility, with forms to fill."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

from flask.testing import FlaskClient
from selectolax.lexbor import LexborAttributes, LexborHTMLParser, LexborNode
from werkzeug.test import TestResponse

from tests.support.narrow import present

CONTROLS = "input", "select", "textarea"
MAX_HTML = 200_000


class Element:
    """An element of a parsed page; also the page itself, whose tag is `-document`."""

    __slots__ = ("node",)

    def __init__(self, node: LexborNode) -> None:
        self.node = node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Element) and self.node.mem_id == other.node.mem_id

    def __hash__(self) -> int:
        return hash(self.node.mem_id)

    @property
    def tag(self) -> str:
        return self.node.tag or ""

    @property
    def attrs(self) -> LexborAttributes:
        return self.node.attrs

    def all(self, *tags: str) -> list[Element]:
        """Return the elements inside this one, in the order of the page; with `tags` only these."""
        inside = self.node.traverse()
        next(inside)  # this one
        if tags:
            return [Element(node) for node in inside if node.tag in tags]
        return [Element(node) for node in inside if not (node.tag or "-").startswith("-")]

    @property
    def text(self) -> str:
        return " ".join(self.node.text(separator=" ").split())

    @property
    def own_text(self) -> str:
        """Return the text as it stands, without that of elements inside."""
        return self.node.text(deep=False)

    def get(self, name: str) -> str:
        return self.node.attrs.sget(name)


def parse(html: str) -> Element:
    """Return a page as a browser without JavaScript reads it; of a part of a page the body."""
    # What a script shows later is read too: the content of <template> is no part of a page otherwise.
    document = LexborHTMLParser(
        html.replace("<template", "<x-template").replace("</template", "</x-template")
    )
    return Element(present(present(document.root).parent if "<html" in html else document.body))


def honest_page(html: str) -> Element:
    """Check that a page has language, direction and one h1, that fields have labels and ids are unique."""
    root = parse(html)
    by_tag: dict[str, list[Element]] = defaultdict(list)
    ids = Counter[str]()
    for element in root.all():  # once: this is asked of every page of every test
        by_tag[element.tag].append(element)
        attrs = element.attrs
        assert "style" not in attrs, f"inline style: {element.tag}"
        assert not any(name.startswith("on") for name in attrs), f"inline script: {dict(attrs)}"
        if name := attrs.sget("id"):
            ids[name] += 1
    top = by_tag["html"][0]
    assert top.get("lang"), "lang"
    assert top.get("dir") in ("ltr", "rtl"), "dir"
    assert len(by_tag["h1"]) == 1, f"one h1, not {[h.text for h in by_tag['h1']]}"
    assert by_tag["title"][0].text, "a title"
    assert not (twice := [each for each, number in ids.items() if number > 1]), f"ids twice: {twice}"
    labelled = {label.get("for") for label in by_tag["label"]}
    inside = {control for label in by_tag["label"] for control in label.all(*CONTROLS)}
    for control in (control for tag in CONTROLS for control in by_tag[tag]):
        if control.get("type") in ("hidden", "submit", "button"):
            continue
        named = control.get("aria-label") or control.get("aria-labelledby")
        assert named or control.get("id") in labelled or control in inside, f"no label: {dict(control.attrs)}"
    for image in by_tag["img"]:
        assert "alt" in image.attrs, f"no alt: {dict(image.attrs)}"
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
            data[name] = control.own_text
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
