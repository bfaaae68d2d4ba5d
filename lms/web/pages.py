"""Rendering of pages: language of the request, common values of the templates."""

from __future__ import annotations

from flask import Flask, Response, g, render_template, request
from flask_babel import get_locale
from flask_babel import gettext as _

from lms.access import cookie, current_person_or_none
from lms.clock import now
from lms.current import organisation, settings_of
from lms.domain.errors import Refused
from lms.domain.homework.answer_levels import Answers
from lms.domain.homework.comparison import Change
from lms.domain.homework.error_profile import Trend
from lms.domain.homework.files import MAX_FILES
from lms.domain.lessons.progress import LessonState
from lms.i18n import dates, languages
from lms.i18n.mark_codes import CODES
from lms.i18n.mark_tools import TOOLS
from lms.i18n.refusals import sentence
from lms.models import (
    Attendance,
    Channel,
    ConflictReason,
    DayKind,
    DepositWay,
    FileKind,
    HomeworkState,
    MarkCode,
    MarkKind,
    RuleMode,
)
from lms.normal_forms import normalize_phone
from lms.web.marked_text import cut_marked_text
from lms.web.sending import browser_key

# Enums whose members templates name, to choose a word or an icon for each.
ENUMS = (
    Answers,
    Attendance,
    Change,
    Channel,
    ConflictReason,
    DayKind,
    DepositWay,
    FileKind,
    HomeworkState,
    LessonState,
    MarkCode,
    MarkKind,
    RuleMode,
    Trend,
)


def init_app(app: Flask) -> None:
    """Give every template its common values, enums, and the filters for dates, sizes and numbers."""
    app.context_processor(_context)
    app.jinja_env.globals.update({enum.__name__: enum for enum in ENUMS})
    zone = settings_of(app).time_zone
    app.jinja_env.filters.update(
        hour=lambda moment: dates.hour(moment, zone),
        day=lambda moment, language="fr": dates.day(moment, zone, language),
        short_day=lambda moment, language="fr": dates.short_day(moment, zone, language),
        full_day=lambda moment, language="fr": dates.full_day(moment, zone, language),
        why_refused=lambda file, kinds: sentence(
            Refused(file.refusal, asked=file.kind, number=MAX_FILES), kinds
        ),
        dial=lambda number: normalize_phone(number) or number,
        code_words=lambda code: CODES[MarkCode(code)],
        mark_tool=lambda kind: TOOLS.get(MarkKind(kind)),
        marked_pieces=cut_marked_text,
        points=lambda number: f"{number:g}".replace(".", ","),
        ago=lambda moment: dates.ago(moment, now()),
        mb=lambda size: _("%(number)s Mo", number=f"{size / 1_000_000:.1f}".replace(".", ",")),
    )


def page(template: str, answer: int = 200, /, **context: object) -> Response:
    """Render a template; `answer` is the HTTP status."""
    return Response(render_template(template, **context), answer)


def by_script() -> bool:
    """Return whether a script of the page sent the request and expects JSON instead of a page."""
    return request.accept_mimetypes.best == "application/json"


def request_language() -> str:
    """Return the language of the person, else of the device, else of the browser, else French."""
    person = None if g.get("ask_nothing") else current_person_or_none()
    if person is not None:
        return languages.shown_in(person.language).code
    chosen = cookie("language")
    if chosen:
        return languages.shown_in(chosen).code
    codes = [language.code for language in languages.WITH_CATALOGUE]
    return request.accept_languages.best_match(codes) or "fr"


def _context() -> dict[str, object]:
    language = languages.shown_in(str(get_locale() or "fr"))
    if g.get("ask_nothing"):
        return {"lang": language.code, "dir": language.direction, "me": None, "text_size": "normal"}
    person = current_person_or_none()
    return {
        "lang": language.code,
        "dir": language.direction,
        "me": person,
        "browser_key": browser_key(person) if person else None,
        "service": organisation(),
        "languages": languages.WITH_CATALOGUE,
        "text_size": person.text_size if person else "normal",
        "clock": now,
    }
