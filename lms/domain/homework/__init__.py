"""Homework: what is asked, what learners send, what teachers answer."""
