"""Fill an empty database from school.yaml, through the domain functions that a person would use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import yaml
from flask import Flask
from sqlalchemy import exists, select
from sqlalchemy.orm import Session, selectinload

from config import Settings
from lms.adapters import passwords, uploads
from lms.adapters.store import Store
from lms.adapters.work_folder import work_folder
from lms.current import settings_of, store_of
from lms.demo import appointments
from lms.domain.homework import assignments, attempts, correction, files
from lms.domain.lessons import authoring, tracking
from lms.domain.people import cards, learners, short_names
from lms.extensions import db, write
from lms.links import absolute_url
from lms.models import Clip, Criterion, Lesson, Level, Organisation, Person, PersonRole, Room

SCHOOL = Path(__file__).with_name("school.yaml")
# YouTube's own clip for testing players: a teacher puts a real lesson in its place.
PLACEHOLDER_CLIP = "M7lc1UVf-VE"
PLACEHOLDER_SECONDS = 180
ENDINGS = {"JPEG": "jpg", "HEIC": "heic", "PDF": "pdf"}


@dataclass(frozen=True)
class Account:
    """How a person logs in to the demo school."""

    name: str
    way: str  # e-mail and password, or the link of the card
    code: str = ""  # printed on the card


def _school() -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load(SCHOOL.read_text(encoding="utf-8")))


def accounts(app: Flask) -> list[Account]:
    """Return how each person logs in, for the greeting of `./dev run`."""
    school = _school()
    found = []
    for person in school["people"]:
        if "login" in person:
            found.append(Account(person["name"], f"{person['login']} / {school['password']}"))
        else:
            code = person["code"]
            with app.app_context():
                link = absolute_url(settings_of(app), "auth.link", token=_card_token(code))
            found.append(Account(person["name"], link, f"{code[:4]} {code[4:]}"))
    return found


def is_empty(session: Session) -> bool:
    """Return whether the database has no organisation yet."""
    return not session.scalar(select(exists().where(Organisation.id == 1)))


def build(app: Flask, now: datetime) -> None:
    """Create the demo school. Raises RuntimeError in production and in a database that is not empty."""
    settings = settings_of(app)
    if settings.production:
        raise RuntimeError("there is no demo school in production")
    school = _school()
    store = store_of(app)
    with app.app_context():
        if not is_empty(db.session()):
            raise RuntimeError("there is a school already")
        db.session.remove()  # no transaction stays open while the sheets are drawn
        before = dict(store.keys())
        try:
            sheets = [_sheet(store, settings, work) for work in school["work"]]
            write(lambda session: _all(session, school, settings, sheets, now))
        except BaseException:
            # The store is asked, because a signal may come between storing a sheet and returning its key.
            uploads.delete_keys(store, [key for key in dict(store.keys()) if key not in before])
            raise


def _all(
    session: Session,
    school: Mapping[str, Any],
    settings: Settings,
    sheets: list[list[files.StoredFile]],
    now: datetime,
) -> None:
    """Add everything in one transaction: after an interrupted first start the database is still empty."""

    def next_request() -> None:
        """Forget the loaded objects: each domain function loads what it needs, as in a request of its own."""
        session.flush()
        session.expire_all()

    with short_names.update_short_names(session):
        _people(session, school, now)
    next_request()
    _lessons(session, school, now)
    next_request()
    _watched(session, school, now)
    titles = _titles(school)
    for work, new in zip(school["work"], sheets, strict=True):
        sent_at = now - timedelta(days=work["days"], hours=2)
        attempt_id = _send(session, work, titles[work["lesson"]], new, settings, sent_at)
        next_request()
        if work["state"] in ("returned", "redo"):
            _return_feedback(session, attempt_id, work, now - timedelta(days=1))
            next_request()
    appointments.fill(session, school, settings.time_zone, now)


def _people(session: Session, school: Mapping[str, Any], now: datetime) -> None:
    if not is_empty(session):
        raise RuntimeError("there is a school already")
    facts = {key: value for key, value in school["service"].items() if key != "rooms"}
    session.add(Organisation(id=1, **facts))
    session.add_all(Room(name=name) for name in school["service"]["rooms"])
    for position, given in enumerate(school["levels"], start=1):
        level = Level(position=position, **{key: given[key] for key in ("code", "name", "cefr", "blurb")})
        session.add(level)
        session.flush()
        for place, label in enumerate(given["criteria"], start=1):
            session.add(Criterion(level_id=level.id, position=place, label=label, points=given["points"]))
    password, pin = passwords.hash_secret(school["password"]), passwords.hash_secret(school["pin"])
    began = now - timedelta(days=30)
    coordinator: Person | None = None
    for given in school["people"]:
        if "login" in given:
            person = Person(
                name=given["name"],
                login_email=given["login"],
                password_hash=password,
                created_at=began,
                role_rows=[PersonRole(role=role) for role in given["roles"]],
            )
            session.add(person)
            session.flush()
            coordinator = coordinator or person
        elif coordinator is not None:
            _learner(session, given, coordinator, pin, began)


def _learner(session: Session, given: Mapping[str, Any], actor: Person, pin: str, now: datetime) -> None:
    worker = given.get("social_worker")
    wanted = learners.LearnerDetails(
        name=given["name"],
        level_id=_level(session, given["level"]).id,
        language=given["language"],
        email=given.get("email"),
    )
    person = learners.add_learner(session, actor, wanted, now=now)
    person.shared_phone = bool(given.get("shared_phone"))
    person.social_worker_id = _person(session, worker).id if worker else None
    if "opened" in given:
        opened = frozenset(_level(session, code).id for code in given["opened"])
        learners.update_learner(
            session,
            actor,
            person,
            learners.LearnerDetails(
                name=person.name,
                level_id=wanted.level_id,
                language=person.language,
                email=person.email,
                social_worker_id=person.social_worker_id,
                opened=opened,
            ),
            now=now,
        )
    card = cards.issue_card(session, actor, person, _card_token(given["code"]), pin, now=now)
    card.code = given["code"]


def _lessons(session: Session, school: Mapping[str, Any], now: datetime) -> None:
    teachers = [_person(session, name) for name in ("Nadia Dubois", "Luc Lambert")]
    written_at = now - timedelta(days=20)
    for number, given in enumerate(school["lessons"]):
        teacher = teachers[number % len(teachers)]
        lesson = authoring.create_lesson(
            session,
            teacher,
            _level(session, given["level"]),
            title=given["title"],
            goal=given["goal"],
            instructions="Regardez la vidéo. Lisez le dialogue. Répétez à voix haute.",
            words=given["words"],
            clips=[
                authoring.ClipDraft(
                    youtube_id=PLACEHOLDER_CLIP,
                    title="Clip de démonstration, à remplacer",
                    seconds=PLACEHOLDER_SECONDS,
                    transcript="\n".join(given["dialogue"]),
                )
            ],
            now=written_at,
        )
        homework = given["homework"]
        assignments.create_assignment(
            session,
            teacher,
            lesson,
            assignments.AssignmentDraft(homework["text"], homework["kinds"]),
            now=written_at,
        )
        authoring.publish_lesson(session, teacher, _whole(session, lesson.id), now=written_at)


def _watched(session: Session, school: Mapping[str, Any], now: datetime) -> None:
    titles = _titles(school)
    for name, ids in school["watched"].items():
        person = _person(session, name)
        for days, lesson_id in enumerate(reversed(ids), start=1):
            for clip in _clips(session, titles[lesson_id]):
                tracking.record_watched(session, person, clip, now=now - timedelta(days=days))


def _sheet(store: Store, settings: Settings, work: Mapping[str, Any]) -> list[files.StoredFile]:
    """Draw the sheet of one attempt; check, clean and store it like an upload."""
    if "sheet" not in work:
        return []
    with work_folder(settings.temp) as folder:
        source = folder / "sent"
        source.write_bytes(_drawn(work["sheet"]))
        name = f"devoir.{ENDINGS[work['sheet']['format']]}"
        return [uploads.prepare_file(store, source, name, folder)]


def _drawn(sheet: Mapping[str, Any]) -> bytes:
    # The libraries of pictures take 11 MB, which a server that has its school already does not need.
    drawing = import_module("lms.adapters.media.sheet")
    drawn: bytes = drawing.draw_sheet(
        sheet["lines"], rotated=sheet.get("rotated", False), format=sheet["format"]
    )
    return drawn


def _send(
    session: Session,
    work: Mapping[str, Any],
    title: str,
    new: list[files.StoredFile],
    settings: Settings,
    now: datetime,
) -> str:
    learner = _person(session, work["learner"])
    lesson = session.scalars(select(Lesson).where(Lesson.title == title)).one()
    (assignment,) = assignments.assignments_of_lesson(session, lesson.id)
    draft = attempts.open_draft(session, learner, assignment.id, now=now)
    for file in new:
        files.add_file(session, draft, assignment, file, now=now)
    attempts.write_text(session, draft, work.get("text", ""), draft.version)
    if work["state"] != "draft":
        attempts.send_attempt(session, draft, assignment, now=now)
    return draft.id


def _return_feedback(session: Session, attempt_id: str, work: Mapping[str, Any], now: datetime) -> None:
    teacher = _person(session, "Nadia Dubois")
    attempt = attempts.queued_attempt_for(session, teacher, attempt_id)
    level_id = attempt.submission.assignment.lesson.level_id
    rubric = correction.load_rubric(session, level_id)
    feedback = correction.FeedbackDraft(
        comment=work["comment"],
        next_step=work["next_step"],
        bands={row.id: band for row, band in zip(rubric, work["bands"], strict=True)},
    )
    correction.return_feedback(session, attempt, teacher, feedback, {}, redo=work["state"] == "redo", now=now)


def _card_token(code: str) -> str:
    return f"demo-card-{code}"


def _titles(school: Mapping[str, Any]) -> dict[str, str]:
    return {lesson["id"]: lesson["title"] for lesson in school["lessons"]}


def _level(session: Session, code: str) -> Level:
    return session.scalars(select(Level).where(Level.code == code)).one()


def _person(session: Session, name: str) -> Person:
    return session.scalars(select(Person).where(Person.name == name)).one()


def _whole(session: Session, lesson_id: str) -> Lesson:
    options = (selectinload(Lesson.clips), selectinload(Lesson.words))
    return session.scalars(
        select(Lesson)
        .where(Lesson.id == lesson_id)
        .options(*options)
        .execution_options(populate_existing=True)
    ).one()


def _clips(session: Session, title: str) -> list[Clip]:
    return list(
        session.scalars(select(Clip).join(Lesson, Lesson.id == Clip.lesson_id).where(Lesson.title == title))
    )
