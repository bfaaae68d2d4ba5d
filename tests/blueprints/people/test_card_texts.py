"""The sentences of a card, each in the language of who will read it."""

from __future__ import annotations

from lms.blueprints.people import card_texts
from tests.support.school import School


def test_the_card_speaks_french_and_says_where_its_code_is_typed(school: School) -> None:
    with school.app.test_request_context():
        said = card_texts.words("fr", "cours.example.be/card")
    assert (said["lang"], said["dir"]) == ("fr", "ltr")
    assert said["type"] == "Ou écrivez ces chiffres sur cours.example.be/card"
    assert said["lost"] == "Carte perdue\N{NARROW NO-BREAK SPACE}? Appelez le service."


def test_the_card_of_somebody_who_reads_arabic_runs_from_right_to_left(school: School) -> None:
    with school.app.test_request_context():
        said = card_texts.words("ar", "cours.example.be/card")
    assert said["dir"] == "rtl"
    assert "cours.example.be/card" in said["type"]
