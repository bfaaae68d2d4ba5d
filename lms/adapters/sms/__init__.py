"""The door for texts on a phone: a number and a few words in, sent, postponed or undeliverable."""
