"""The form that was sent after the login had ended, shown again to its person."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow
from lms.web import kept_form

bp = Blueprint("kept_form", __name__)


@bp.get("/kept")
@allow("someone")
def show() -> BaseResponse:
    """Show the page of the form, filled in; only its person sends it."""
    return kept_form.show_again()
