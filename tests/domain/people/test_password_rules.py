"""Which passwords are too easy to guess, and which are not."""

from __future__ import annotations

import unicodedata

import pytest

from lms.domain.people.password_rules import is_guessable

ABOUT = ("Émilie Van Lambert", "e.lambert75@service.example.be", "Passerelle Charleroi")
COMMON = """
    password Password1! P@ssw0rd drowssap iloveyou trustno1 starwars77 liverpool sunshine football baseball1
    princess whatever 1q2w3e4r zaq12wsx qwer1234 motdepasse MotDePasse2026 M0tDeP@sse soleil!!2026# doudou59
    loulou123 jetaime1 Marseille13 Anderlecht1 bruxelles Bienvenue2026 professeur1 formation! wachtwoord
    Welkom01 alhamdulillah Mohamed1985 Oksana1990 Passerelle1 2026charleroi
"""
PATTERNS = """
    azertyuiop AZERTY1234 qsdfghjklm wxcvbn123 poiuytreza qwertz12 1234azer AqwZsxEdc abcdefgh 87654321
    1qaz2wsx йцукенгш 1234567890 abcd1234 ١٢٣٤٥٦٧٨ aaaaaaaa abababab veloVELO xyz1xyz1 14/07/1985 14071985
    +32470123456
"""
OWN_NAMES = """
    emilie75 Lambert!! LAMBERT2026 2026-lambert EmilieLambert lambert.emilie EmilieVanLambert1 trebmal75
    eilime2026 L4mb3rt-2026 lambertlambert e.lambert75 elambert1975 Lambert14071985 Lambert-soleil
    Passerelle-Charleroi charleroi6000 Émilie-Charleroi service.example Ｌａｍｂｅｒｔ７５
"""


@pytest.mark.parametrize("password", [*COMMON.split(), "mot de passe"])
def test_a_common_word_with_digits_and_signs_around_it_is_guessed(password: str) -> None:
    assert is_guessable(password)


@pytest.mark.parametrize("password", [*PATTERNS.split(), "0470 12 34 56"])
def test_a_pattern_a_date_or_a_number_is_guessed(password: str) -> None:
    assert is_guessable(password)


@pytest.mark.parametrize(
    "password", [*OWN_NAMES.split(), "Lam\u200bbert1975", unicodedata.normalize("NFD", "Émilie1975")]
)
def test_a_password_of_own_names_is_guessed(password: str) -> None:
    assert is_guessable(password, *ABOUT)


@pytest.mark.parametrize(
    "password",
    [
        "trois-vélos-verts",
        "Le bus de 8 heures",
        "gare-tasse-nuage",
        "lambertville aux pommes",
        "كلمة سر طويلة جدا",
        "зелений велосипед",
        "Xk9#mqP2",
        "culuY2L5",
    ],
)
def test_a_sentence_or_a_random_text_is_taken(password: str) -> None:
    assert not is_guessable(password, *ABOUT)


def test_the_name_of_somebody_else_says_nothing() -> None:
    assert is_guessable("Wauthierbrûlé75", "Paul Wauthierbrulé")
    assert not is_guessable("Wauthierbrûlé75", "Luc Lambert")


def test_a_name_in_another_script_is_a_name() -> None:
    assert is_guessable("Ірина-Коваль", "Ірина Коваль", None)
    assert is_guessable("محمود2026", "محمود الكردي")


def test_a_long_text_is_looked_at_too() -> None:
    assert is_guessable("azerty " * 28)
    assert not is_guessable("az" * 60 + "le bus de midi" + "é" * 60)
