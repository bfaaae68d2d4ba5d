"""The cast of the school and the things it works with, made by plain functions.

Everybody here is also in the demo school: Samira and Oksana learn, Nadia and Luc teach, Claire
coordinates, Farid is a social worker.
"""

from tests.make.booking import all_week, booked, closed, room, rule, wall
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
    "closed",
    "farid",
    "learner",
    "level",
    "luc",
    "nadia",
    "oksana",
    "person",
    "room",
    "rule",
    "samira",
    "school",
    "wall",
]
