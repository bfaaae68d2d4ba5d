"""Forms that were sent after their login had ended: kept for an hour, for the person whose login it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lms.domain.errors import Absent
from lms.domain.people.logins import digest
from lms.models import KeptForm, Person

KEPT = timedelta(hours=1)
# For one person. More are a mistake or an attack: nobody is logged in when a form is kept.
MOST_FORMS = 4
MOST_CHARACTERS = 400_000
MOST_PATH = 500


def keep_form(
    session: Session,
    person_id: str,
    token: str,
    path: str,
    fields: Sequence[tuple[str, str]],
    *,
    had_files: bool,
    now: datetime,
) -> None:
    """Keep a form for the person; the browser that sent it gets the token.

    Raises `Absent` when nobody could see it again: the person is deactivated, or the form is too long.
    """
    person = session.get(Person, person_id)
    text = json.dumps(list(fields))
    if person is None or not person.is_active or len(text) > MOST_CHARACTERS or len(path) > MOST_PATH:
        raise Absent
    delete_old_forms(session, now=now)
    newest = select(KeptForm.id).where(KeptForm.person_id == person_id)
    newest = newest.order_by(KeptForm.created_at.desc(), KeptForm.id).limit(MOST_FORMS - 1)
    others = session.scalars(newest).all()
    session.execute(delete(KeptForm).where(KeptForm.person_id == person_id, KeptForm.id.not_in(others)))
    session.add(
        KeptForm(
            person_id=person_id,
            token_hash=digest(token),
            path=path,
            fields=text,
            had_files=had_files,
            created_at=now,
        )
    )
    session.flush()


def kept_forms(session: Session, person: Person, tokens: Sequence[str], *, now: datetime) -> list[KeptForm]:
    """Return the forms of the person for which this browser holds a token, in the order of the tokens."""
    places = {digest(token): place for place, token in enumerate(tokens)}
    found = session.scalars(
        select(KeptForm).where(
            KeptForm.token_hash.in_(list(places)),
            KeptForm.person_id == person.id,
            KeptForm.created_at > now - KEPT,
        )
    )
    return sorted(found, key=lambda form: places[form.token_hash])


def fields_of(form: KeptForm) -> list[tuple[str, str]]:
    """Return the names and values of a kept form in their order."""
    return [(str(name), str(value)) for name, value in json.loads(form.fields)]


def delete_old_forms(session: Session, *, now: datetime) -> None:
    """Delete the forms that were kept for an hour."""
    session.execute(delete(KeptForm).where(KeptForm.created_at <= now - KEPT))
