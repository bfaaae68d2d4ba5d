"""Homework: assignments of teachers, attempts of learners, returned feedback."""
