"""Homework: assignments of a lesson, the learner's list and drafts, files in pieces, submissions."""

from lms.blueprints.homework import assignments, deposits, signed_view, submissions, uploads, work

bps = [work.bp, submissions.bp, signed_view.bp, uploads.bp, assignments.bp, deposits.bp]
