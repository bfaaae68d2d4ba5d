from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import request
from flask.testing import FlaskClient
from flask_login import login_user
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from lms.access import allow
from lms.domain.errors import Refused
from lms.extensions import db, journal_mode, sqlite
from lms.forms import PageForm
from lms.models import FormReceipt, Person, Room
from lms.refusal_codes import RefusalCode
from lms.web.idempotency import idempotency_key, run_once_with_result
from lms.web.sending import browser_key
from tests import factories
from tests.support.narrow import present
from tests.support.pages import file, filled, honest_page, parse
from tests.support.school import School, copy_template, make_school, settings_for


@contextmanager
def held_lock(school: School) -> Iterator[None]:
    """Somebody else writes and does not stop."""
    # The same library as the house's own: locks of two SQLites in one process do not see each other.
    other = sqlite.connect(school.settings.database_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.fixture
def impatient_school(tmp_path: Path, template: Path) -> School:
    """A house that waits a moment for a lock and not half a minute."""
    copy_template(template, tmp_path)
    school = make_school(settings_for(tmp_path), migrated=True)
    school.close()
    event.listen(school.engine, "connect", lambda c, _: c.execute("PRAGMA busy_timeout=50"))
    return school


def test_every_answer_carries_its_shields(school: School) -> None:
    for path in ("/card", "/healthz", "/nothing-here"):
        headers = school.app.test_client().get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "private, no-store"
        assert "Strict-Transport-Security" not in headers


def test_over_https_browsers_are_told_to_stay_there(tmp_path: Path, template: Path) -> None:
    copy_template(template, tmp_path)
    school = make_school(settings_for(tmp_path, base_url="https://cours.example.be"), migrated=True)
    headers = school.app.test_client().get("/card").headers
    assert "max-age=31536000" in headers["Strict-Transport-Security"]


@pytest.mark.parametrize("language", ["fr", "ar", "uk", "tr", "en"])
def test_a_lost_page_answers_in_the_language_of_the_browser(school: School, language: str) -> None:
    answer = school.app.test_client().get("/nothing-here", headers={"Accept-Language": language})
    page = honest_page(answer.get_data(as_text=True))
    assert answer.status_code == 404
    assert page.all("html")[0].get("lang") == language
    assert page.all("html")[0].get("dir") == ("rtl" if language == "ar" else "ltr")


def test_who_has_a_language_without_a_catalogue_sees_french_and_keeps_it(school: School) -> None:
    tesfay = school.write(lambda s: factories.learner(s, "Tesfay", language="ti"))
    page = school.visitor(tesfay).get("/me")
    assert page.root.all("html")[0].get("lang") == "fr"
    assert school.read(lambda s: s.get_one(Person, tesfay.id)).language == "ti"


def test_a_busy_database_is_a_page_and_nothing_half_done(impatient_school: School) -> None:
    samira = impatient_school.write(factories.samira)
    visitor = impatient_school.visitor(samira)
    page = visitor.get("/me")
    with held_lock(impatient_school):
        assert visitor.get("/me").status == 200, "reading goes on"
        answer = visitor.submit(page, action="/logout")
    assert answer.status == 503
    assert answer.response.headers["Retry-After"] == "30"
    assert visitor.get("/me").status == 200, "she is still inside"


def test_who_waited_long_for_the_lock_waits_once_and_not_six_times(impatient_school: School) -> None:
    event.listen(impatient_school.engine, "connect", lambda c, _: c.execute("PRAGMA busy_timeout=3500"))
    visitor = impatient_school.visitor(impatient_school.write(factories.samira))
    page = visitor.get("/me")
    impatient_school.engine.dispose()
    with held_lock(impatient_school):
        began = time.monotonic()
        assert visitor.submit(page, action="/logout").status == 503
        assert 3 < time.monotonic() - began < 10


@pytest.mark.own_school
def test_what_breaks_is_a_page_without_a_word_of_the_fault(school: School) -> None:
    @allow("anyone")
    def broken() -> str:
        raise RuntimeError("secret inside")

    school.app.add_url_rule("/broken", view_func=broken)
    answer = school.app.test_client().get("/broken")
    assert answer.status_code == 500
    assert "secret" not in answer.get_data(as_text=True)
    honest_page(answer.get_data(as_text=True))


def test_a_form_of_another_site_does_nothing(school: School) -> None:
    samira = school.write(factories.samira)
    visitor = school.visitor(samira)
    page = visitor.get("/me")
    token = filled(page.form("/logout"))["csrf_token"]
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ):
        answer = visitor.client.post("/logout", data={"csrf_token": token}, headers=headers)
        assert answer.status_code == 403, headers
    assert visitor.get("/me").status == 200


