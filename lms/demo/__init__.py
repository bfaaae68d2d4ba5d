"""The demo school: real people's days, made with the school's own verbs. Never in production."""

from lms.demo.build import Account, accounts, build, is_empty

__all__ = ["Account", "accounts", "build", "is_empty"]
