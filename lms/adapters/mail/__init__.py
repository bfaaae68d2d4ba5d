"""Sending e-mails: an `Email` is accepted, or raises `Postponed` or `Undeliverable`."""
