"""Years of a school in a second: rows straight through the models, almost all of them over and done."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from lms.extensions import Base
from lms.models import (
    AppointmentRecord,
    Attachment,
    Attempt,
    Attendance,
    AuditAction,
    AuditEvent,
    Booking,
    Clip,
    ClipProgress,
    ErrorCount,
    Feedback,
    FileKind,
    FileState,
    LessonVisit,
    LoginKind,
    LoginSession,
    MarkCode,
    Mode,
    Notice,
    NoticeKind,
    OutboxItem,
    Outcome,
    Person,
    QueuedAttempt,
    Rendition,
    ReturnedFeedback,
    Submission,
    WaitlistEntry,
    WaitlistOutcome,
)
from tests import factories

LEARNERS, TASKS = 40, 25


class Rows:
    """Rows that are inserted together, in the order in which their tables were first named."""

    def __init__(self) -> None:
        self.tables: dict[type[Base], list[dict[str, Any]]] = defaultdict(list)
        self.made = 0

    def add(self, table: type[Base], **values: Any) -> None:
        self.tables[table].append(values)

    def id(self) -> str:
        self.made += 1
        return f"h{self.made:013}"

    def insert(self, session: Session) -> None:
        session.flush()
        for table, rows in self.tables.items():
            session.execute(insert(table), rows)
        self.tables.clear()


def add_work(session: Session, *, waiting: int, now: datetime) -> None:
    """Add a thousand copies of forty learners, sent an hour after each other; the last ones wait."""
    teacher = factories.nadia(session)
    learners = [factories.learner(session, f"Personne {number:03}") for number in range(LEARNERS)]
    tasks = [factories.assignment(session, by=teacher, now=now) for _ in range(TASKS)]
    level, rows = factories.level(session).id, Rows()
    for number in range(count := LEARNERS * TASKS):
        task, learner = tasks[number % TASKS].id, learners[number // TASKS].id
        sent, submission, attempt = now - timedelta(hours=count - number), rows.id(), rows.id()
        # Many were asked for another attempt once; few of these have not sent it yet.
        is_open = number % 100 == 0 and number < count - waiting
        rows.add(
            Submission,
            id=submission,
            assignment_id=task,
            learner_id=learner,
            created_at=sent,
            redo_since=sent if is_open else None,
        )
        rows.add(
            Attempt,
            id=attempt,
            submission_id=submission,
            number=1,
            created_at=sent,
            sent_at=sent,
            queued_at=sent,
        )
        file = rows.id()
        rows.add(
            Attachment,
            id=file,
            attempt_id=attempt,
            position=1,
            kind=FileKind.PHOTO,
            state=FileState.READY,
            shown_name="devoir.jpg",
            store_key=file,
            mime="image/jpeg",
            size=1,
            sha256=file,
            created_at=sent,
        )
        rows.add(
            Rendition,
            id=rows.id(),
            attachment_id=file,
            purpose="web",
            store_key=rows.id(),
            mime="image/jpeg",
            width=3,
            height=4,
            size=1,
        )
        if number < count - waiting:
            feedback = rows.id()
            by = {"id": feedback, "teacher_id": teacher.id}
            rows.add(Feedback, **by, attempt_id=attempt, created_at=sent, saved_at=sent, returns=1)
            rows.add(
                ReturnedFeedback,
                **by,
                feedback_id=feedback,
                number=1,
                returned_at=sent,
                comment="Bravo",
                next_step="",
                body={"bands": []},
                seen_at=sent,
                redo=number % 10 == 0,
            )
            rows.add(
                ErrorCount,
                returned_feedback_id=feedback,
                code=MarkCode.AGREEMENT,
                learner_id=learner,
                level_id=level,
                number=2,
            )
        else:
            rows.add(
                QueuedAttempt,
                attempt_id=attempt,
                since=sent,
                level_id=level,
                learner_id=learner,
                is_follow_up=False,
                is_first=False,
            )
    rows.insert(session)


def add_years(session: Session, *, now: datetime) -> None:
    """Add what forty learners did in years: copies, appointments, lessons, messages, logins, waiting."""
    factories.organisation(session)
    for who in (factories.nadia, factories.claire, factories.farid, factories.samira, factories.luc):
        who(session)
    add_work(session, waiting=45, now=now)
    learners = session.scalars(select(Person).where(Person.name.like("Personne %"))).all()
    clip_of = _lessons(session)
    rows, begin = Rows(), now - timedelta(seconds=now.timestamp() % 3600)
    for place, learner in enumerate(learners):
        if place % 2:
            learner.social_worker_id = factories.farid(session).id
        for number in range(25):
            then = begin - timedelta(hours=place + number * len(learners) + 200)
            _add_past_appointment(rows, factories.nadia(session), learner, then)
            rows.add(
                LoginSession,
                id=rows.id(),
                person_id=learner.id,
                token_hash=rows.id(),
                kind=LoginKind.OWN,
                created_at=then,
                seen_at=then,
                expires_at=then,
            )
            if number < len(clip_of):
                lesson, clip = clip_of[number]
                rows.add(LessonVisit, person_id=learner.id, lesson_id=lesson, step="words", seen_at=then)
                rows.add(
                    ClipProgress,
                    person_id=learner.id,
                    clip_id=clip,
                    seconds=9,
                    watched_at=then if number % 2 else None,
                    seen_at=then,
                )
    rows.insert(session)


def _lessons(session: Session) -> list[tuple[str, str]]:
    made = []
    for number in range(20):
        lesson = factories.lesson(session, f"Leçon {number}")
        clip = Clip(lesson_id=lesson.id, position=1, youtube_id="dQw4w9WgXcQ", seconds=90)
        session.add(clip)
        session.flush()
        made.append((lesson.id, clip.id))
    return made


def _add_past_appointment(rows: Rows, teacher: Person, learner: Person, starts: datetime) -> None:
    """Add an appointment that took place, its messages, and a wait that it ended."""
    booking, ends, entry = rows.id(), starts + timedelta(hours=1), rows.id()
    rows.add(
        WaitlistEntry,
        id=entry,
        learner_id=learner.id,
        created_by_id=learner.id,
        created_at=starts,
        ended_at=starts,
        outcome=WaitlistOutcome.BOOKED,
    )
    rows.add(
        Booking,
        id=booking,
        uid=booking,
        teacher_id=teacher.id,
        learner_id=learner.id,
        starts=starts,
        ends=ends,
        blocked_until=ends,
        local_start=starts.strftime("%Y-%m-%dT%H:%M"),
        time_zone="Europe/Brussels",
        iso_week=starts.strftime("%G-W%V"),
        mode=Mode.VIDEO,
        video_key=booking,
        booked_by_id=learner.id,
        booked_at=starts,
        changed_at=starts,
        waitlist_entry_id=entry,
    )
    rows.add(
        AppointmentRecord,
        booking_id=booking,
        attendance=Attendance.DONE,
        marked_at=ends,
        marked_by_id=teacher.id,
    )
    rows.add(
        OutboxItem,
        id=rows.id(),
        dedupe=booking,
        kind="booking_made",
        person_id=learner.id,
        about_id=booking,
        created_at=starts,
        due_at=starts,
        expires_at=ends,
        outcome=Outcome.SENT,
        closed_at=starts,
    )
    rows.add(
        Notice,
        id=rows.id(),
        dedupe=booking,
        kind=NoticeKind.BOOKING_MADE,
        person_id=learner.id,
        about_id=booking,
        created_at=starts,
        due_at=starts,
        seen_at=ends,
    )
    rows.add(
        AuditEvent,
        id=rows.id(),
        at=starts,
        actor_id=learner.id,
        action=AuditAction.BOOKING_MADE,
        object_kind="booking",
        object_id=booking,
    )
