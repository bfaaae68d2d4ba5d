"""Forms whose answer shows a secret once: sent again, they must neither do it twice nor show it twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms.access import me
from lms.clock import now
from lms.extensions import db, write
from lms.forms import PageForm
from lms.models import Receipt
from lms.web import sending_key

T = TypeVar("T")


def first_time(form: PageForm, verb: Callable[[Session], T], location: str) -> T | None:
    """What the verb returns; None when this very form was sent before."""
    key = sending_key(form)

    def deed(session: Session) -> T | None:
        if session.get(Receipt, (me().id, key)) is not None:
            return None
        result = verb(session)
        session.add(Receipt(person_id=me().id, request_id=key, location=location, made_at=now()))
        session.flush()
        return result

    try:
        return write(deed)
    except IntegrityError:
        # On PostgreSQL its twin may have committed first.
        if db.session().get(Receipt, (me().id, key)) is None:
            raise
        return None
