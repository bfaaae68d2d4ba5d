import pytest

from lms.adapters.media.docx_symbols import UNKNOWN, to_letter, to_letters


@pytest.mark.parametrize(
    ("font", "number", "letter"),
    [
        ("Wingdings", 0xF0FC, "✔"),
        ("Wingdings", 0xFC, "✔"),
        ("wingdings", 0xF0E0, "→"),
        ("Wingdings", 0xF081, "①"),
        ("Wingdings", 0xF095, "❿"),
        ("Wingdings 2", 0xF050, "✓"),
        ("Symbol", 0xF061, "α"),
        ("Symbol", 0xF0B7, "•"),
        ("Symbol", 0xF031, "1"),
        ("Segoe UI Symbol", 0x2713, "✓"),
        ("MS Gothic", 0x2612, "☒"),
        ("Wingdings", 0xF0FF, UNKNOWN),
        ("Nobody's Font", 0xF0FC, UNKNOWN),
        ("", 0xD800, UNKNOWN),
        ("", 7, UNKNOWN),
    ],
)
def test_the_number_of_a_symbol_becomes_its_letter(font: str, number: int, letter: str) -> None:
    assert to_letter(font, number) == letter


def test_only_the_numbers_of_a_picture_font_are_read_as_symbols() -> None:
    assert to_letters("Wingdings", "oui \uf0fc") == "oui ✔"
    assert to_letters("Wingdings", "ordinaire") == "ordinaire"
