"""Lessons: the pages of learners, and the editor of the team."""

from lms.blueprints.lessons import authoring, learner

bps = [learner.bp, authoring.bp]

__all__ = ["bps"]