def test_a_form_without_its_token_is_refused_with_the_way_back(school: School) -> None:
    samira = school.write(factories.samira)
    visitor = school.visitor(samira)
    answer = visitor.client.post("/logout", headers={"Referer": "http://localhost/lessons"})
    assert answer.status_code == 400
    assert "/lessons" in answer.get_data(as_text=True)


NOT_AN_ADDRESS = "http://[x"


@pytest.mark.parametrize(
    "headers",
    [
        {"Referer": NOT_AN_ADDRESS},
        {"Origin": NOT_AN_ADDRESS},
        {"Cookie": "remember_token=a|\xe9"},
        {"Cookie": "remember_token=nobody|0"},
        {"Cookie": "x=\xff\xfe; =; ;; y"},
        {"Accept-Language": ";;q=nan,*;q=9e999,\xff", "Accept": "\xff;q=x"},
        {"Range": "bytes=99999999999999999999-", "If-Modified-Since": "Mon, 99 Foo 99999"},
        {"Content-Type": "multipart/form-data; boundary=\xff"},
        {"User-Agent": "\xff" * 500},
    ],
    ids=str,
)
def test_no_strange_header_breaks_a_page(school: School, headers: dict[str, str]) -> None:
    samira = school.write(factories.samira)
    visitor = school.visitor(samira)
    token = filled(visitor.get("/me").form("/logout"))["csrf_token"]
    for client in (visitor.client, school.app.test_client()):
        for path in ("/", "/card", "/nothing-here", "/login"):
            assert client.get(path, headers=headers).status_code < 500, path
            sent = client.post(path, data={"csrf_token": token, "email": "a"}, headers=headers)
            assert sent.status_code < 500, path


def test_the_way_back_stays_in_the_house(school: School) -> None:
    answer = school.app.test_client().get("/nothing", headers={"Referer": "http://localhost//evil.example/"})
    assert "evil.example" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "path", ["/lessons/%00", "/people/%00/edit", "/files/a%00b", "/bookings/new?learner=%00"]
)
def test_an_address_with_a_nul_is_no_address(school: School, path: str) -> None:
    assert school.visitor(school.write(factories.nadia)).client.get(path).status_code == 404


def test_the_log_of_a_failed_statement_names_nobody(school: School) -> None:
    def add_twice(session: Session) -> None:
        session.add_all([Room(name="Chez Samira"), Room(name="Chez Samira")])

    with pytest.raises(IntegrityError) as failed:
        school.write(add_twice)
    assert "Samira" not in str(failed.value)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example"])
