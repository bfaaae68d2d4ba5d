"""Argon2id: a right secret, a wrong one, and nobody's."""

from __future__ import annotations

import time

import pytest
from argon2 import PasswordHasher

from lms.adapters import passwords


def test_a_secret_matches_its_hash_and_no_other() -> None:
    stored = passwords.hash_secret("trois-vélos-verts")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches(stored, "trois-vélos-verts")
    assert not passwords.matches(stored, "trois-velos-verts")


COMPOSED, DECOMPOSED = "trois-vélos", "trois-ve\u0301los"


@pytest.mark.parametrize("first", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("second", [COMPOSED, DECOMPOSED])
def test_a_secret_is_the_same_on_every_keyboard(first: str, second: str) -> None:
    assert passwords.matches(passwords.hash_secret(first), second)
    older = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(first)
    assert passwords.matches(older, second)


def test_a_no_break_space_is_a_space() -> None:
    """Some keyboards type it when a key is held a little longer."""
    assert passwords.matches(passwords.hash_secret("trois vélos"), "trois\u00a0vélos")
    assert passwords.matches(passwords.hash_secret("trois\u202fvélos"), "trois vélos")


def test_two_hashes_of_one_secret_differ() -> None:
    assert passwords.hash_secret("4826") != passwords.hash_secret("4826")


def test_without_a_hash_nothing_matches_after_the_same_work() -> None:
    stored = passwords.hash_secret("4826")

    def seconds(of: str | None) -> float:
        began = time.process_time()
        for _ in range(5):
            passwords.matches(of, "0000")
        return time.process_time() - began

    assert not passwords.matches(None, "nobody has this password")
    assert seconds(None) > seconds(stored) / 3


def test_a_damaged_hash_matches_nothing() -> None:
    assert not passwords.matches("not a hash", "4826")
