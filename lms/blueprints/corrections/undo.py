"""Taking back what was returned: in the seconds before it is final, or from who reads it without a login."""

# Read by the team alone.

from __future__ import annotations

from flask import Blueprint, flash, redirect, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.domain.errors import Refused
from lms.domain.homework import attempts, returns, signed_views
from lms.extensions import write
from lms.i18n.refusals import sentence
from lms.models import Role

bp = Blueprint("returns", __name__)


@bp.post("/corrections/<id>/returns/<returned_id>/undo")
@allow(Role.TEACHER)
def undo(id: str, returned_id: str) -> BaseResponse:
    """Take a return back and show the attempt, which waits again; a second press shows it too."""

    def in_transaction(session: Session) -> str:
        attempt = attempts.queued_attempt_for(session, me(), id)
        returns.undo_return(session, attempt, me(), returned_id, now=now())
        return attempt.submission.learner.first_name

    try:
        name = write(in_transaction)
    except Refused as refusal:
        flash(str(sentence(refusal)), "error")
    else:
        flash(_("La copie de %(name)s attend de nouveau.", name=name), "success")
    return redirect(url_for("corrections.desk", id=id), 303)


@bp.post("/corrections/<id>/views/revocation")
@allow(Role.TEACHER)
def revoke_views(id: str) -> BaseResponse:
    """End the private addresses under which the answers to the attempt can be read without a login."""

    def in_transaction(session: Session) -> None:
        signed_views.revoke_views(session, me(), attempts.queued_attempt_for(session, me(), id), now=now())

    write(in_transaction)
    flash(_("Le lien sans connexion ne marche plus."), "success")
    return redirect(url_for("corrections.desk", id=id), 303)
