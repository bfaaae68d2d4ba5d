"""Every form into which somebody writes: without network, without login and refused, the words stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, Route, ViewportSize, expect
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.clock import now
from lms.models import Person
from tests import factories
from tests.support.files import rotated_jpeg
from tests.support.live_server import LiveServer
from tests.support.school import School
from tests.support.servers import wait_until
from tests.support.typed_forms import TypedForm, declared_fields, find_typed_forms

pytestmark = pytest.mark.journey

PHONE: ViewportSize = {"width": 360, "height": 740}
NAMES = ("Grace%", "Nadia Dubois", "Claire%", "Farid%")
WORDS = "Samedi, je vais au marché"
BACK = "Votre texte est revenu."
HERE = "Votre texte est gardé sur cet appareil."
OPEN = "Laissez cette page ouverte."
AGAIN = "Nous essayons encore."
OFFLINE = "Pas de réseau."
SAYS = {
    "offline": OFFLINE,
    "broken": "Ça n’a pas marché.",
    "busy": "Le service est occupé.",
    "withdrawn": "Cette page n’existe plus.",
    "login ended": "Il faut entrer de nouveau.",
}
FIND = """([action, fields]) => [...document.forms].find((form) => form.method === "post"
  && (form.getAttribute("action") || location.pathname) === action
  && fields.every((name) => [...form.elements].some((each) => each.name === name)))"""
WRITE = f"""([action, fields, words]) => {{
  const typed = {{
    date: "2027-01-04", number: "7", email: "x@example.be", tel: "0470 11 22 33", url: "https://x.be",
  }};
  const form = ({FIND})([action, fields]);
  form.closest("details")?.setAttribute("open", "");
  return fields.map((name, place) => {{
    const field = [...form.elements].find((each) => each.name === name);
    if (field.readOnly) return field.value;
    field.value = typed[field.type] ?? `${{words}} ${{place}}`;
    field.dispatchEvent(new Event("input", {{ bubbles: true }}));
    return field.value;
  }});
}}"""
READ = f"""([action, fields]) => {{
  const form = ({FIND})([action, fields]);
  return form && fields.map((name) => [...form.elements].find((each) => each.name === name)?.value ?? null);
}}"""
KEPT = f"""([action, fields]) => fields.filter((name) => [...({FIND})([action, fields]).elements]
  .some((each) => each.name === name && !each.matches("[data-unkept], [readonly]")))"""
PRESS = f"""([action, fields]) => {{
  const form = ({FIND})([action, fields]);
  form.querySelector("[data-outcome]")?.remove();
  [...form.elements].filter((each) => each.type === "submit").pop().click();
}}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, demo_template: Any) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("school"), demo_template) as served:
        yield served


@pytest.fixture(scope="module")
def school(server: LiveServer) -> Iterator[School]:
    opened = server.school()
    yield opened
    opened.close()


def person_named(school: School, name: str) -> Person:
    return school.read(lambda s: s.scalars(select(Person).where(Person.name.like(name))).one())


@dataclass
class Device:
    """A browser of one person at a time; `answer` decides what becomes of the forms that it sends."""

    context: BrowserContext
    page: Page
    school: School
    base: str
    answer: Callable[[Route], None] | None = None
    sent: int = 0

    def log_in(self, person_id: str) -> None:
        def enter(session: Session) -> str:
            return factories.entered(session, session.get_one(Person, person_id), now=now())

        name = cookie_name(self.school.settings, "session")
        self.context.add_cookies([{"name": name, "value": self.school.write(enter), "url": self.base}])

    def end_login(self) -> None:
        self.context.clear_cookies(name=cookie_name(self.school.settings, "session"))

    def handle(self, route: Route) -> None:
        if route.request.method != "POST":
            return route.fallback()
        self.sent += 1
        if self.answer is None:
            return route.fallback()
        return self.answer(route)

    def write(self, form: TypedForm) -> list[str]:
        typed: list[str] = self.page.evaluate(WRITE, [form.action, form.fields, WORDS])
        return typed

    def read(self, form: TypedForm) -> list[str]:
        found: list[str] = self.page.evaluate(READ, [form.action, form.fields])
        return found

    def press(self, form: TypedForm) -> str:
        """Press the last button of the form and return what the form then says."""
        self.page.evaluate(PRESS, [form.action, form.fields])
        said = self.page.locator("[data-outcome] p")
        expect(said).not_to_be_empty()
        return said.inner_text()


@pytest.fixture
def device(browser: Browser, server: LiveServer, school: School) -> Iterator[Device]:
    base = server.url.replace("127.0.0.1", "localhost")
    context = browser.new_context(viewport=PHONE, base_url=base, locale="fr", reduced_motion="reduce")
    context.set_default_timeout(10_000)
    opened = Device(context, context.new_page(), school, base)
    context.route("**/*", opened.handle)
    yield opened
    context.close()


def fails(route: Route) -> None:
    route.abort("internetdisconnected")


def is_taken_but_not_answered(route: Route) -> None:
    route.fetch()
    fails(route)


def answers(status: int, body: str = "<title>No</title>") -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, content_type="text/html", body=body)


