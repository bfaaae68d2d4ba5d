"""The cast of the school and the things it works with, made by plain functions.

Everybody here is also in the demo school: Samira and Oksana learn, Nadia and Luc teach, Claire
coordinates, Farid is a social worker.
"""

from tests.make.booking import all_week, booked, closed, opened, room, rule, wall
from tests.make.lessons import clip_draft, clip_of, lesson
from tests.make.people import (
    NOW,
    claire,
    farid,
    learner,
    level,
    luc,
    nadia,
    oksana,
    person,
    samira,
    school,
)

__all__ = [
    "NOW",
    "all_week",
    "booked",
    "claire",
    "clip_draft",
    "clip_of",
    "closed",
    "farid",
    "learner",
    "lesson",
    "level",
    "luc",
    "nadia",
    "oksana",
    "opened",
    "person",
    "room",
    "rule",
    "samira",
    "school",
    "wall",
]
