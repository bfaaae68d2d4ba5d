"""Read the symbols that Word stores as a number in one of its picture fonts."""

UNKNOWN = "\ufffd"
_PRIVATE = 0xF000  # Word adds this to the number in the font

_NUMBERS = {0x81 + n: chr(0x2460 + n) for n in range(10)} | {0x8C + n: chr(0x2776 + n) for n in range(10)}
_WINGDINGS: dict[int, str] = _NUMBERS | dict(
    zip(
        bytes.fromhex("21222a28414344454648 4a4b4c6c6e6fa7a8ab76d8dfe0e1e2e8eff0fbfcfdfe"),
        "✏✂✉☎✌👍👎☜☞✋☺😐☹●■□▪◻★❖➢←→↑↓➔⇦⇨✖✔☒☑",
        strict=True,
    )
)
_WINGDINGS_2: dict[int, str] = dict(zip(bytes.fromhex("4f505253a3"), "✗✓☑☒□", strict=True))
_SYMBOL: dict[int, str] = (
    dict(zip(range(0x41, 0x5B), "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", strict=True))
    | dict(zip(range(0x61, 0x7B), "αβχδεφγηιϕκλμνοπθρστυϖωξψζ", strict=True))
    | dict(zip(bytes.fromhex("a0a3a5acaeb0b1b3b4b7b8b9bbd6"), "€≤∞←→°±≥×•÷≠≈√", strict=True))
    | {number: chr(number) for number in (*range(0x20, 0x41), *range(0x5B, 0x60), *range(0x7B, 0x7F))}
)
_FONTS: dict[str, dict[int, str]] = {"wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2, "symbol": _SYMBOL}


def to_letter(font: str, number: int) -> str:
    """Return the character for a number in this font, `UNKNOWN` for one that has no equal."""
    table = _FONTS.get(font.strip().lower())
    if table is not None:
        return table.get(number & 0xFF if number >= _PRIVATE else number, UNKNOWN)
    is_letter = 0x20 <= number < 0xD800 or 0x1F000 <= number < 0x20000
    return chr(number) if is_letter else UNKNOWN


def to_letters(font: str, text: str) -> str:
    """Return the text with the numbers of a picture font read."""
    if not any(_PRIVATE <= ord(char) <= _PRIVATE + 0xFF for char in text):
        return text
    return "".join(to_letter(font, ord(char)) if _PRIVATE <= ord(char) <= 0xF0FF else char for char in text)
