"""Texts of a printed card, in French and in the language of the learner."""

from __future__ import annotations

from flask_babel import force_locale
from flask_babel import gettext as _

from lms.i18n import languages


def words(language: str, address: str) -> dict[str, str]:
    """Return the sentences of the card in one language; `address`: of the page for its code."""
    with force_locale(language):
        return {
            "lang": language,
            "dir": languages.shown_in(language).direction,
            "scan": _("Ouvrez l’appareil photo et visez le carré noir et blanc."),
            "type": _("Ou écrivez ces chiffres sur %(address)s", address=address),
            "lost": _("Carte perdue\N{NARROW NO-BREAK SPACE}? Appelez le service."),
        }
