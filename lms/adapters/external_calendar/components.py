"""Split the text of a calendar into components and properties, whatever their spelling.

Runs in the child only. Titles and texts are dropped before anything is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lms.adapters.external_calendar import CalendarError
from lms.refusal_codes import RefusalCode

# The properties that say when; none that say what, where or with whom.
_PROPERTY = re.compile(
    r"(BEGIN|END|UID|DTSTART|DTEND|DURATION|RRULE|EXRULE|RDATE|EXDATE|RECURRENCE-ID|SEQUENCE|STATUS|TRANSP|"
    r"X-MICROSOFT-CDO-BUSYSTATUS|FREEBUSY|TZID|TZOFFSETFROM|TZOFFSETTO|TZNAME|X-WR-TIMEZONE)[ \t]*([;:].*)",
    re.IGNORECASE | re.DOTALL,
)
_DATES = frozenset({"DTSTART", "DTEND", "RDATE", "EXDATE", "RECURRENCE-ID", "FREEBUSY"})
_FREE_WHEN_SET = frozenset({"STATUS", "TRANSP", "EXDATE", "EXRULE", "X-MICROSOFT-CDO-BUSYSTATUS"})
_COMPONENT_NAME = re.compile(r"[A-Z][A-Z0-9-]*")
_END = re.compile(rb"^END:VCALENDAR[ \t]*$", re.IGNORECASE | re.MULTILINE)
_DATE_VALUE = re.compile(r"\s*\d{4}-?\d\d-?\d\d(?:\s*[Tt ].*)?", re.DOTALL)
_PARAMETER = re.compile(r';\s*([A-Za-z0-9-]+)\s*=\s*("[^"]*"|(?:\\.|[^;])*)', re.DOTALL)
_FIRST_COLON = re.compile(r'((?:[^":]|"[^"]*")*):(.*)', re.DOTALL)


@dataclass(frozen=True)
class Property:
    """One line of a component. `parameters` have upper-case names and values without quotes."""

    name: str
    parameters: dict[str, str]
    value: str


@dataclass
class Component:
    """Lines between BEGIN and END: a calendar, an event, a time zone."""

    name: str
    properties: dict[str, list[Property]] = field(default_factory=dict)
    components: list[Component] = field(default_factory=list)

    def all(self, name: str) -> list[Property]:
        """Return every property of this name, in their order."""
        return self.properties.get(name, [])

    def text(self, name: str) -> str:
        """Return the value of the first property of this name; empty when there is none."""
        return next((found.value.strip() for found in self.all(name)), "")

    def walk(self, name: str) -> Iterator[Component]:
        """Yield the components of this name, at every depth."""
        for component in self.components:
            if component.name == name:
                yield component
            yield from component.walk(name)


def parse_components(raw: bytes) -> list[Component]:
    """Return the calendars of a text. Raises `CalendarError` when it is no calendar, or a part of one."""
    text = raw.replace(b"\0", b"").strip()  # PostgreSQL knows no NUL
    while text.startswith(b"\xef\xbb\xbf"):
        text = text.removeprefix(b"\xef\xbb\xbf").lstrip()
    unfolded = re.sub(rb"[\r\n]+[ \t]", b"", text).replace(b"\r", b"\n")
    # A text that ends before the calendar does has lost events: what was read before is worth more.
    if unfolded[:15].upper() != b"BEGIN:VCALENDAR" or not _END.search(unfolded):
        raise CalendarError(RefusalCode.CALENDAR_BROKEN)
    root = Component("")
    open_components, spare = [root], list[tuple[Component, Property]]()
    # In a calendar of capitals, "End: 17 h" is a line of somebody's notes.
    upper = unfolded.startswith(b"BEGIN")
    for line in unfolded.decode("utf-8", "replace").split("\n"):
        found = _PROPERTY.fullmatch(line)
        if found is None:
            continue
        name, value = found.group(1).upper(), found.group(2)[1:].strip().upper()
        is_note = upper and not found.group(1).isupper()
        if name in ("BEGIN", "END"):
            _open_or_close(open_components, name, value, is_note)
        elif is_note:
            # It counts where nothing else is said, and frees no hour.
            spare.append((open_components[-1], _property(name, found.group(2))))
        else:
            open_components[-1].properties.setdefault(name, []).append(_property(name, found.group(2)))
    if len(open_components) > 1:
        raise CalendarError(RefusalCode.CALENDAR_BROKEN)
    for component, line_of_notes in spare:
        if line_of_notes.name not in _FREE_WHEN_SET:
            component.properties.setdefault(line_of_notes.name, [line_of_notes])
    return root.components


def _open_or_close(open_components: list[Component], name: str, value: str, is_note: bool) -> None:
    """Open or close a component; text that only looks like it does neither. Raises `CalendarError`."""
    inmost = open_components[-1]
    if name == "BEGIN":
        if _COMPONENT_NAME.fullmatch(value) and (not is_note or value.startswith("V")):
            inmost.components.append(Component(value))
            open_components.append(inmost.components[-1])
    elif value == inmost.name:
        open_components.pop()
    elif value in {component.name for component in open_components}:
        raise CalendarError(RefusalCode.CALENDAR_BROKEN)


def _property(name: str, rest: str) -> Property:
    """Split what follows the name. The name of a time zone may hold colons that nobody quoted."""
    parameters, value = "", ""
    if name in _DATES:
        for place in (at for at, letter in enumerate(rest) if letter == ":"):
            if _DATE_VALUE.fullmatch(rest, place + 1):
                parameters, value = rest[:place], rest[place + 1 :]
                break
    if not value and (found := _FIRST_COLON.fullmatch(rest)):
        parameters, value = found.groups()
    pairs = _PARAMETER.findall(parameters)
    return Property(name, {key.upper(): text.strip().strip('"').strip() for key, text in pairs}, value)
