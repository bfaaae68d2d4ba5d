"""Courrier à classer: mails that nobody could file by rule, and what became of the others."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask_babel import LazyString, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.adapters.store import UnknownKey
from lms.clock import now
from lms.current import settings, store
from lms.domain.errors import Absent, Refused
from lms.domain.homework import inbox_filing, inbox_moves, inbox_tray, mailbox, worklist
from lms.domain.homework.inbox_matching import people_of_address
from lms.domain.homework.inbox_tray import Guess, MailLine, Reason
from lms.domain.homework.worklist import LearnerAssignment
from lms.domain.people import directory
from lms.event_log import log_event
from lms.extensions import db, write
from lms.forms import tidy
from lms.forms.homework import FilingForm
from lms.i18n.refusals import SENTENCES, sentence
from lms.models import InboundMail, InboundPart, MailState, Person, Role
from lms.refusal_codes import RefusalCode
from lms.web.body_limits import MEGABYTE
from lms.web.pages import page
from lms.web.paging import pager_links

bp = Blueprint("mail", __name__)

# Why the mailbox cannot be read; the words of `lms/adapters/inbox/mailbox` and of `lms/inbox_job`.
FAILURES: dict[str, LazyString] = {
    "connection": _l("Le serveur de la boîte ne répond pas."),
    "certificate": _l("Le certificat du serveur de la boîte n’est pas accepté."),
    "login": _l("Le serveur refuse le nom ou le mot de passe de la boîte."),
    "server": _l("Le serveur de la boîte a répondu par une erreur."),
    "disk": _l("Il n’y a plus de place sur le disque."),
}
STATES: dict[str, LazyString] = {
    MailState.WAITING: _l("À classer"),
    MailState.FILED: _l("Déposé"),
    MailState.ASIDE: _l("Pas un devoir"),
    MailState.JUNK: _l("Indésirable"),
    MailState.REFUSED: _l("Refusé"),
    MailState.BOUNCE: _l("E-mail revenu"),
    MailState.AUTOMATIC: _l("Message automatique"),
}
REASONS: dict[str, LazyString] = {
    Reason.REPLY: _l("C’est une réponse à un e-mail pour cette personne."),
    Reason.ADDRESS: _l("L’adresse est connue."),
    Reason.SENDER: _l("L’expéditeur a ce nom."),
    Reason.FIRST_NAME: _l("Le prénom est dans le message."),
    Reason.LESSON: _l("La leçon est dans le message."),
    Reason.REDO: _l("Devoir à refaire."),
    Reason.TODO: _l("Devoir à faire."),
}


@dataclass(frozen=True)
class ShownMail:
    """A mail as its page shows it.

    `may_move`: it was filed, and can still go to somebody else. `chosen`: the learner of the address whose
    homework is listed.
    """

    mail: InboundMail
    parts: list[InboundPart]
    why: str
    may_move: bool = False
    guesses: list[Guess] = field(default_factory=list)
    may_tie: bool = False
    query: str = ""
    found: list[Person] = field(default_factory=list)
    chosen: Person | None = None
    homework: list[LearnerAssignment] = field(default_factory=list)


@bp.get("/mail")
@allow(Role.TEACHER, Role.COORDINATOR)
def index() -> BaseResponse:
    """List what waits, with the first one beside it; with `handled` in the address the others."""
    return _tray(None)


@bp.get("/mail/<id>")
@allow(Role.TEACHER, Role.COORDINATOR)
def show(id: str) -> BaseResponse:
    return _tray(id)


@bp.get("/mail/<id>/previews/<part_id>")
@allow(Role.TEACHER, Role.COORDINATOR)
def preview(id: str, part_id: str) -> BaseResponse:
    """Deliver the picture that we made of a file of a mail."""
    _check_inbox()
    part = inbox_tray.preview_for(db.session(), id, part_id)
    try:
        with store().open(part.preview_key or "") as file:
            content = file.read()
    except UnknownKey:
        raise Absent from None
    response = Response(content, mimetype="image/jpeg")
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@bp.post("/mail/<id>/filing")
@allow(Role.TEACHER, Role.COORDINATOR)
def file(id: str) -> BaseResponse:
    """File the mail as the homework that was chosen, and tie its address to the learner.

    What is filed already goes from the wrong learner to the right one.
    """
    form = FilingForm()
    # A guess has a button of its own; without one the list was chosen from.
    target = form.target.data or form.chosen.data or ""
    learner_id, _dot, assignment_id = target.partition(".")

    def in_transaction(session: Session) -> str:
        mail = inbox_filing.mail_for(session, id)
        learner = directory.learner_for(session, me(), learner_id)
        if mail.is_filed:
            inbox_moves.move_mail(session, me(), mail, learner, assignment_id, now=now())
        else:
            quota = settings().learner_quota_mb * MEGABYTE
            inbox_filing.file_mail(session, me(), mail, learner, assignment_id, quota=quota, now=now())
        if form.tie.data and mail.from_address:
            inbox_filing.tie_address(session, me(), learner, mail.from_address, now=now())
        return learner.name

    _check_inbox()
    if not target:
        flash(_("Choisissez d’abord une personne et un devoir."), "error")
        return redirect(url_for("mail.show", id=id), 303)
    try:
        name = write(in_transaction)
    except Refused as refusal:
        log_event("refused", code=refusal.code)
        remains = _("Ce message reste à classer.") if refusal.code != RefusalCode.MAIL_MOVED_LATE else ""
        flash(f"{remains} {sentence(refusal)}".strip(), "error")
        return redirect(url_for("mail.show", id=id), 303)
    flash(_("Le devoir de %(name)s est déposé.", name=name), "success")
    return redirect(url_for("mail.index"), 303)


@bp.post("/mail/<id>/aside")
@allow(Role.TEACHER, Role.COORDINATOR)
def put_aside(id: str) -> BaseResponse:
    """Record that the mail is no homework."""
    return _handle(
        id,
        lambda session, mail: inbox_filing.set_aside(session, me(), mail, junk=False, now=now()),
        _("Ce message n’est pas un devoir : il est classé."),
    )


@bp.post("/mail/<id>/junk")
@allow(Role.TEACHER, Role.COORDINATOR)
def mark_junk(id: str) -> BaseResponse:
    return _handle(
        id,
        lambda session, mail: inbox_filing.set_aside(session, me(), mail, junk=True, now=now()),
        _("Ce message est indésirable : il est classé."),
    )


@bp.post("/mail/<id>/return")
@allow(Role.TEACHER, Role.COORDINATOR)
def put_back(id: str) -> BaseResponse:
    """Put a mail back into the tray."""
    return _handle(id, inbox_filing.put_back_into_tray, _("Ce message est de nouveau à classer."))


def _handle(id: str, act: Callable[[Session, InboundMail], None], said: str) -> BaseResponse:
    _check_inbox()
    write(lambda session: act(session, inbox_filing.mail_for(session, id)))
    flash(said, "success")
    return redirect(url_for("mail.index"), 303)


def _check_inbox() -> None:
    if not settings().has_inbox:
        abort(404)


def _tray(id: str | None) -> BaseResponse:
    _check_inbox()
    session, handled = db.session(), "handled" in request.args
    after, total = request.args.get("after"), None
    if handled:
        cut, lines = inbox_tray.list_handled_mails(session, after)
    else:
        cut, lines, total = inbox_tray.list_waiting_mails(session, after)
    shown_id = id or (lines[0].id if lines and not handled else None)
    asked = {"handled": "1"} if handled else {}
    return page(
        "mail_tray/index.html",
        lines=lines,
        total=total,
        begin=cut.begin,
        handled=handled,
        asked=asked,
        shown=None if shown_id is None else _shown(session, shown_id),
        is_alone=id is not None,
        form=FilingForm(formdata=None),
        failing=mailbox.find_failing(session) if me().is_coordinator else None,
        failures=FAILURES,
        states=STATES,
        reasons=REASONS,
        contents=_contents,
        part_refusal=_part_refusal,
        **pager_links(cut, "mail.index", **asked),
    )


def _shown(session: Session, mail_id: str) -> ShownMail:
    mail, parts = inbox_tray.shown_mail_for(session, mail_id)
    why = str(SENTENCES[mail.why]) if mail.why else ""
    may_move = inbox_moves.may_move(session, mail)
    if not (mail.may_be_filed or may_move):
        return ShownMail(mail, parts, why)
    query = (tidy(request.args.get("q")) or "")[:80]
    person_id = request.args.get("person", "")[:14]
    chosen = directory.learner_for(session, me(), person_id) if person_id else None
    return ShownMail(
        mail,
        parts,
        why,
        may_move=may_move,
        guesses=[] if may_move else inbox_tray.guesses_for(session, mail, parts, now=now()),
        may_tie=_may_tie(session, mail),
        query=query,
        found=list(inbox_tray.find_learners(session, query)) if query and chosen is None else [],
        chosen=chosen,
        homework=worklist.open_assignments(session, chosen, now=now()) if chosen is not None else [],
    )


def _may_tie(session: Session, mail: InboundMail) -> bool:
    """Return whether the address of a mail is of nobody, or was tied to whom the mail was filed for."""
    if mail.is_filed:
        return inbox_filing.is_tied(session, mail)
    return bool(mail.from_address) and not people_of_address(session, mail.from_address)


def _contents(line: MailLine) -> str:
    """Return what a mail brings, such as "2 photos, texte"."""
    parts = []
    if line.photos:
        parts.append(ngettext("%(num)s photo", "%(num)s photos", line.photos))
    if line.files:
        parts.append(ngettext("%(num)s fichier", "%(num)s fichiers", line.files))
    if line.has_text:
        parts.append(_("texte"))
    return ", ".join(parts) or _("vide")


def _part_refusal(part: InboundPart) -> str:
    """Return why a file of a mail cannot be opened."""
    return sentence(Refused(part.refusal or RefusalCode.FILE_BROKEN, asked=part.kind), ("photo", "text"))