@pytest.fixture(scope="module")
def forms(school: School) -> list[TypedForm]:
    return find_typed_forms(school, [person_named(school, name) for name in NAMES])


def the(forms: list[TypedForm], endpoint: str) -> TypedForm:
    return next(form for form in forms if form.endpoint == endpoint)


def test_no_form_loses_a_word(device: Device, forms: list[TypedForm]) -> None:
    missing = declared_fields() - {name.rpartition("-")[2] for form in forms for name in form.fields}
    assert missing == set(), "fields of forms that no page of the demo school shows"
    page, lost = device.page, []
    for form in sorted(forms, key=lambda each: each.person_id):
        device.log_in(form.person_id)
        page.goto(form.page)
        typed = device.write(form)
        kept = page.evaluate(KEPT, [form.action, form.fields])
        gone = page.evaluate("async () => (await fetch('/nothing-here')).text()")
        cells: dict[str, Callable[[Route], None] | None] = {
            "offline": fails,
            "broken": answers(500),
            "busy": answers(503),
            "withdrawn": answers(404, gone),
            "login ended": None,
        }
        for cell, device.answer in cells.items():
            if cell == "login ended":
                device.end_login()
            said = device.press(form)
            ends = AGAIN if cell in ("offline", "busy") and "request_id" in form.hidden else ""
            sentence = " ".join((SAYS[cell], HERE if kept else OPEN, ends)).strip()
            if device.read(form) != typed or said.removesuffix(" Entrer") != sentence:
                lost.append(f"{form.endpoint}, {cell}: {said}")
        device.answer = None
        device.log_in(form.person_id)
        page.goto(form.page)
        after = dict(zip(form.fields, device.read(form), strict=True))
        before = dict(zip(form.fields, typed, strict=True))
        if {name: after[name] for name in kept} != {name: before[name] for name in kept}:
            lost.append(f"{form.endpoint}, logged in again: {after}")
        if kept and not page.get_by_text(BACK).count():
            lost.append(f"{form.endpoint}: nobody says that the words are back")
        page.evaluate("localStorage.clear()")
    assert lost == [], "\n".join(lost)


def test_what_two_devices_write_into_one_form_is_all_shown(
    device: Device, forms: list[TypedForm], school: School
) -> None:
    versioned, page, lost = [form for form in forms if "version" in form.hidden], device.page, []
    assert "corrections.save" in [form.endpoint for form in versioned]
    for form in versioned:
        field = f"[name={form.fields[0]}]"
        device.log_in(form.person_id)
        page.goto(form.page)
        page.fill(field, WORDS)
        device.answer = fails
        device.press(form)
        visitor = school.visitor(form.person_id)
        visitor.submit(visitor.get(form.page), {form.fields[0]: "Écrit au bureau"}, action=form.action)
        page.goto(form.page)
        expect(page.locator(field)).to_have_value(WORDS)
        device.answer = None
        page.evaluate(PRESS, [form.action, form.fields])
        expect(page.locator("main")).to_contain_text("Écrit au bureau", use_inner_text=True)
        if WORDS not in page.input_value(field) + page.inner_text("main"):
            lost.append(form.endpoint)
        page.evaluate("localStorage.clear()")
    assert lost == []


def test_a_photo_and_its_words_wait_for_the_network(device: Device, forms: list[TypedForm]) -> None:
    form, page = the(forms, "homework.add"), device.page
    device.log_in(form.person_id)
    page.goto(form.page)
    page.fill("[name=text]", WORDS)
    device.answer = fails
    photo = FilePayload(name="feuille.jpg", mimeType="image/jpeg", buffer=rotated_jpeg())
    page.set_input_files("input[name=picture]", [photo])
    expect(page.locator("[data-outgoing] li")).to_contain_text("En attente d’internet")
    expect(page.locator("[data-outgoing] li")).to_contain_text("feuille.jpg")
    device.answer = None
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("#files .piece img")).to_have_count(1)
    assert page.input_value("[name=text]") == WORDS


def test_a_homework_written_on_the_bus_is_sent_when_the_network_returns(
    device: Device, forms: list[TypedForm]
) -> None:
    form, page, context = the(forms, "homework.add"), device.page, device.context
    device.log_in(form.person_id)
    page.clock.install()
    page.goto(form.page)
    status = page.locator("[data-kept]")
    context.set_offline(True)
    device.write(form)
    page.clock.run_for(5_000)
    expect(status).to_have_text(f"{OFFLINE} {HERE} {AGAIN}")
    context.set_offline(False)
    expect(status).to_have_text(re.compile(r"^Gardé à \d+\sh\s\d\d$"))
    assert page.evaluate("Object.keys(localStorage)") == [], "the server has the words now"

    context.set_offline(True)
    page.fill("[name=text]", f"{WORDS} avec ma sœur.")
    assert device.press(form) == f"{OFFLINE} {HERE} {AGAIN}"
    assert urlsplit(page.url).path == form.page
    context.set_offline(False)
    page.wait_for_url("**/submissions/*")
    expect(page.locator(".written", has_text=f"{WORDS} avec ma sœur.")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage)") == []


