"""People of the service: who they are to each other, and who finds whom."""

from lms.domain.people.directory import (
    colleague_for,
    known_learners,
    learner_for,
    levels,
    opened_level_ids,
    person_for,
    social_workers,
)

__all__ = [
    "colleague_for",
    "known_learners",
    "learner_for",
    "levels",
    "opened_level_ids",
    "person_for",
    "social_workers",
]
