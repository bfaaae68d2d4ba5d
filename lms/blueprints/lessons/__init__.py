"""Lessons: the way of a learner through one, and the desk where the team makes them."""

from lms.blueprints.lessons import desk, way

bps = [way.bp, desk.bp]

__all__ = ["bps"]
