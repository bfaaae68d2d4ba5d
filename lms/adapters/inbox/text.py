"""What a person has written in a mail, without the quoted mail and without tags: functions for the child."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

from mailparser_reply import EmailReplyParser

# The line that our own mails begin with; nothing below it was written by the learner.
CUT_LINE = "Écrivez au-dessus de cette ligne"
LONGEST_TEXT = 20_000
LONGEST_WHOLE = 100_000
# The library takes quadratic time for one line: 4 s for 48,000 characters.
_LONGEST_LINE = 4000
_CUT = re.compile(r"(?im)^[^\w\n]*écrivez\s+au-dessus\s+de\s+cette\s+ligne.*\Z", re.DOTALL)
# "Le lun. 3 nov. 2026 à 10:00, Passerelle <cours@example.be> a écrit :", over at most three lines: in every
# language a line that ends with a colon, with an address or one of these words.
_ATTRIBUTION = re.compile(
    r"(?m)^(?:[^\n>]+\n){0,2}?"
    r"[^\n>]*(?:<[^<>\s]+@[^<>\s]+>|a\s+écrit|wrote|schreef|schrieb)[^\n]{0,60}:[ \t]*$"
)
_SENT_FROM = re.compile(r"(?im)^\s*(?:envoyé (?:de|depuis) mon|sent from my|envoyé à partir de)\b[^\n]*$")
_QUOTED = re.compile(r"(?m)^>.*$\n?")
_BLOCKS = frozenset(
    ("p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "table", "ul", "ol", "blockquote", "hr", "pre")
)
_HIDDEN = frozenset(("style", "script", "head", "title", "template", "noscript"))
_VOID = frozenset(("br", "hr", "img", "meta", "link", "input", "wbr", "col", "area", "base", "source"))
# What mail programs wrap the answered mail into.
_QUOTES = ("gmail_quote", "gmail_extra", "moz-cite-prefix", "yahoo_quoted", "protonmail_quote")
_QUOTE_IDS = ("divrplyfwdmsg", "appendonsend", "mail-editor-reference-message-container")


def clean(text: str, limit: int) -> str:
    """Return the text with \\n as line ends, without control characters, at most so long."""
    lines = text[: limit * 4].replace("\r\n", "\n").replace("\r", "\n").replace("\N{NO-BREAK SPACE}", " ")
    kept = "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Cn"))
    tidy = re.sub(r"[ \t]+\n", "\n", kept)
    return unicodedata.normalize("NFC", re.sub(r"\n{3,}", "\n\n", tidy)).strip()[:limit].rstrip()


def own_words(plain: str, html: str) -> tuple[str, str]:
    """Return what the sender has written now, and the whole text."""
    whole = clean(plain, LONGEST_WHOLE)
    written = ""
    if html:
        everything, own, was_cut = html_to_text(html)
        whole = whole or clean(everything, LONGEST_WHOLE)
        if was_cut or not whole or CUT_LINE.lower() in everything.lower() or not plain.strip():
            written = without_quote(clean(own, LONGEST_WHOLE))
    written = written or without_quote(whole)
    return clean(written, LONGEST_TEXT), whole


def without_quote(text: str) -> str:
    """Return the text without the mail that it answers: our line first, then what programs write."""
    text = _CUT.sub("", text)
    for said in _ATTRIBUTION.finditer(text):
        if not _QUOTED.sub("", text[said.end() :]).strip():
            text = text[: said.start()]
            break
    if text.strip() and max(map(len, text.split("\n"))) < _LONGEST_LINE:
        text = EmailReplyParser(languages=["fr", "en", "de", "nl"]).parse_reply(text) or text
    return _SENT_FROM.sub("", _QUOTED.sub("", text)).strip()


class _Reader(HTMLParser):
    """Collects the text of HTML; `own` without what lies in a quote."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.all: list[str] = []
        self.own: list[str] = []
        self.was_cut = False
        self._open: list[tuple[str, bool, bool]] = []  # tag, hidden, quoted
        self._after_quote = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._add("\n")
        if tag in _VOID or len(self._open) > 500:
            return
        values = {name: (value or "").lower() for name, value in attrs}
        is_quote = tag == "blockquote" or any(name in values.get("class", "") for name in _QUOTES)
        if any(name in values.get("id", "") for name in _QUOTE_IDS):
            self._after_quote = is_quote = True  # all that follows is the answered mail
        _, hidden, quoted = self._open[-1] if self._open else ("", False, False)
        self.was_cut |= is_quote
        self._open.append((tag, hidden or tag in _HIDDEN, quoted or is_quote))

    def handle_endtag(self, tag: str) -> None:
        for at in range(len(self._open) - 1, max(len(self._open) - 50, -1), -1):
            if self._open[at][0] == tag:
                del self._open[at:]
                break
        if tag in _BLOCKS:
            self._add("\n")

    def handle_data(self, data: str) -> None:
        hidden = self._open[-1][1] if self._open else False
        if not hidden:
            self._add(re.sub(r"\s+", " ", data))

    def _add(self, text: str) -> None:
        self.all.append(text)
        if not self._after_quote and not (self._open and self._open[-1][2]):
            self.own.append(text)


def html_to_text(html: str) -> tuple[str, str, bool]:
    """Return the text of HTML, the text outside of quotes, and whether there was a quote."""
    reader = _Reader()
    reader.feed(html[: LONGEST_WHOLE * 5])
    reader.close()
    return _lines(reader.all), _lines(reader.own), reader.was_cut


def _lines(parts: list[str]) -> str:
    return "\n".join(line.strip() for line in "".join(parts).split("\n"))