def test_only_our_own_names_are_answered_when_they_are_set(tmp_path: Path, template: Path, host: str) -> None:
    copy_template(template, tmp_path)
    school = make_school(settings_for(tmp_path, trusted_hosts=("localhost",)), migrated=True)
    client: FlaskClient = school.app.test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/healthz", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_pages_go_over_the_line_compressed(school: School, coding: str) -> None:
    visitor = school.visitor(school.write(factories.samira))
    answer = visitor.client.get("/", headers={"Accept-Encoding": coding})
    assert answer.headers["Content-Encoding"] == coding
    assert len(answer.data) < len(visitor.client.get("/").data) / 2
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_forty_people_read_at_once(school: School) -> None:
    samira = school.write(factories.samira)
    visitor = school.visitor(samira)
    cookie = visitor.get("/").response.request.headers["Cookie"]
    found: list[int] = []

    def read() -> None:
        client = school.app.test_client(use_cookies=False)
        found.append(client.get("/", headers={"Cookie": cookie}).status_code)

    threads = [threading.Thread(target=read) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [200] * 40


def test_the_database_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    for name in ("school.sqlite3", "queue.sqlite3"):
        (tmp_path / name).touch(mode=0o644)
    school = make_school(settings_for(tmp_path))
    school.write(factories.samira)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("*.sqlite3*")}
    companions = ["school.sqlite3-wal"] if journal_mode() == "WAL" else []
    assert {"school.sqlite3", "queue.sqlite3", *companions} <= set(modes)
    assert set(modes.values()) == {0o600}, modes


@contextmanager
def sending(school: School, person: Person) -> Iterator[PageForm]:
    """A form of hers that arrives; inside, the page is about to act on it."""
    with school.app.test_request_context("/", method="POST", data={"request_id": "same-key-12345"}):
        login_user(db.session().get_one(Person, person.id))
        yield PageForm()


def test_what_is_shown_once_is_shown_for_the_first_sending_only(school: School) -> None:
    runs = []

    def operation(_session: Session) -> str:
        runs.append(1)
        return "shown once"

    with sending(school, school.write(factories.nadia)) as form:
        assert run_once_with_result(form, operation, lambda _said: "/people") == ("shown once", "/people")
        assert run_once_with_result(form, operation, lambda _said: "/elsewhere") == (None, "/people")
    assert runs == [1]


def test_who_is_refused_because_her_twin_was_quicker_is_answered_like_her_twin(school: School) -> None:
    nadia = school.write(factories.nadia)

    def refused(session: Session) -> str:
        raise Refused(RefusalCode.EMAIL_TAKEN)

    def overtaken(session: Session) -> str:
        session.add(
            FormReceipt(
                person_id=nadia.id,
                request_id=idempotency_key(form),
                location="/twin",
                created_at=factories.NOW,
            )
        )
        session.commit()  # the twin, in its own process
        return refused(session)

    with sending(school, nadia) as form:
        with pytest.raises(Refused):
            run_once_with_result(form, refused, str)
        assert run_once_with_result(form, overtaken, str) == (None, "/twin")


def broken_view(school: School, endpoint: str, error: Exception) -> None:
    """Let a route break, for as long as this school is lent."""

    def broken(**_ids: str) -> str:
        raise error

    allow("someone")(broken)
    school.app.view_functions[endpoint] = broken


def test_a_page_that_breaks_holds_what_was_typed_and_sends_it_again(school: School) -> None:
    visitor = school.visitor(school.write(factories.samira))
    view = school.app.view_functions["me.show"]
    page = visitor.get("/me")
    broken_view(school, "me.show", RuntimeError("secret inside"))
    answer = visitor.submit(page, {"phone": "0470 12 34 56", "email": "sam@example.be"}, action="/me")
    assert answer.status == 500
    assert "secret" not in answer.text
    assert "0470 12 34 56" in answer.text
    assert "sam@example.be" in answer.text
    school.app.view_functions["me.show"] = view
    assert visitor.submit(answer, action="/me").status == 200
    assert school.read(lambda s: factories.samira(s).phone) == "0470 12 34 56"


