"""Homework: the learner's list and work, what was sent, and what teachers ask."""

from lms.blueprints.homework import assignments, submissions, work

bps = [work.bp, submissions.bp, assignments.bp]
