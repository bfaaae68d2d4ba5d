"""Argon2id for passwords and PINs: 19 MiB, two passes, one lane, at most four at a time."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 4

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Sixty people who enter together must not take 60 x 19 MiB.
_turn = threading.BoundedSemaphore(AT_ONCE)
# Somebody who does not exist costs the same time as somebody who does.
_nobody = _hasher.hash("nobody has this password")


def hash_secret(secret: str) -> str:
    """Return the Argon2 hash of a password or PIN."""
    with _turn:
        return _hasher.hash(secret)


def matches(stored: str | None, secret: str) -> bool:
    """Check a secret against its hash; without a hash return False after the same work."""
    with _turn:
        try:
            _hasher.verify(stored or _nobody, secret)
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None
