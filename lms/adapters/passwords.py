"""Argon2id for passwords and PINs: 19 MiB, two passes, one lane, at most four at a time."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from lms.normal_forms import password_forms

AT_ONCE = 4

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Sixty people who log in at the same time must not take 60 x 19 MiB.
_slots = threading.BoundedSemaphore(AT_ONCE)
# An unknown person must cost the same time as a known one.
_nobody = _hasher.hash("nobody has this password")


def hash_secret(secret: str) -> str:
    """Return the Argon2 hash of the normal form of a password or PIN."""
    with _slots:
        return _hasher.hash(password_forms(secret)[0])


def matches(stored: str | None, secret: str) -> bool:
    """Return whether a secret matches its hash, also one that was made before secrets had a normal form.

    Without a hash (None) return False after the same work.
    """
    right = any(_verify(stored or _nobody, form) for form in password_forms(secret))
    return right and stored is not None


def _verify(stored: str, secret: str) -> bool:
    with _slots:
        try:
            return _hasher.verify(stored, secret)
        except (VerificationError, InvalidHashError):
            return False
