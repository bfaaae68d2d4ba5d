"""Sending SMS: a number and a text are accepted, or raise `Postponed` or `Undeliverable`."""
