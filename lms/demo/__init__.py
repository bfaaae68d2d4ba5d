"""The demo school: real people's days, made with the school's own verbs. Never in production."""
