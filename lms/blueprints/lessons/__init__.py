"""Lessons: the way of a learner through one, and the desk where the team makes them."""

from lms.blueprints.lessons import authoring, learner

bps = [learner.bp, authoring.bp]

__all__ = ["bps"]
