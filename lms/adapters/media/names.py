"""Clean the name of a file for display. It is shown, never used as a path."""

import unicodedata

LENGTH = 120
NAMELESS = "fichier"
# Joiners belong to the spelling of Persian and Indic words, and to emoji.
_JOINERS = "\u200c\u200d"


def clean_name(name: str) -> str:
    """Return the name without folders, control and direction characters, at most `LENGTH` characters long.

    Letters of every script stay; a name without any letter or digit becomes `NAMELESS`.
    """
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    name = name.replace("\\", "/").rstrip("/ ").rpartition("/")[2]
    kept = (
        " " if unicodedata.category(char).startswith("Z") else char
        for char in name
        # Cc control, Cf format (bidi marks and overrides), Cs surrogate, Co private use, Cn unassigned
        if char in _JOINERS or char in "\t\n" or not unicodedata.category(char).startswith("C")
    )
    name = " ".join("".join(kept).split()).strip(" .") if name.strip(" .") else ""
    if len(name) > LENGTH:
        stem, dot, ending = name.rpartition(".")
        if dot and len(ending) <= 8:
            name = stem[: LENGTH - len(ending) - 1].rstrip(" .") + "." + ending
        else:
            name = name[:LENGTH].rstrip(" .")
    return name if any(char.isalnum() for char in name) else NAMELESS
