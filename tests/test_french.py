"""The French sentences as they are typeset, and with one word for one thing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tools import check_texts

NO_BREAK, NARROW = "\u00a0", "\u202f"
TYPOGRAPHY = {
    "a colon has a space before it that does not break": rf"(?<![{NO_BREAK}\d]):(?!//)",
    "signs in two parts have a narrow space before them": rf"(?<![{NARROW}?!])[;?!]",
    "guillemets have spaces inside that do not break": rf"«(?!{NO_BREAK})|(?<!{NO_BREAK})»",
    "an apostrophe is a curved one": "'",
    "an ellipsis is one sign": r"\.\.\.",
    "there is one space between two words": r" [ \u00a0\u202f]|[\u00a0\u202f] ",
}
# What is wrong, and what is said instead: the learner reads it with little French.
FORBIDDEN = {
    r"\bmeur": "a card does not die: elle ne marche plus",
    r"\b(re)?sort(ir|ez|ent|i|ie)\b": "se déconnecter; of words and pictures: apparaître",
    r"\brenvo(yer|yez|yée?s?|ie|i)\b": "rendre, envoyer encore",
    r"\benlev": "supprimer, retirer",
    r"\battend(re|ez) une heure": "être sur la liste d’attente",
    r"\btickets?\b": "billet",
    r"\bprofs?\b": "professeur",
    r"\bcaméra\b": "appareil photo",
    r"(?<!e-)\b(mail|mel|courriel)s?\b": "e-mail",
    r"\b(devoirs?|leçons?) (mort|perdu)": "retiré",
    r"\bva pas\b": "est faux",
    r"\bpersonne (avec|pour)\b": "aucun apprenant, aucun résultat",
    r"\bplein(e)? de place|place est pleine": "il n’y a plus de place",
    r"\ble savent\b": "sont prévenus",
}
# A button or a title: an infinitive first, or few words, and no sentence.
FORBIDDEN_ON_BUTTONS = {
    r"^Garder( les modifications)?$": "Enregistrer",
    r"^(Changer|Effacer|Sauver|Valider|Avant|Après)$": "Modifier, Supprimer, Enregistrer; of what",
    r"\b(Choisi|Prend|Réserv|Demand|Ouvr|Attend)\w* (une|l’|cette|des) (autre )?heures?\b(?! plus tard)": (
        "une place, un rendez-vous, des disponibilités"
    ),
}


def french() -> Iterator[str]:
    for message in check_texts.extract(check_texts.ROOT):
        if message.id:
            yield from (message.id,) if isinstance(message.id, str) else message.id


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    found = list(french())
    assert len(found) > 1000
    return found


def matches(pattern: str, sentences: list[str]) -> list[str]:
    plain = {sentence: check_texts.PLACEHOLDER.sub("X", sentence) for sentence in sentences}
    return [sentence for sentence, words in plain.items() if re.search(pattern, words, re.IGNORECASE)]


@pytest.mark.parametrize("rule", TYPOGRAPHY)
def test_french_is_typeset_as_in_a_book(sentences: list[str], rule: str) -> None:
    assert matches(TYPOGRAPHY[rule], sentences) == []


@pytest.mark.parametrize("word", [*FORBIDDEN, *FORBIDDEN_ON_BUTTONS])
def test_one_thing_has_one_word_that_a_beginner_reads(sentences: list[str], word: str) -> None:
    instead = {**FORBIDDEN, **FORBIDDEN_ON_BUTTONS}[word]
    assert matches(word, sentences) == [], instead


def test_a_title_of_an_empty_list_has_no_full_stop() -> None:
    """The title is the second argument of the macro, or its first sentence."""
    titles = [
        title
        for path in (check_texts.ROOT / "lms" / "templates").rglob("*.html")
        for title in re.findall(r'ui\.empty\(\s*"[\w-]+",\s*_\("([^"]+)"', path.read_text(encoding="utf-8"))
    ]
    assert len(titles) > 10
    assert [title for title in titles if title.endswith(".")] == []
