"""What stands on a printed card. A learner reads it: her own language is asked for, not only the team's."""

from __future__ import annotations

from flask_babel import force_locale
from flask_babel import gettext as _

from lms.i18n import languages


def words(language: str, address: str) -> dict[str, str]:
    """The sentences of the card in one language; `address` is where its code is typed."""
    with force_locale(language):
        return {
            "lang": language,
            "dir": languages.shown_in(language).direction,
            "scan": _("Ouvrez l’appareil photo et visez le carré noir et blanc."),
            "type": _("Ou écrivez ces chiffres sur %(address)s", address=address),
            "lost": _("Carte perdue\N{NO-BREAK SPACE}? Appelez le service."),
        }
