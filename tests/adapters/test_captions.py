from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms.adapters import captions
from lms.adapters.captions_encoding import UnsureEncoding
from lms.domain.errors import Refused

SRT = """1
00:00:01,000 --> 00:00:02,000
- Bonjour, {\\an8}madame.
- Ça va ?

2
00:00:02,500 --> 00:00:04,000
<i>Je voudrais</i> un kilo
de pommes.

3
00:00:05,000 --> 00:00:06,000
Tom &amp; Léa
"""

ROLLING = """WEBVTT
Kind: captions
Language: fr

STYLE
::cue(c.colorCCCCCC) { color: rgb(204,204,204);
 }

00:00:00.000 --> 00:00:02.000 align:start position:0%

bonjour<00:00:00.500><c> à</c><00:00:00.900><c> tous</c>

00:00:02.000 --> 00:00:02.010 align:start position:0%
bonjour à tous


00:00:02.010 --> 00:00:04.000 align:start position:0%
bonjour à tous
je<00:00:02.500><c> suis</c><00:00:03.000><c> Nadia</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
je suis Nadia


00:00:04.010 --> 00:00:06.000 align:start position:0%
je suis Nadia
et<00:00:04.500><c> vous</c>
"""


def test_subtitles_become_lines_that_people_read() -> None:
    assert captions.tidy(SRT).splitlines() == [
        "- Bonjour, madame.",
        "- Ça va ?",
        "Je voudrais un kilo de pommes.",
        "Tom & Léa",
    ]


def test_the_rolling_repeats_of_automatic_captions_are_said_once() -> None:
    assert captions.tidy(ROLLING) == "bonjour à tous je suis Nadia et vous"


def test_a_word_that_is_really_said_twice_stays_twice() -> None:
    text = "WEBVTT\n\n" + "\n\n".join(
        f"00:0{n}.000 --> 00:0{n}.900\n{said}"
        for n, said in enumerate(["Allô ?", "Allô ?", "Oui.", "Bien.", "Merci."])
    )
    assert captions.tidy(text).splitlines().count("Allô ?") == 2


def test_names_notes_and_positions_are_not_part_of_the_text_but_the_speaker_is() -> None:
    text = (
        "WEBVTT - titre\n\nNOTE une remarque\nsur deux lignes\n\nintro"
        "\n00:01.000 --> 00:02.000 line:0 position:20%"
        "\n<v Nadia>Bonjour.\n\nNOTE encore\n\nsuite\n00:03.000 --> 00:04.000"
        "\n<v.loud Tesfay>Bonjour <b>madame</b>.\n"
    )
    assert captions.tidy(text).splitlines() == ["Nadia : Bonjour.", "Tesfay : Bonjour madame."]


def test_a_transcript_copied_from_youtube_loses_its_hours() -> None:
    assert captions.tidy("0:00\nbonjour à tous\n0:04\nje suis Nadia.\n1:02:03\nAu revoir") == (
        "bonjour à tous je suis Nadia.\nAu revoir"
    )


def test_a_text_that_was_simply_pasted_keeps_its_lines() -> None:
    assert captions.tidy(" Nadia :  Bonjour !\r\nTesfay : Bonjour.\n\n\n\nFin ") == (
        "Nadia : Bonjour !\nTesfay : Bonjour.\n\nFin"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_accents_survive_every_usual_encoding(encoding: str) -> None:
    assert captions.parse_captions(SRT.encode(encoding)).splitlines()[1] == "- Ça va ?"


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_line_ends_of_every_system_are_read(line_end: str) -> None:
    assert captions.parse_captions(SRT.replace("\n", line_end).encode()) == captions.tidy(SRT)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "captions_empty"),
        (b"WEBVTT\n\n", "captions_empty"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\n", "captions_empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "captions_unreadable"),
        (b"\xff\xfe\x00", "captions_unreadable"),
        (b"a" * (captions.MOST_BYTES + 1), "captions_too_big"),
        (b"long " * 30_000, "captions_too_big"),
    ],
)
def test_a_file_that_is_no_transcript_is_refused_for_its_own_reason(raw: bytes, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        captions.parse_captions(raw)
    assert refusal.value.code == code


# Files that people really have. `|` separates the lines of the text; None: the teacher is asked how it reads.
FILES = {
    "gbk.srt": None,
    "json3.json": "Bonjour.",
    "lrc.lrc": "Bonjour|Madame",
    "mojibake.srt": "Ãa va Ã©tÃ©",  # written like that, byte for byte
    "panel-chapters.txt": "Chapitre 1: Au marché Bonjour Madame Comment ça va",
    "panel-en.txt": "Bonjour Madame Comment ça va",
    "panel-with-seconds.txt": "Bonjour Madame Comment ça va Au revoir",
    "sbv.sbv": "Bonjour Madame.|Comment ça va ?",
    "srt-arabic-digits.srt": "مرحبا بكم في الدرس كيف حالك اليوم؟",
    "srt-coords.srt": "Bonjour.",
    "srt-cr.srt": "Ça coûte combien ?|C’est l’été, l’œuf.",
    "srt-crlf.srt": "Ça coûte combien ?|C’est l’été, l’œuf.",
    "srt-double-spaced.srt": "Ça coûte combien ?|C’est l’été, l’œuf.",
    "srt-four-digits-ms.srt": "Bonjour.|Madame.",
    "srt-frames.srt": "Bonjour.|Madame.",
    "srt-latin1.srt": "Ça coûte été",
    "srt-mac-roman.srt": None,
    "srt-no-blank-lines.srt": "Bonjour.|Comment ca va ?|1984",
    "srt-number-line.srt": "Il a quel age ?|25 ans.",
    "srt-styled.srt": "Bonjour Madame Non < oui > peut & 3 < 4",
    "srt-tight-arrow.srt": "Bonjour.|Madame.",
    "srt-utf16-bom.srt": "مرحبا بكم في الدرس كيف حالك اليوم؟",
    "srt-utf16-no-bom.srt": "Ça coûte combien ?|C’est l’été, l’œuf.",
    "srt-windows-1254.srt": None,
    "srt-windows-1256.srt": None,
    "ttml.ttml": "Bonjour.",
    "utf8-double-bom.srt": "Bonjour.",
    "vtt-hourless.vtt": "Bonjour.|Madame.",
    "vtt-language-ruby.vtt": "Bonjour 漢kan",
    "vtt-music-only.vtt": "[Musique]|♪ ♪",
    "vtt-note-with-arrow.vtt": "Bonjour.",
    "vtt-nul.vtt": "Bonjour\ufffd.",
    "vtt-rtl-marks.vtt": "\u200f\u202bمرحبا.\u202c \u200fأهلا\u200e.",
    "vtt-settings-on-next-line.vtt": "Bonjour.",
    "vtt-speaker-arabic.vtt": "أحمد : مرحبا|Marie-Ève O’Neill : Bonjour",
}
FOLDER = Path(__file__).parents[1] / "fixtures" / "captions"


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_a_file_becomes_what_is_said_in_it(name: str) -> None:
    try:
        said = captions.parse_captions((FOLDER / name).read_bytes()).replace("\n", "|")
    except UnsureEncoding:
        said = None
    assert said == FILES[name]


@given(st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode)))
def test_no_file_breaks_the_reader(raw: bytes) -> None:
    with suppress(Refused):
        assert captions.parse_captions(raw)
