"""The agenda: a week of one teacher or of all, and for whom one of its free slots is booked."""

# Read by the team alone.

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from flask import Blueprint, redirect, request, url_for
from flask_babel import get_locale
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.blueprints.booking.agenda_page import DAY, Week, is_over, load_week
from lms.clock import now
from lms.current import organisation, settings
from lms.domain.booking import availability, team_queries
from lms.domain.errors import Absent
from lms.domain.people import directory
from lms.domain.people.directory import LearnerFilter
from lms.extensions import db
from lms.forms import tidy
from lms.forms.booking import parse_day, parse_slot
from lms.models import Person, Role
from lms.web.pages import page
from lms.web.paging import asked_page

bp = Blueprint("agenda", __name__)

ALL = "all"
LONGEST_NAME = 80
_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_YEARS = range(2020, 2101)


@bp.get("/agenda")
@allow(Role.TEACHER, Role.COORDINATOR)
def index() -> BaseResponse:
    """Show a week. On a narrow screen the style sheet leaves one day of it, by default today."""
    today = now().astimezone(settings().time_zone).date()
    asked, wanted = request.args.get("week"), parse_day(request.args.get("day"), _YEARS)
    teachers = availability.teacher_names(db.session()) if me().is_coordinator else {}
    chosen = _chosen(teachers)
    teacher = None if chosen == ALL else me() if chosen == me().id else db.session().get(Person, chosen)
    monday = _monday(asked, wanted or today)
    week = _load(monday, teacher)
    if asked is None and wanted is None and is_over(week.days, today, now()):
        monday += 7 * DAY
        week = _load(monday, teacher)
    day = wanted or (today if monday <= today < monday + 7 * DAY else monday)
    shown = [entry for entry in week.days if entry.date.weekday() < 5 or entry.entries or entry.date == day]
    whose = None if chosen == me().id else chosen
    return page(
        "agenda/index.html",
        week=week,
        days=shown,
        monday=monday,
        name=_name(monday),
        today=today,
        day=day,
        teachers=teachers,
        chosen=chosen,
        everybody=ALL,
        around=[url_for("agenda.index", week=_name(monday + n * DAY), teacher=whose) for n in (-7, 7)],
        near=[url_for("agenda.index", day=(day + n * DAY).isoformat(), teacher=whose) for n in (-1, 1)],
        to_today=url_for("agenda.index", teacher=whose, _anchor="today"),
        at=now(),
        undecided=team_queries.count_conflicts_for(db.session(), me(), now=now()),
    )


@bp.get("/agenda/slot")
@allow(Role.TEACHER, Role.COORDINATOR)
def slot() -> BaseResponse:
    """Ask for whom a free slot is booked; the page after it checks that the slot is still free."""
    value = request.args.get("hour", "")
    parsed = parse_slot(value)
    teacher = availability.teacher_names(db.session()).get(parsed[0]) if parsed else None
    if parsed is None or teacher is None:
        return redirect(url_for("agenda.index"), 303)
    text = (tidy(request.args.get("q")) or "")[:LONGEST_NAME]
    number = asked_page()
    wanted = LearnerFilter(text=text, page=number)
    learners, more = directory.list_learners(db.session(), me(), wanted, now=now())
    return page(
        "agenda/slot.html",
        value=value,
        starts=parsed[1],
        teacher=teacher,
        text=text,
        learners=learners,
        previous=url_for("agenda.slot", hour=value, q=text or None, page=number - 1) if number > 1 else None,
        following=url_for("agenda.slot", hour=value, q=text or None, page=number + 1) if more else None,
    )


def _load(monday: date, teacher: Person | None) -> Week:
    return load_week(
        db.session(),
        organisation(),
        monday,
        teacher,
        language=str(get_locale() or "fr"),
        now=now(),
        zone=settings().time_zone,
    )


def _chosen(teachers: Mapping[str, str]) -> str:
    """Return the id of the teacher whose week is shown, or `ALL`; only a coordinator chooses."""
    own = me().id if me().is_teacher else ALL
    wanted = request.args.get("teacher") or own
    if wanted != own and wanted not in teachers and not (wanted == ALL and me().is_coordinator):
        raise Absent
    return wanted


def _name(day: date) -> str:
    return f"{day.isocalendar().year}-W{day.isocalendar().week:02}"


def _monday(week: str | None, day: date) -> date:
    """Return the Monday of a week like `2026-W49`; of the week of `day` when it is malformed."""
    found = _WEEK.fullmatch(week or "")
    try:
        if found and int(found[1]) in _YEARS:
            return date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError:
        pass
    return day - day.weekday() * DAY
