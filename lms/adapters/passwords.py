"""Argon2id for passwords and PINs: 19 MiB, two passes, one lane, at most four at a time."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 4

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Sixty people who log in at the same time must not take 60 x 19 MiB.
_slots = threading.BoundedSemaphore(AT_ONCE)
# An unknown person must cost the same time as a known one.
_nobody = _hasher.hash("nobody has this password")


def hash_secret(secret: str) -> str:
    """Return the Argon2 hash of a password or PIN."""
    with _slots:
        return _hasher.hash(secret)


def matches(stored: str | None, secret: str) -> bool:
    """Return whether a secret matches its hash; without a hash (None) return False after the same work."""
    with _slots:
        try:
            _hasher.verify(stored or _nobody, secret)
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None
