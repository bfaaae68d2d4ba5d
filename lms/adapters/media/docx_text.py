"""Read the text of the main part of a Word document, once and in its order."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from lms.adapters.media.docx_symbols import UNKNOWN, to_letter, to_letters
from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

_WORD = {
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
}
_MATHS = {
    "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "http://purl.oclc.org/ooxml/officeDocument/math",
}
_COMPATIBILITY = "http://schemas.openxmlformats.org/markup-compatibility/2006"
# What was deleted, or moved to another place where it stands again.
_GONE = {"del", "moveFrom"}
_IN_RUN = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}


@dataclass
class _Flow:
    """Text that flows by itself: the document, or a text box in it."""

    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)  # anchored in the current paragraph
    mark_is_gone: bool = False

    def end_paragraph(self) -> None:
        """Close the line, unless its end was deleted. What stands in boxes follows it."""
        line = "".join(self.line)
        if line or not self.boxes:
            self.lines.append(line if self.mark_is_gone else line + "\n")
        self.lines += self.boxes
        self.line, self.boxes, self.mark_is_gone = [], [], False


def read_text(xml: bytes) -> str:
    """Return the text of `word/document.xml`. Raises `RejectedFile`."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = refuse_doctype
    try:
        parser.Parse(xml, True)
    except expat.ExpatError:
        raise RejectedFile(RefusalCode.FILE_BROKEN) from None
    return reader.text()


def refuse_doctype(*_: object) -> None:
    """Refuse a DOCTYPE: Word writes none, and it could define entities."""
    raise RejectedFile(RefusalCode.FILE_BROKEN)


class _Reader:
    """Handle the elements of the main part, one after the other."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._skipped = 0  # depth inside an element that is passed over
        self._flows = [_Flow()]
        self._characters = 0
        self._alternatives: list[int] = []  # how much text there was before each group of alternatives
        self._font = ""

    def text(self) -> str:
        """Return what was read."""
        self._flows[0].end_paragraph()
        return "".join(self._flows[0].lines).strip()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, tag = name.rpartition(" ")
        parent = self._open[-1] if self._open else ""
        self._open.append(_known(space, tag))
        if self._skipped:
            self._skipped += 1
        elif space == _COMPATIBILITY:
            self._start_alternative(tag)
        elif space in _WORD:
            self._start_word(
                tag, parent, {key.rpartition(" ")[2]: value for key, value in attributes.items()}
            )

    def end(self, _name: str) -> None:
        tag = self._open.pop()
        if self._skipped:
            self._skipped -= 1
        elif tag == "w:p":
            self._flows[-1].end_paragraph()
        elif tag == "w:txbxContent" and len(self._flows) > 1:
            flow = self._flows.pop()
            self._flows[-1].boxes.append("".join(flow.lines))
        elif tag == "mc:AlternateContent":
            self._alternatives.pop()

    def characters(self, data: str) -> None:
        if not self._skipped and self._open and self._open[-1] in ("w:t", "m:t"):
            self._add(to_letters(self._font, data))

    def _start_alternative(self, tag: str) -> None:
        """Read the first that has text of several ways to store the same thing."""
        if tag == "AlternateContent":
            self._alternatives.append(self._characters)
        elif self._alternatives and self._characters > self._alternatives[-1]:
            self._skipped = 1

    def _start_word(self, tag: str, parent: str, values: dict[str, str]) -> None:
        if tag in _GONE:
            if parent == "w:rPr" and "w:pPr" in self._open[-3:]:
                self._flows[-1].mark_is_gone = True
            self._skipped = 1
        elif tag == "txbxContent":
            self._flows.append(_Flow())
        elif tag == "r":
            self._font = ""
        elif tag == "rFonts":
            self._font = values.get("ascii", "")
        elif parent == "w:r" and tag == "sym":
            self._add(_symbol(values))
        elif parent == "w:r" and tag in _IN_RUN:  # a tab stop stands in the properties of a paragraph
            self._add(_IN_RUN[tag])

    def _add(self, text: str) -> None:
        self._flows[-1].line.append(text)
        self._characters += len(text)


def _known(space: str, tag: str) -> str:
    if space in _WORD:
        return "w:" + tag
    if space in _MATHS:
        return "m:" + tag
    return "mc:" + tag if space == _COMPATIBILITY else tag


def _symbol(values: dict[str, str]) -> str:
    try:
        return to_letter(values.get("font", ""), int(values.get("char", ""), 16))
    except ValueError:
        return UNKNOWN
