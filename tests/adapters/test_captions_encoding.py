"""Caption files in the encodings of many programs: the right letters, or a question to the teacher."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lms.adapters import captions
from lms.adapters.captions_encoding import UnsureEncoding

FOLDER = Path(__file__).parents[1] / "fixtures" / "captions"
SRT = "1\n00:00:01,000 --> 00:00:02,000\n- Ça va ?\n\n2\n00:00:02,500 --> 00:00:04,000\nUn kilo, Léa.\n"


@pytest.mark.parametrize(
    ("name", "encoding", "said"),
    [
        ("gbk.srt", "gb18030", "你好 再见"),
        ("srt-mac-roman.srt", "mac_roman", "Ça coûte combien ?|été"),
        ("srt-windows-1254.srt", "cp1254", "Bugün dışarı çıkıyoruz.|Güneş ışığı"),
        ("srt-windows-1256.srt", "cp1256", "مرحبا بكم في الدرس كيف حالك اليوم؟"),
    ],
)
def test_the_encoding_that_is_right_is_among_those_to_choose_from(
    name: str, encoding: str, said: str
) -> None:
    raw = (FOLDER / name).read_bytes()
    with pytest.raises(UnsureEncoding) as unsure:
        captions.parse_captions(raw)
    lines = dict(unsure.value.samples)
    assert re.split(r"[ |]", said)[0] in lines[encoding]
    assert captions.parse_captions(raw, encoding).replace("\n", "|") == said


@pytest.mark.parametrize("damage", [b"\xff", b"\xc3", b"\x80", b"\x01"])
def test_one_damaged_byte_spoils_one_letter(damage: bytes) -> None:
    raw = SRT.encode().replace(b"kilo", b"ki" + damage + b"lo")
    assert captions.parse_captions(raw).splitlines() == [
        "- Ça va ?",
        "Un ki\ufffdlo, Léa.",
    ]
    cut = "Ça coûte cher, l’été".encode()[:-1]
    assert captions.parse_captions(cut) == "Ça coûte cher, l’ét\ufffd"


def test_a_letter_that_only_one_encoding_has_is_asked_for() -> None:
    raw = SRT.replace("kilo", "cœur").encode("iso8859-15")
    with pytest.raises(UnsureEncoding) as unsure:
        captions.parse_captions(raw)
    assert unsure.value.samples[0] == ("iso8859-15", "- Ça va ? / Un cœur, Léa.")
