"""What the log says, and what it never says."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from lms.event_log import _without_path
from lms.models import Role
from tests import factories
from tests.factories.cards import Printed
from tests.support.pages import file
from tests.support.school import School

# Of the form of an e-mail address, a token, a code and a text at once; typed wherever something can be typed.
CANARY = "canary.Qx7-Lundi@example.be"
FIELDS = [
    "email",
    "password",
    "current",
    "text",
    "token",
    "code",
    "pin",
    "name",
    "title",
    "goal",
    "comment",
    "question",
    "note",
    "address",
    "phone",
    "sms_number",
    "room",
    "next",
    "reason",
    "instructions",
    "search",
    "q",
    "language",
    "request_id",
    "hour",
    "csrf_token",
]
TYPED = dict.fromkeys(FIELDS, CANARY)


def lines(caplog: pytest.LogCaptureFixture, logger: str = "lms.events") -> list[dict[str, Any]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == logger]


def call(client: FlaskClient, rule: Rule, method: str, given: str) -> int:
    path = rule.rule.replace("/assignments/<id>", f"/assignments/{given}")
    for name in rule.arguments:
        path = "/".join(CANARY if name in part and "<" in part else part for part in path.split("/"))
    values: dict[str, Any] = {**TYPED, "photo": file(b"x", f"{CANARY}.jpg")} if method == "POST" else {}
    headers = {"User-Agent": CANARY, "Referer": f"http://localhost/{CANARY}", "X-Forwarded-For": CANARY}
    answer = client.open(path, method=method, query_string=TYPED, data=values or None, headers=headers)
    answer.get_data()
    return answer.status_code


@pytest.mark.own_school
def test_no_route_writes_what_was_typed_into_the_log(
    school: School, caplog: pytest.LogCaptureFixture
) -> None:
    school.app.config["WTF_CSRF_ENABLED"] = False  # or every form would be refused before it is read
    everybody = {
        Role.LEARNER: school.write(lambda s: factories.samira(s).id),
        Role.TEACHER: school.write(lambda s: factories.nadia(s).id),
        Role.COORDINATOR: school.write(lambda s: factories.claire(s).id),
        Role.SOCIAL_WORKER: school.write(lambda s: factories.farid(s).id),
    }
    given = school.write(lambda s: factories.assignment(s).id)
    caplog.set_level(logging.DEBUG)
    answered = set()
    for rule in school.app.url_map.iter_rules():
        allowed = getattr(school.app.view_functions[rule.endpoint], "allowed", ())
        role = next((role for role in everybody if role in allowed), Role.LEARNER)
        for method in (rule.methods or set()) & {"GET", "POST"}:
            client = school.visitor(everybody[role]).client
            answered.add(call(client, rule, method, given))
    assert {200, 303, 404, 422} <= answered, "the pages were really asked"
    assert 500 not in answered
    assert len(lines(caplog, "lms.web")) > 140
    for record in caplog.records:
        said = logging.Formatter().format(record)
        if record.name.startswith("lms"):
            assert "canary" not in said, said
            assert "Lundi" not in said, said


def test_a_request_is_one_line_with_its_route_and_its_number(
    school: School, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lms")
    card = school.write(lambda s: factories.printed_card(s, factories.samira(s)))
    given = school.write(lambda s: factories.assignment(s).id)
    samira = school.visitor(school.write(factories.samira))
    samira.get(f"/card/{card.token}")
    samira.get(f"/assignments/{given}")
    token, assignment = lines(caplog, "lms.web")
    assert (token["method"], token["path"], token["status"]) == ("GET", "/card/<token>", 200)
    assert (assignment["path"], assignment["status"]) == (f"/assignments/{given}", 200)
    assert assignment["person"]
    assert isinstance(assignment["ms"], int)
    assert len({token["request"], assignment["request"]}) == 2


def test_each_failed_login_lock_refusal_and_429_is_one_event_with_ids(
    school: School, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lms")

    def printed() -> Printed:
        return school.write(lambda s: factories.printed_card(s, factories.samira(s)))

    card = printed()
    luc = school.write(lambda s: factories.with_password(s, factories.luc(s)).id)
    visitor = school.visitor()
    for _ in range(13):
        visitor.submit(visitor.get(f"/card/{card.token}"), {"pin": "0000"}, action="/card/login")
    failed = [line for line in lines(caplog) if line["event"] == "attempt_failed"]
    assert [line["card"] for line in failed] == [card.id] * 12
    (locked,) = [line for line in lines(caplog) if line["event"] == "card_locked"]
    assert locked["card"] == card.id
    assert [line["path"] for line in lines(caplog) if line["event"] == "too_many_attempts"] == ["/card/login"]
    refused = [line["code"] for line in lines(caplog) if line["event"] == "refused"]
    assert refused == ["pin_wrong"] * 4 + ["card_locked"] * 8
    caplog.clear()
    for email in ("luc@service.example.be", "nobody@example.be"):
        typed = {"email": email, "password": "azerty-uiop"}
        visitor.submit(visitor.get("/login"), typed, follow=False)
    failed = [line for line in lines(caplog) if line["event"] == "attempt_failed"]
    assert [line.get("person") for line in failed] == [luc, None]
    for secret in (card.token, card.pin, card.code, "azerty", "luc@", "nobody@"):
        assert secret not in caplog.text


def test_the_web_server_does_not_name_the_path_of_a_request_that_broke() -> None:
    record = logging.makeLogRecord({"msg": "Exception while serving /card/secret-token"})
    assert _without_path(record)
    assert record.getMessage() == "Exception while serving a request"
