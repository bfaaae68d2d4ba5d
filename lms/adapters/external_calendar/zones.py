"""Find the time zone that a calendar means, by the many names that programs give it.

Runs in the child only.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from icalendar import Component as Parsed
from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from lms.adapters.external_calendar.components import Component
from lms.adapters.external_calendar.values import parse_moment

_WINTER = datetime(2026, 1, 15, tzinfo=UTC)
_OFFSET = re.compile(r"\(?(?:UTC|GMT)?\s*([+\u2212-])\s*(\d{1,2})(?::?(\d\d))?\)?", re.IGNORECASE)
_OWN_OFFSET = re.compile(r"([+-])?(\d{1,2}):?(\d\d)(?::?\d\d)?")
_ZERO = re.compile(r"(?:\((?:UTC|GMT)\)|UTC|GMT|Z|Zulu|Coordinated Universal Time)", re.IGNORECASE)
# Cities of Windows' zone names and of the neighbours, as French, Dutch and German spell them.
_TRANSLATED = {
    "bruxelles": "Europe/Brussels",
    "brussel": "Europe/Brussels",
    "brüssel": "Europe/Brussels",
    "parijs": "Europe/Paris",
    "copenhague": "Europe/Copenhagen",
    "kopenhagen": "Europe/Copenhagen",
    "berlijn": "Europe/Berlin",
    "berne": "Europe/Zurich",
    "bern": "Europe/Zurich",
    "vienne": "Europe/Vienna",
    "wenen": "Europe/Vienna",
    "wien": "Europe/Vienna",
    "londres": "Europe/London",
    "londen": "Europe/London",
    "edimbourg": "Europe/London",
    "lisbonne": "Europe/Lisbon",
    "lissabon": "Europe/Lisbon",
    "varsovie": "Europe/Warsaw",
    "warschau": "Europe/Warsaw",
    "belgrade": "Europe/Belgrade",
    "belgrado": "Europe/Belgrade",
    "athènes": "Europe/Athens",
    "athene": "Europe/Athens",
    "athen": "Europe/Athens",
    "bucarest": "Europe/Bucharest",
    "boekarest": "Europe/Bucharest",
    "moscou": "Europe/Moscow",
    "moskou": "Europe/Moscow",
    "moskau": "Europe/Moscow",
    "le caire": "Africa/Cairo",
    "alger": "Africa/Algiers",
}


class Zones:
    """The time zones of one calendar. `default`: the zone that counts when a name is not understood."""

    def __init__(self, calendar: Component, default: ZoneInfo) -> None:
        self.default = default
        self._own: dict[str, Component] = {}
        for component in calendar.walk("VTIMEZONE"):
            for name in component.all("TZID"):
                self._own.setdefault(_tidy(name.value).casefold(), component)
        self._found: dict[str, tzinfo | None] = {}

    def find(self, name: str) -> tzinfo | None:
        """Return the time zone of this name; None when it is not understood."""
        name = _tidy(name)
        if name not in self._found:
            self._found[name] = self._search(name)
        return self._found[name]

    def _search(self, name: str) -> tzinfo | None:
        if key := _keys().get(name.casefold()):
            return ZoneInfo(key)
        own = self._own.get(name.casefold())
        if own and (zone := _own_zone(own)):
            return zone
        key = _windows_key(name) or _key_within(name) or _key_of_city(name)
        return ZoneInfo(key) if key else self._by_offset(name)

    def _by_offset(self, name: str) -> tzinfo | None:
        if _ZERO.match(name) and (_ZERO.fullmatch(name) or name.startswith("(")):
            return UTC
        if name.casefold().endswith("/utc"):
            return UTC
        offset = _stated_offset(name)
        if offset is None or abs(offset) >= timedelta(hours=24):
            return None
        # People call their zone by its offset in winter, and mean the clock on the wall.
        is_default = _WINTER.astimezone(self.default).utcoffset() == offset
        return self.default if is_default else timezone(offset)


def _tidy(name: str) -> str:
    return " ".join(name.replace("\\,", ",").replace("\\;", ";").replace('"', " ").split())


@cache
def _keys() -> dict[str, str]:
    return {key.casefold(): key for key in sorted(available_timezones())}


@cache
def _cities() -> dict[str, str]:
    """Return the zone of each city in lower case; of two with one name, the one in Europe."""
    cities = {}
    for key in sorted(available_timezones(), key=lambda key: (key.startswith("Europe/"), key)):
        region, _slash, city = key.rpartition("/")
        if region and region.partition("/")[0] in (
            "Africa",
            "America",
            "Asia",
            "Australia",
            "Europe",
            "Pacific",
        ):
            cities[city.replace("_", " ").casefold()] = key
    return cities | _TRANSLATED


@cache
def _windows() -> dict[str, str]:
    return {name.casefold(): key for name, key in WINDOWS_TO_OLSON.items()}


def _windows_key(name: str) -> str | None:
    """Return the zone of a Windows name: whole, in brackets, or with its end translated or left out."""
    within = re.findall(r"\(([^()]+)\)", name)
    stem = re.sub(r"\s*\([^()\d]+\)$", "", name)
    for candidate in (name, *within, f"{stem} Standard Time"):
        if key := _windows().get(candidate.strip().casefold()):
            return key
    return None


def _key_within(name: str) -> str | None:
    """Return the key that stands in a longer name, behind the prefix of a program for example."""
    for word in re.split(r"[\s(),;:]+", name):
        pieces = [piece for piece in word.split("/") if piece]
        for start in range(len(pieces) - 1):
            if key := _keys().get("/".join(pieces[start:]).casefold()):
                return key
    return None


def _key_of_city(name: str) -> str | None:
    """Return the zone of the first city named; it must have the offset, or the region, that is named too."""
    offset = _stated_offset(name)
    rest = _OFFSET.sub("", name, count=1) if offset is not None else name
    region, slash, city = rest.rpartition("/")
    for candidate in [city] if slash else [*re.split(r"[,;&()]", rest), *rest.split()]:
        key = _cities().get(candidate.strip().casefold())
        if key is None or (slash and not key.startswith(f"{region.rpartition('/')[2]}/")):
            continue
        if offset is None or _WINTER.astimezone(ZoneInfo(key)).utcoffset() == offset:
            return key
    return None


def _stated_offset(name: str) -> timedelta | None:
    found = _OFFSET.match(name)
    if found is None:
        return None
    offset = timedelta(hours=int(found.group(2)), minutes=int(found.group(3) or 0))
    return offset if found.group(1) == "+" else -offset


def _own_zone(component: Component) -> tzinfo | None:
    """Return the zone that a calendar explains; None when the explanation is empty or not of a zone."""
    lines = ["BEGIN:VTIMEZONE", "TZID:own"]
    for part in component.components:
        rules = [found.value.upper() for found in part.all("RRULE")]
        if part.name not in ("STANDARD", "DAYLIGHT") or any("FREQ=YEARLY" not in rule for rule in rules):
            return None
        starts = parse_moment(part.text("DTSTART"))
        offsets = [_OWN_OFFSET.fullmatch(part.text(name)) for name in ("TZOFFSETFROM", "TZOFFSETTO")]
        if not isinstance(starts, datetime) or not all(offsets):
            return None
        lines += [f"BEGIN:{part.name}", f"DTSTART:{starts:%Y%m%dT%H%M%S}"]
        for name, offset in zip(("TZOFFSETFROM", "TZOFFSETTO"), filter(None, offsets), strict=True):
            sign, hours, minutes = offset.groups()
            lines.append(f"{name}:{sign or '+'}{hours:>02}{minutes}")
        lines += [f"{name}:{found.value.strip()}" for name in ("RRULE", "RDATE") for found in part.all(name)]
        lines.append(f"END:{part.name}")
    text = "\r\n".join([*lines, "END:VTIMEZONE"])
    if not component.components:
        return None
    try:
        zone = Parsed.from_ical(text)
        if not isinstance(zone, Timezone):
            return None
        found_zone: tzinfo = zone.to_tz(lookup_tzid=False)
        _WINTER.astimezone(found_zone)
    except Exception:  # noqa: BLE001 whatever the library throws at it, it is no zone
        return None
    return found_zone
