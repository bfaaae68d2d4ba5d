"""Assignments of a lesson, for teachers: create, change, withdraw, restore."""

# Read by the team alone.

from __future__ import annotations

from flask import Blueprint, flash, redirect, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.domain.homework import assignments
from lms.extensions import db, write
from lms.forms.homework import AssignmentForm
from lms.models import Role
from lms.web.idempotency import run_once
from lms.web.pages import page

bp = Blueprint("assignments", __name__)

TEMPLATE = "homework/assignment.html"


@bp.get("/lessons/<lesson_id>/assignments/new")
@allow(Role.TEACHER)
def new(lesson_id: str) -> BaseResponse:
    lesson = assignments.lesson_for_homework(db.session(), me(), lesson_id)
    return page(TEMPLATE, form=AssignmentForm(), lesson=lesson, assignment=None)


@bp.post("/lessons/<lesson_id>/assignments/new")
@allow(Role.TEACHER)
def give(lesson_id: str) -> BaseResponse:
    lesson = assignments.lesson_for_homework(db.session(), me(), lesson_id)
    form = AssignmentForm()
    if not form.validate():
        return page(TEMPLATE, 422, form=form, lesson=lesson, assignment=None)

    def in_transaction(session: Session) -> str:
        lesson = assignments.lesson_for_homework(session, me(), lesson_id)
        assignments.create_assignment(session, me(), lesson, _task(form), now=now())
        return url_for("lesson_authoring.edit", id=lesson_id)

    answer = run_once(form, in_transaction)
    flash(_("Le devoir est enregistré."), "success")
    return answer


@bp.get("/assignments/<id>/edit")
@allow(Role.TEACHER)
def edit(id: str) -> BaseResponse:
    assignment = assignments.assignment_for(db.session(), me(), id, now=now())
    form = AssignmentForm(
        data={
            "instruction": assignment.instruction,
            "kinds": list(assignment.kinds),
            "due_on": assignment.due_on,
            "may_redo": assignment.may_redo,
        }
    )
    return page(TEMPLATE, form=form, lesson=assignment.lesson, assignment=assignment)


@bp.post("/assignments/<id>/edit")
@allow(Role.TEACHER)
def change(id: str) -> BaseResponse:
    form = AssignmentForm()
    if not form.validate():
        assignment = assignments.assignment_for(db.session(), me(), id, now=now())
        return page(TEMPLATE, 422, form=form, lesson=assignment.lesson, assignment=assignment)

    def in_transaction(session: Session) -> None:
        assignments.update_assignment(
            session, me(), assignments.assignment_for(session, me(), id, now=now()), _task(form), now=now()
        )

    write(in_transaction)
    flash(_("Le devoir est enregistré."), "success")
    return redirect(url_for("assignments.edit", id=id), 303)


@bp.post("/assignments/<id>/withdrawal")
@allow(Role.TEACHER)
def withdraw(id: str) -> BaseResponse:
    write(
        lambda s: assignments.withdraw_assignment(
            s, me(), assignments.assignment_for(s, me(), id, now=now()), now=now()
        )
    )
    flash(_("Le devoir est retiré."), "success")
    return redirect(url_for("assignments.edit", id=id), 303)


@bp.post("/assignments/<id>/restoration")
@allow(Role.TEACHER)
def bring_back(id: str) -> BaseResponse:
    write(
        lambda s: assignments.restore_assignment(
            s, me(), assignments.assignment_for(s, me(), id, now=now()), now=now()
        )
    )
    flash(_("Le devoir est de nouveau là."), "success")
    return redirect(url_for("assignments.edit", id=id), 303)


def _task(form: AssignmentForm) -> assignments.AssignmentDraft:
    return assignments.AssignmentDraft(
        instruction=form.instruction.data or "",
        kinds=form.kinds.data or [],
        due_on=form.due_on.data,
        may_redo=bool(form.may_redo.data),
    )
