"""Lessons: queries, authoring, the progress of learners, tracking."""
