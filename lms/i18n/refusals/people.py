"""Why a card, a password or a change of a person is refused."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

SENTENCES: dict[str, LazyString] = {
    "card_dead": _l("Cette carte ne marche plus. Demandez une carte à votre professeur."),
    "card_locked": _l("La carte est fermée après cinq erreurs. Votre professeur peut l’ouvrir."),
    "card_missing": _l("Cette personne n’a pas de carte. Faites d’abord une carte."),
    "card_not_learner": _l("Une carte est pour un apprenant. L’équipe entre avec un mot de passe."),
    "code_wrong": _l(
        "Ce code ne marche pas. Regardez encore la carte. "
        "Après cinq erreurs, la carte se ferme. Votre professeur peut l’ouvrir."
    ),
    "pin_wrong": _l("Ce code secret ne marche pas. Essayez encore ou demandez à votre professeur."),
    "person_deactivated": _l("Cette personne ne vient plus. Réactivez-la d’abord."),
}
