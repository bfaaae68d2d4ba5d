"""Names of roles, languages and deeds, as the pages about people show them."""

# Read by the team alone.

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lms.i18n.languages import BY_CODE

ROLES: dict[str, LazyString] = {
    "learner": _l("Apprenant"),
    "teacher": _l("Professeur"),
    "coordinator": _l("Coordination"),
    "social_worker": _l("Assistant social"),
}
ACTIONS: dict[str, LazyString] = {
    "person_made": _l("Personne ajoutée"),
    "person_changed": _l("Fiche modifiée"),
    "level_changed": _l("Niveau changé"),
    "level_opened": _l("Niveau ouvert"),
    "level_closed": _l("Niveau fermé"),
    "social_worker_changed": _l("Assistant social changé"),
    "card_issued": _l("Carte faite"),
    "card_locked": _l("Carte fermée après cinq erreurs"),
    "card_unlocked": _l("Carte ouverte"),
    "pin_renewed": _l("Code secret changé"),
    "person_deactivated": _l("Personne désactivée"),
    "person_reactivated": _l("Personne réactivée"),
    "roles_changed": _l("Rôles changés"),
    "password_changed": _l("Mot de passe changé"),
    "link_sent": _l("Lien envoyé pour un mot de passe"),
    "session_ended": _l("Appareil sorti"),
    "sessions_ended": _l("Tous les appareils sortis"),
    "feed_made": _l("Calendrier relié"),
    "feed_revoked": _l("Calendrier arrêté"),
    "day_called_off": _l("Journée annulée"),
    "video_consent_withdrawn": _l("Accord pour la vidéo retiré"),
}


def role_name(role: str) -> str:
    return str(ROLES.get(role, role))


def action_name(action: str) -> str:
    """The sentence of a line of the journal; a line of another feature keeps its word."""
    return str(ACTIONS.get(action, action.replace("_", " ")))


def language_name(code: str) -> str:
    language = BY_CODE.get(code)
    return language.name if language else code
