"""A school of a given size for `./dev bench`: rows of years, inserted straight into the tables in seconds.

It stands on the demo school, whose people are those that are measured: what belongs to Samira stays the
same at every size. What grows is what the others have done. At 1x every list is longer than one page of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.booking import stored_conflicts
from lms.domain.homework import queue
from lms.domain.people.logins import digest
from lms.models import (
    Assignment,
    Attempt,
    Availability,
    Clip,
    ClipProgress,
    Feedback,
    Lesson,
    LessonVisit,
    Level,
    LoginSession,
    Person,
    PersonRole,
    QueuedAttempt,
    ReturnedFeedback,
    Submission,
)
from lms.normal_forms import name_key
from tools.bench_bookings import ZONE, add_bookings, add_special_days, add_waitlist
from tools.bench_rows import Rows, add_message

PRAISE = "Bravo, le message est clair."
TEXT = "Bonjour, je m’appelle Samira. J’habite à Charleroi et je prends le bus pour aller au cours. " * 3
LESSONS, ASSIGNMENTS = 12, 3  # that each level but the first gets, and of each lesson
OLD_LOGINS = 3


@dataclass(frozen=True)
class Size:
    """How many of everything there are; `waiting` copies wait for a correction."""

    learners: int
    submissions: int
    bookings: int
    teachers: int
    waiting: int


SIZES = {
    "1x": Size(40, 200, 500, 4, 24),
    "10x": Size(400, 2_000, 5_000, 40, 240),
    "100x": Size(4_000, 100_000, 50_000, 22, 10_000),
}


def fill(session: Session, size: Size) -> None:
    """Let the demo school grow to this size."""
    rows = Rows(now())
    _add_lessons(session, rows)
    rows.insert(session)
    _add_people(session, rows, size)
    rows.insert(session)
    learners, teachers = people_but_samira(session, "learner"), people_but_samira(session, "teacher")
    _add_work(session, rows, size, learners, teachers)
    _add_lesson_progress(session, rows, learners)
    add_bookings(session, rows, size.bookings, learners, teachers)
    add_special_days(rows, teachers)
    add_waitlist(session, rows, learners)
    rows.insert(session)
    _add_to_queue(session)
    stored_conflicts.store_conflicts(session, now=rows.now, zone=ZONE)
    session.execute(text("ANALYZE"))


def _add_to_queue(session: Session) -> None:
    """Let what has no feedback yet wait for it; a return of the demo school took its own rows away."""
    answered = select(Feedback.attempt_id).where(Feedback.returns > 0)
    queued = select(QueuedAttempt.attempt_id)
    waiting = queue.select_rows().where(
        Attempt.queued_at.is_not(None), Attempt.id.not_in(answered), Attempt.id.not_in(queued)
    )
    session.execute(insert(QueuedAttempt).from_select(list(queue.FACTS), waiting))


def people_but_samira(session: Session, role: str) -> list[Person]:
    """Return the people with a role but Samira, whose pages are measured."""
    mine = select(PersonRole.person_id).where(PersonRole.role == role)
    found = session.scalars(select(Person).where(Person.id.in_(mine)).order_by(Person.created_at, Person.id))
    return [person for person in found if person.name != "Samira"]


def _add_lessons(session: Session, rows: Rows) -> None:
    """Add lessons with homework to every level but the first, that of Samira."""
    teacher = people_but_samira(session, "teacher")[0]
    for level in session.scalars(select(Level).where(Level.position > 1).order_by(Level.position)):
        for number in range(1, LESSONS + 1):
            lesson, long_ago = rows.id("lesson"), rows.now - timedelta(days=400)
            rows.add(
                Lesson,
                id=lesson,
                level_id=level.id,
                title=f"Leçon {number} de l’année",
                goal="Parler de la ville et du temps.",
                instructions=TEXT,
                position=100 + number,
                created_at=long_ago,
                created_by_id=teacher.id,
                published_at=long_ago,
                published_by_id=teacher.id,
            )
            rows.add(
                Clip, id=rows.id("clip"), lesson_id=lesson, position=1, youtube_id="dQw4w9WgXcQ", seconds=90
            )
            for _ in range(ASSIGNMENTS):
                rows.add(
                    Assignment,
                    id=rows.id("task"),
                    lesson_id=lesson,
                    instruction="Écrivez trois phrases.",
                    created_at=long_ago,
                    created_by_id=teacher.id,
                )


def _add_people(session: Session, rows: Rows, size: Size) -> None:
    levels = session.scalars(select(Level).order_by(Level.position)).all()
    worker = people_but_samira(session, "social_worker")[0]
    for number in range(size.teachers - len(people_but_samira(session, "teacher"))):
        made = _add_person(rows, f"Enseignant {number}", "teacher")
        for weekday in range(5):
            rows.add(
                Availability,
                id=rows.id("rule"),
                teacher_id=made,
                weekday=weekday,
                start_wall=time(9),
                end_wall=time(17),
                valid_from=rows.now.date() - timedelta(days=400),
                mode="video",
            )
    for number in range(size.learners - len(people_but_samira(session, "learner")) - 1):
        made = _add_person(
            rows,
            f"Apprenant {number}",
            "learner",
            level_id=levels[number % len(levels)].id,
            social_worker_id=worker.id if number % 8 else None,
        )
        for days in range(OLD_LOGINS):
            seen = rows.now - timedelta(days=(number * 7 + days * 9) % 40, hours=1)
            rows.add(
                LoginSession,
                id=rows.id("login"),
                person_id=made,
                token_hash=digest(f"{made}{days}"),
                kind="own",
                created_at=seen,
                seen_at=seen,
                expires_at=seen + timedelta(days=180),
            )


def _add_person(rows: Rows, name: str, role: str, **more: Any) -> str:
    made = rows.id("person")
    values = {"level_id": None, "social_worker_id": None, **more}
    rows.add(
        Person,
        id=made,
        name=name,
        name_key=name_key(name),
        short_name=name,
        language="fr",
        created_at=rows.now - timedelta(days=300),
        **values,
    )
    rows.add(PersonRole, person_id=made, role=role)
    return made


def _add_work(
    session: Session, rows: Rows, size: Size, learners: list[Person], teachers: list[Person]
) -> None:
    """Add submissions, the last ones of which wait; the others have feedback, which was seen."""
    tasks: dict[str | None, list[str]] = {}
    for task, level in session.execute(
        select(Assignment.id, Lesson.level_id).join(Lesson, Lesson.id == Assignment.lesson_id)
    ):
        tasks.setdefault(level, []).append(task)
    done = {tuple(pair) for pair in session.execute(select(Submission.assignment_id, Submission.learner_id))}
    count = size.submissions - len(done)
    # From the far end of the list of tasks, so that the demo school keeps some that are still to do.
    pairs = (
        (own[-1 - number], learner.id)
        for number in range(max(map(len, tasks.values())))
        for learner in learners
        if number < len(own := tasks.get(learner.level_id, [])) and (own[-1 - number], learner.id) not in done
    )
    for number, (task, learner_id) in zip(range(count), pairs, strict=False):
        age = timedelta(hours=2 + (count - number) * 300 * 24 / count)
        sent = rows.now - age
        submission, attempt = rows.id("sub"), rows.id("try")
        rows.add(Submission, id=submission, assignment_id=task, learner_id=learner_id, created_at=sent)
        rows.add(
            Attempt,
            id=attempt,
            submission_id=submission,
            number=1,
            text=TEXT,
            created_at=sent,
            sent_at=sent,
            queued_at=sent,
        )
        if number < count - size.waiting:
            feedback, then = rows.id("back"), sent + timedelta(hours=1)
            rows.add(
                Feedback,
                id=feedback,
                attempt_id=attempt,
                teacher_id=teachers[number % len(teachers)].id,
                comment=PRAISE,
                created_at=then,
                saved_at=then,
                returns=1,
            )
            rows.add(
                ReturnedFeedback,
                id=feedback,
                feedback_id=feedback,
                number=1,
                returned_at=then,
                teacher_id=teachers[number % len(teachers)].id,
                comment=PRAISE,
                next_step="",
                redo=False,
                body={"bands": []},
                seen_at=then + timedelta(minutes=30),
            )
            add_message(rows, "feedback_returned", learner_id, feedback, then)


def _add_lesson_progress(session: Session, rows: Rows, learners: list[Person]) -> None:
    """Let every learner have watched the clips of a third of the own level."""
    clips: dict[str | None, list[tuple[str, str]]] = {}
    for level, lesson, clip in session.execute(
        select(Lesson.level_id, Lesson.id, Clip.id).join(Clip, Clip.lesson_id == Lesson.id).order_by(Clip.id)
    ):
        clips.setdefault(level, []).append((lesson, clip))
    visited = {tuple(pair) for pair in session.execute(select(LessonVisit.person_id, LessonVisit.lesson_id))}
    seen_at = rows.now - timedelta(days=3)
    watched = {tuple(pair) for pair in session.execute(select(ClipProgress.person_id, ClipProgress.clip_id))}
    for learner in learners:
        for lesson, clip in clips.get(learner.level_id, [])[::3]:
            if (learner.id, clip) not in watched:
                rows.add(
                    ClipProgress,
                    person_id=learner.id,
                    clip_id=clip,
                    seconds=90,
                    watched_at=seen_at,
                    seen_at=seen_at,
                )
            if (learner.id, lesson) not in visited:
                visited.add((learner.id, lesson))
                rows.add(
                    LessonVisit, person_id=learner.id, lesson_id=lesson, step="homework", seen_at=seen_at
                )
