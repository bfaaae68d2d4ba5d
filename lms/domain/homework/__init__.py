"""Homework: what is asked, what learners send, what teachers answer."""

from lms.domain.homework.assignments import (
    Task,
    assignment_for,
    bring_back,
    change,
    give,
    lesson_for,
    of_lesson,
    withdraw,
)
from lms.domain.homework.attempts import draft_of, open_draft, read, send, submission_for, write_text
from lms.domain.homework.works import (
    STATES,
    Work,
    all_for,
    counts,
    returned_unseen,
    states,
    to_do,
    work_for,
)

__all__ = [
    "STATES",
    "Task",
    "Work",
    "all_for",
    "assignment_for",
    "bring_back",
    "change",
    "counts",
    "draft_of",
    "give",
    "lesson_for",
    "of_lesson",
    "open_draft",
    "read",
    "returned_unseen",
    "send",
    "states",
    "submission_for",
    "to_do",
    "withdraw",
    "work_for",
    "write_text",
]
