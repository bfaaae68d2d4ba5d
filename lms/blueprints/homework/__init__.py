"""Homework: assignments of a lesson, the learner's list and drafts, submissions."""

from lms.blueprints.homework import assignments, submissions, work

bps = [work.bp, submissions.bp, assignments.bp]
