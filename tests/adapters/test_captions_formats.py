"""Captions in other formats than lines under timing lines: read, or refused by name."""

from __future__ import annotations

import time

import pytest

from lms.adapters import captions
from lms.domain.errors import Refused


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '<?xml version="1.0"?><transcript><text start="1">C&amp;#39;est <b>bon</b></text></transcript>',
            "C'est bon",
        ),
        ('<timedtext><body><p t="1"><s>Bon</s><s t="3">soir</s></p></body></timedtext>', "Bonsoir"),
        ('<tt:tt xmlns:tt="x"><tt:p>Bonjour<tt:br/>Madame</tt:p></tt:tt>', "Bonjour Madame"),
        ("[ar:x]\n[00:01.00]<00:01.10>Bonjour <00:02>toi\n[00:02][00:05.00]Oui", "Bonjour toi|Oui"),
        (
            "[Script Info]\n[Events]\nDialogue: 0,0:00:01.00,0:00:02,,,0,0,0,,{\\i1}Bonjour,{\\i0}\\NMadame",
            "Bonjour, Madame",
        ),
        ("{25}{50}{y:i}Bonjour|Madame", "Bonjour Madame"),
        ("00:00:01.00,00:00:02.50\nBonjour[br]Madame", "Bonjour Madame"),
        ("00:00:01,000 –> 00:00:02,000\nBonjour", "Bonjour"),
        ("1\n0:01:02 : 03 → 0:01:04\nBonjour", "Bonjour"),
        ("0:00 Bonjour\n0:04 - Madame.\n1:00:05 Au revoir", "Bonjour Madame.|Au revoir"),
        ("(0:01) Bonjour.\n\n(0:09) Madame.", "Bonjour.|Madame."),
        ("9:00 accueil\n10:30 pause", "9:00 accueil|10:30 pause"),
        ("[Musique]\nBonjour", "[Musique]|Bonjour"),
        ("Rendez-vous à 9:00, 10:30 ou midi", "Rendez-vous à 9:00, 10:30 ou midi"),
    ],
)
def test_other_formats_are_read_too(text: str, said: str) -> None:
    assert captions.tidy(text).replace("\n", "|") == said


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html><p>Bonjour</p>",
        "<html><body><p>Bonjour</p></body></html>",
        "<SAMI><BODY><SYNC Start=1><P>Bonjour</SAMI>",
        '{"a": "Bonjour"}',
        '[{"text": "Bonjour"}]',
        '{"events":[{"segs":[{"utf8":"Bonj',
        "{\\rtf1 Bonjour}",
    ],
)
def test_markup_and_data_without_captions_are_never_kept(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        captions.tidy(text)
    assert refusal.value.code == "captions_kind"


@pytest.mark.parametrize(
    "text", ["<tt>" + "<p>" * 300_000, "[00:00.00]" * 90_000, '{"events":' + "[" * 500_000]
)
def test_a_megabyte_of_nothing_is_refused_at_once(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(Refused):
        captions.tidy(text)
    assert time.process_time() - begun < 5
