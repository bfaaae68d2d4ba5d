"""The check of texts finds what a reader would stumble over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import check_texts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "lms" / "templates").mkdir(parents=True)
    (tmp_path / "babel.cfg").write_bytes((check_texts.ROOT / "babel.cfg").read_bytes())
    (tmp_path / "lms" / "forms.py").write_text("label = _l('Envoyer')\n")
    write_page(tmp_path, "{{ _('Bonjour %(name)s', name=name) }}")
    return tmp_path


def write_page(root: Path, text: str) -> None:
    (root / "lms" / "templates" / "page.html").write_text(text, encoding="utf-8")


def translate(root: Path, language: str, french: str, translation: str) -> None:
    path = check_texts.catalogue(root, language)
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[lines.index(f'msgid "{french}"') + 1] = f'msgstr "{translation}"'
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def translated(root: Path) -> Path:
    check_texts.update(root)
    for language in check_texts.LANGUAGES:
        translate(root, language, "Envoyer", "Send")
        translate(root, language, "Bonjour %(name)s", "Hello %(name)s")
    return root


def test_without_catalogues_there_is_nothing_to_check(root: Path) -> None:
    assert list(check_texts.translation_faults(root)) == []


def test_new_catalogues_lack_every_sentence(root: Path) -> None:
    check_texts.update(root)
    faults = list(check_texts.translation_faults(root))
    assert len(faults) == 2 * len(check_texts.LANGUAGES)
    assert "ar/messages.po: not translated: 'Envoyer'" in faults


def test_a_translated_school_is_clean_and_updating_changes_nothing(translated: Path) -> None:
    assert list(check_texts.translation_faults(translated)) == []
    path = check_texts.catalogue(translated, "ar")
    check_texts.update(translated)
    before = path.read_bytes()
    check_texts.update(translated)
    assert path.read_bytes() == before
    assert list(check_texts.translation_faults(translated)) == []


def test_another_placeholder_is_a_fault(translated: Path) -> None:
    translate(translated, "tr", "Bonjour %(name)s", "Merhaba %(nom)s")
    (fault,) = check_texts.translation_faults(translated)
    assert fault.startswith("tr/messages.po: other placeholders")


def test_a_guess_is_a_fault(translated: Path) -> None:
    path = check_texts.catalogue(translated, "uk")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('msgid "Envoyer"', '#, fuzzy\nmsgid "Envoyer"'), encoding="utf-8")
    assert list(check_texts.translation_faults(translated)) == ["uk/messages.po: fuzzy: 'Envoyer'"]


def test_a_new_sentence_is_missed_everywhere(translated: Path) -> None:
    write_page(translated, "{{ _('Bonjour %(name)s', name=name) }} {{ _('Au revoir') }}")
    faults = list(check_texts.translation_faults(translated))
    assert faults[0].startswith("messages.pot is not what the code says")
    assert "en/messages.po: missing: 'Au revoir'" in faults


def test_a_broken_template_is_named_with_its_line(root: Path) -> None:
    write_page(root, "<p>\n{% if x %}</p>")
    (fault,) = check_texts.template_faults(root)
    assert fault.startswith("lms/templates/page.html:2: ")


def test_a_template_that_includes_nothing_is_named(root: Path) -> None:
    write_page(root, "{% include 'components/absent.html' %}{{ 1|our_filter }}")
    assert list(check_texts.template_faults(root)) == [
        "lms/templates/page.html: there is no template components/absent.html"
    ]


def test_what_a_learner_reads_on_her_card_is_asked_of_her_language() -> None:
    said = check_texts.extract(check_texts.ROOT)
    asked = check_texts.sentences(check_texts.said_in("ar", said, check_texts.ROOT))
    assert "Ou écrivez ces chiffres sur %(address)s" in asked
    assert "Imprimer la carte" not in asked
