"""Idempotency of forms: a form sent twice runs once and leads to the same page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from os import SEEK_END
from typing import TypeVar

from flask import redirect, request
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import me
from lms.clock import now
from lms.domain.errors import Refused
from lms.extensions import db, write
from lms.forms import PageForm
from lms.models import FormReceipt

T = TypeVar("T")


def idempotency_key(form: PageForm) -> str:
    """Return the idempotency key of a submission, from the request id, address and values of the form.

    A form that is changed after going back and sent again gets another key: its text must not be dropped.
    So does a form sent by another of its buttons: each button has an address of its own.
    """
    values: list[tuple[str, str, int]] = [
        (name, value, 0) for name, value in request.form.items(multi=True) if name != "csrf_token"
    ]
    for name, file in request.files.items(multi=True):
        values.append((name, file.filename or "", file.stream.seek(0, SEEK_END)))
        file.stream.seek(0)
    whole = json.dumps([form.request_id.data, request.path, sorted(values)])
    return hashlib.sha256(whole.encode()).hexdigest()[:40]


def run_once_with_result(
    form: PageForm, action: Callable[[Session], T], location_of: Callable[[T], str], *, key: str | None = None
) -> tuple[T | None, str]:
    """Run the action in one transaction; return its result and the address of the next page.

    The same form sent again (double tap, lost network, back button) does nothing and gets None and the
    same address: its key is unique in the database, written in the transaction of the action.
    """
    key = key or idempotency_key(form)

    def in_transaction(session: Session) -> tuple[T | None, str]:
        receipt = session.get(FormReceipt, (me().id, key))
        if receipt is not None:
            return None, receipt.location
        result = action(session)
        location = location_of(result)
        session.add(FormReceipt(person_id=me().id, request_id=key, location=location, created_at=now()))
        session.flush()
        return result, location

    try:
        return write(in_transaction)
    except (IntegrityError, Refused):
        # On PostgreSQL a simultaneous request may have committed first: then both get the same answer.
        receipt = db.session().get(FormReceipt, (me().id, key))
        if receipt is None:
            raise
        return None, receipt.location


def run_once(form: PageForm, action: Callable[[Session], str], *, key: str | None = None) -> BaseResponse:
    """Run the action and redirect (303) to the page that it returns, also when the form is sent again."""
    _result, location = run_once_with_result(form, action, str, key=key)
    return redirect(location, 303)
