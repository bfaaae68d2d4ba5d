"""While a body comes from a slow phone, its request holds nothing that others need."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from flask import request
from sqlalchemy.pool import QueuePool
from werkzeug.test import EnvironBuilder, TestResponse

from lms import extensions
from lms.extensions import write
from lms.http_server import THREADS
from tests import factories
from tests.support.engines import postgres_template, school, shared_postgres_school
from tests.support.pages import Visitor, filled
from tests.support.school import School, copy_template, make_school, settings_for

__all__ = ["postgres_template", "school", "shared_postgres_school"]  # fixtures of both engines

TEXT = "Lundi, mardi, mercredi. " * 40


class SlowBody(io.BytesIO):
    """A body that comes in small pieces, and notes how many connections are in use before each of them."""

    def __init__(self, content: bytes, used: Callable[[], int]) -> None:
        super().__init__(content)
        self._used = used
        self.seen: list[int] = []

    def read(self, size: int | None = -1, /) -> bytes:
        self.seen.append(self._used())
        return super().read(min(500, size) if size and size > 0 else 500)

    readinto = None  # type: ignore[assignment]  # as the bodies of servers


def pool_of(school: School) -> QueuePool:
    return cast(QueuePool, school.engine.pool)


def send_slowly(
    school: School, visitor: Visitor, path: str, data: dict[str, Any], kind: str | None = None
) -> tuple[TestResponse, list[int]]:
    """Send a form slowly; return the answer, and how many connections were in use meanwhile."""
    whole = EnvironBuilder(path, method="POST", data=data, content_type=kind).get_environ()
    body = SlowBody(whole["wsgi.input"].read(), lambda: pool_of(school).checkedout())
    answer = visitor.client.post(
        path,
        input_stream=body,
        content_type=whole["CONTENT_TYPE"],
        content_length=int(whole["CONTENT_LENGTH"]),
    )
    return answer, body.seen


def test_a_homework_that_comes_slowly_holds_no_connection(school: School) -> None:
    task, samira = school.write(lambda s: (factories.assignment(s).id, factories.samira(s).id))
    visitor = school.visitor(samira)
    data = {**filled(visitor.get(f"/assignments/{task}").form(f"/assignments/{task}")), "text": TEXT}
    answer, used = send_slowly(
        school, visitor, f"/assignments/{task}/submission", data, "multipart/form-data"
    )
    assert answer.status_code == 303
    assert len(used) > 2
    assert set(used) == {0}
    assert TEXT.strip() in visitor.get(answer.location).text


def test_a_form_and_a_form_after_the_login_hold_no_connection_either(school: School) -> None:
    visitor = school.visitor(school.write(factories.samira))
    data = filled(visitor.get("/me").form("/me"))
    answer, used = send_slowly(school, visitor, "/me", {**data, "unknown": TEXT})
    assert answer.status_code == 303
    assert set(used) == {0}
    for path in ("/me", "/offers/unknown/acceptance"):
        answer, used = send_slowly(school, school.visitor(), path, {"text": TEXT})
        assert answer.status_code in (401, 400)
        assert set(used) <= {0}


def test_without_a_free_connection_the_form_comes_back_as_it_was_typed(
    tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"CONNECTIONS": 2, "KEPT": 2, "POOL_WAIT": 0.01}.items():
        monkeypatch.setattr(extensions, name, value)
    copy_template(template, tmp_path)
    crowded = make_school(settings_for(tmp_path), migrated=True)
    task, samira = crowded.write(lambda s: (factories.assignment(s).id, factories.samira(s).id))
    visitor = crowded.visitor(samira)
    data = {**filled(visitor.get(f"/assignments/{task}").form(f"/assignments/{task}")), "text": TEXT}
    with ExitStack() as others:
        for _ in range(2):
            others.enter_context(crowded.engine.connect())
        answer = visitor.client.post(f"/assignments/{task}/submission", data=data)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert TEXT.strip() in answer.text
    assert visitor.client.post(f"/assignments/{task}/submission", data=data).status_code == 303


def test_a_body_that_is_read_within_a_transaction_that_writes_is_an_error(school: School) -> None:
    with (
        school.app.test_request_context("/", method="POST", data={"text": TEXT}),
        pytest.raises(RuntimeError, match="while the network is waited for"),
    ):
        write(lambda _session: request.form["text"])


def test_every_thread_of_our_own_server_has_a_connection() -> None:
    assert THREADS <= extensions.CONNECTIONS
    assert extensions.POOL_WAIT <= 3
