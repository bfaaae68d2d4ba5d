"""The door for letters going out: `Letter` in, and it is sent, postponed or undeliverable."""