def test_a_busy_server_gets_the_form_again_and_takes_it_once(
    device: Device, forms: list[TypedForm], school: School
) -> None:
    form, page = the(forms, "people.new"), device.page
    device.log_in(form.person_id)
    page.goto(form.page)
    page.fill("[name=name]", "Yohannes Habte")
    page.check("[name=level_id] >> nth=0")

    def rename(before: str, after: str) -> None:
        school.write(lambda session: session.execute(text(f"ALTER TABLE {before} RENAME TO {after}")))

    rename("form_receipt", "away")
    try:
        assert device.press(form) == f"{SAYS['busy']} {HERE} {AGAIN}"
    finally:
        rename("away", "form_receipt")
    # The answer to the second sending is lost on its way, the third is the same form again.
    device.answer = is_taken_but_not_answered
    page.evaluate(PRESS, [form.action, form.fields])
    expect(page.locator("[data-outcome] p")).to_contain_text(OFFLINE)
    device.answer = None
    page.evaluate(PRESS, [form.action, form.fields])
    page.wait_for_url("**/people/*")
    expect(page.locator("h1")).to_have_text("Yohannes Habte")
    named = select(Person).where(Person.name == "Yohannes Habte")
    assert len(school.read(lambda s: s.scalars(named).all())) == 1


def test_a_form_that_was_open_during_a_new_login_is_sent_with_it(
    device: Device, forms: list[TypedForm]
) -> None:
    form, page = the(forms, "bookings.ask"), device.page
    device.log_in(form.person_id)
    page.goto(form.page)
    page.locator("summary", has_text="question").click()
    page.fill("[name=question]", WORDS)
    wait_until(lambda: bool(page.evaluate("localStorage.length")), "the words are kept", 10)
    other = device.context.new_page()
    other.goto("/me")
    other.locator("form[action='/logout'] button").click()
    other.get_by_role("link", name="Voir mon texte")
    other.locator(".question button").click()
    other.wait_for_url("**/card")
    device.log_in(form.person_id)
    page.evaluate(PRESS, [form.action, form.fields])
    expect(page.locator("[data-toast]")).to_be_visible()
    expect(page.locator("[name=question]")).to_have_value(WORDS)


def test_nobody_else_sees_or_sends_what_is_typed(
    device: Device, forms: list[TypedForm], school: School
) -> None:
    form, page = the(forms, "me.show"), device.page
    device.log_in(form.person_id)
    page.goto(form.page)
    device.write(form)
    device.end_login()
    device.press(form)

    device.log_in(person_named(school, "Oksana%").id)
    other = device.context.new_page()
    other.goto(form.page)
    assert WORDS not in other.content()
    assert other.locator("[name=phone]").input_value() != "0470 11 22 33"
    other.locator("form[action='/logout'] button").click()
    other.wait_for_url("**/card")  # without a question: the words are not hers
    device.log_in(person_named(school, "Oksana%").id)
    page.evaluate(PRESS, [form.action, form.fields])
    someone_else = "Une autre personne est connectée sur cet appareil."
    expect(page.locator("[data-outcome] p")).to_have_text(f"{someone_else} {HERE}")

    device.log_in(form.person_id)
    page.goto(form.page)
    expect(page.locator("[name=phone]")).to_have_value("0470 11 22 33")
    page.locator("form[action='/logout'] button").click()
    expect(page.locator(".question")).to_contain_text("Un texte n’est pas envoyé. Il sera effacé ici.")
    page.get_by_role("button", name="Effacer et se déconnecter").click()
    page.wait_for_url("**/card")
    assert page.evaluate("Object.keys(localStorage)") == []


def test_a_browser_that_keeps_nothing_says_so_and_sends_all_the_same(
    device: Device, forms: list[TypedForm]
) -> None:
    form, page = the(forms, "organisation.add_room"), device.page
    page.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('QuotaExceededError') }")
    device.log_in(form.person_id)
    page.goto(form.page)
    page.fill("[name=room]", "La grande salle")
    device.answer = fails
    assert device.press(form) == f"{OFFLINE} {OPEN} {AGAIN}"
    device.answer = None
    page.evaluate(PRESS, [form.action, form.fields])
    page.wait_for_url("**#rooms")
    expect(page.get_by_text("La grande salle").first).to_be_visible()


def test_a_form_with_a_fault_is_shown_with_what_was_typed(device: Device, forms: list[TypedForm]) -> None:
    form, page = the(forms, "me.show"), device.page
    device.log_in(form.person_id)
    page.goto(form.page)
    page.fill("[name=phone]", "zéro quatre")
    page.fill("[name=email]", "moi@example")
    page.evaluate(PRESS, [form.action, form.fields])
    expect(page.locator("#errors")).to_be_focused()
    assert [page.input_value(f"[name={name}]") for name in ("email", "phone")] == [
        "moi@example",
        "zéro quatre",
    ]
    assert page.get_by_text(BACK).count() == 0, "they were never away"
    page.fill("[name=phone]", "0470 11 22 33")
    page.fill("[name=email]", "")
    page.evaluate(PRESS, [form.action, form.fields])
    expect(page.locator("[data-toast]")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage)") == []
