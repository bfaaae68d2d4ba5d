"""Factories of people, lessons, homework and bookings.

The people are those of the demo school: the learners Samira and Oksana, the teachers Nadia and Luc, the
coordinator Claire, the social worker Farid.
"""

from tests.factories.booking import (
    BRUSSELS,
    all_week,
    booked,
    closed,
    coming_monday,
    opened,
    room,
    rule,
    wall,
)
from tests.factories.cards import PASSWORD, entered, printed_card, with_password
from tests.factories.corrected import corrected
from tests.factories.homework import (
    answered,
    assignment,
    assignment_of,
    criteria,
    drafted,
    received,
    sent,
    stored,
    what_is_shown,
)
from tests.factories.lessons import clip_draft, clip_of, lesson
from tests.factories.people import (
    NOW,
    Who,
    claire,
    farid,
    learner,
    level,
    luc,
    nadia,
    oksana,
    organisation,
    person,
    samira,
)

__all__ = [
    "BRUSSELS",
    "NOW",
    "PASSWORD",
    "Who",
    "all_week",
    "answered",
    "assignment",
    "assignment_of",
    "booked",
    "claire",
    "clip_draft",
    "clip_of",
    "closed",
    "coming_monday",
    "corrected",
    "criteria",
    "drafted",
    "entered",
    "farid",
    "learner",
    "lesson",
    "level",
    "luc",
    "nadia",
    "oksana",
    "opened",
    "organisation",
    "person",
    "printed_card",
    "received",
    "room",
    "rule",
    "samira",
    "sent",
    "stored",
    "wall",
    "what_is_shown",
    "with_password",
]