def test_a_script_is_told_what_happened_in_one_sentence(school: School) -> None:
    visitor = school.visitor(school.write(factories.samira))
    data = filled(visitor.get("/me").form("/me"))
    headers = {"Accept": "application/json", "Sec-Fetch-Site": "same-origin"}
    answer = visitor.client.post("/assignments/none", data=data, headers=headers)
    assert answer.status_code == 404
    assert "n’existe pas" in present(answer.json)["said"]
    broken_view(school, "me.show", OperationalError("", {}, Exception("locked")))
    answer = visitor.client.post("/me", data=data, headers=headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "occupé" in present(answer.json)["said"]
    answer = visitor.client.post("/me", data={**data, "csrf_token": "old"}, headers=headers)
    assert (answer.status_code, list(present(answer.json))) == (400, ["said"])


def test_what_another_site_has_written_is_not_shown(school: School) -> None:
    answer = school.app.test_client().post(
        "/nothing-here", data={"text": "Appelez ce numéro"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 404
    assert "numéro" not in answer.get_data(as_text=True)


def test_words_are_read_out_of_a_form_that_is_too_large(school: School) -> None:
    visitor = school.visitor(school.write(factories.samira))
    page = visitor.get("/me")
    typed = {"email": "sam@example.be", "photo": file(b"x" * (2 << 20), "a.jpg")}
    answer = visitor.client.post(
        "/me",
        data={**filled(page.form("/me")), **typed},
        headers={"Sec-Fetch-Site": "same-origin"},
        content_type="multipart/form-data",
    )
    answer.request.environ["wsgi.input"].close()  # a large body is a temporary file
    assert answer.status_code == 413
    root = parse(answer.get_data(as_text=True))
    assert "sam@example.be" in root.text
    assert "Les fichiers ne sont pas gardés." in root.text
    assert root.all("form") == []


def test_whoever_tries_too_often_keeps_what_was_typed_but_no_secret(school: School) -> None:
    visitor = school.visitor()
    page = visitor.get("/login")
    typed = {"email": "luc@service.example.be", "password": "not this one"}
    *_wrong, answer = [visitor.submit(page, typed, action="/login") for _try in range(9)]
    assert answer.status == 429
    assert "luc@service.example.be" in answer.text
    assert "not this one" not in answer.html
    assert answer.root.all("form") == [], "sending it without the password is of no use"


def test_homework_that_was_withdrawn_before_the_first_word_was_stored_shows_the_words(school: School) -> None:
    given = school.write(lambda s: factories.assignment(s).id)
    samira, nadia = (school.visitor(school.write(role)) for role in (factories.samira, factories.nadia))
    page = samira.get(f"/assignments/{given}")
    nadia.submit(nadia.get(f"/assignments/{given}/edit"), action="/withdrawal")
    answer = samira.submit(
        page, {"text": "Lundi, mardi"}, action=f"/assignments/{given}", button="/submission"
    )
    assert answer.status == 404
    assert "Lundi, mardi" in answer.text


def test_a_script_that_sends_a_form_is_told_the_next_page_and_its_message_waits_there(school: School) -> None:
    samira = school.visitor(school.write(factories.samira).id)
    form = filled(samira.get("/me").form("/me"))
    answer = samira.client.post("/me", data={**form, "text_size": "large"}, headers={"X-Sent-By": "script"})
    assert (answer.status_code, answer.headers["X-Next"], answer.data) == (204, "/me", b"")
    assert "Location" not in answer.headers
    assert "C’est modifié." in samira.get("/me").text
    refused = samira.client.post("/me", data={**form, "phone": "0"}, headers={"X-Sent-By": "script"})
    assert refused.status_code == 422
    assert "X-Next" not in refused.headers


def test_each_person_has_a_key_for_the_browser_that_is_not_the_id(school: School) -> None:
    people = [school.write(factories.samira), school.write(factories.nadia)]
    keys = [school.visitor(person.id).get("/me").root.all("body")[0].get("data-person") for person in people]
    with school.app.app_context():
        assert keys == [browser_key(person) for person in people]
    assert len(set(keys)) == 2
    assert not any(person.id in key for person in people for key in keys)
    assert not school.visitor().get("/card").root.all("body")[0].get("data-person")


def test_no_field_and_no_question_of_an_address_holds_a_nul(school: School) -> None:
    with school.app.test_request_context("/?le%00vel=N%001", method="POST", data={"te\0xt": "a\0b"}):
        assert request.args.to_dict() == {"level": "N1"}
        assert request.form.to_dict() == {"text": "ab"}
