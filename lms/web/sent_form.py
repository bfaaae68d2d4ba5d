"""The form that a request brought: what of it may be shown, sent or kept again."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, g, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.exceptions import HTTPException

from lms.forms.typed import is_secret, is_typed

# A body that is larger than its page accepts is read all the same up to this, for the words in it.
MOST_BYTES = 32 << 20


@dataclass(frozen=True)
class SentForm:
    """A form without its secrets and files.

    `fields`: what sends it again. `texts`: what of it was typed. `owner`: the person for whom its page was
    made, None where the page does not say.
    """

    path: str
    fields: tuple[tuple[str, str], ...] = ()
    texts: tuple[str, ...] = ()
    owner: str | None = None
    had_files: bool = False
    had_secrets: bool = False

    @property
    def is_whole(self) -> bool:
        """Return whether sending the fields again would send everything."""
        return bool(self.fields) and not self.had_files and not self.had_secrets


def sent_form(*, was_logged_in: bool = False) -> SentForm:
    """Return the form of this request; without fields when there is none, or when it cannot be read.

    Runs no query. `was_logged_in`: a login that has ended sent it. Without any login no body is read beyond
    its limit.
    """
    path = request.full_path.rstrip("?")
    try:
        if (was_logged_in or "person_id" in g) and (request.content_length or 0) > (
            request.max_content_length or MOST_BYTES
        ):
            request.max_content_length = MOST_BYTES
        sent = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
        had_files = any(file.filename for file in request.files.values())
        for file in request.files.values():
            file.close()  # a large one is a temporary file
    except (HTTPException, OSError):  # too large, cut off, or the disk is full
        return SentForm(path)
    fields = tuple((name, value) for name, value in sent if not is_secret(name))
    return SentForm(
        path=path,
        fields=fields,
        texts=tuple(value.strip() for name, value in fields if is_typed(name) and value.strip()),
        owner=_owner(),
        had_files=had_files,
        had_secrets=len(fields) < len(sent),
    )


def is_of_another_person(form: SentForm) -> bool:
    """Return whether the page of the form was made for another person than the one who is logged in now."""
    person_id = g.get("person_id")
    return person_id is not None and form.owner not in (None, person_id)


def _owner() -> str | None:
    """Return whom the CSRF token names, also one that is not accepted any more."""
    # The salt of Flask-WTF.
    signed = URLSafeTimedSerializer(current_app.secret_key or "", salt="wtf-csrf-token")
    try:
        named = signed.loads(request.form.get("csrf_token", ""))
    except BadData:
        return None
    return named if isinstance(named, str) and len(named) == 14 else None
