"""Why a learner needs attention, in words."""

# Read by the team alone.

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

REASONS: dict[str, LazyString] = {
    "first": _l("Premier devoir envoyé"),
    "not_understood": _l("N’a pas compris la correction"),
    "redo": _l("Devoir à refaire, pas encore revenu"),
    "silent": _l("Sans nouvelles depuis longtemps"),
}
