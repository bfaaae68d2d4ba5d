"""Names of roles, languages, states and audit actions, as the pages about people show them."""

# Read by the team alone.

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lms.domain.people.directory import LearnerState
from lms.i18n.languages import BY_CODE
from lms.models import AuditAction, Role

ROLES: dict[str, LazyString] = {
    Role.LEARNER: _l("Apprenant"),
    Role.TEACHER: _l("Professeur"),
    Role.COORDINATOR: _l("Coordination"),
    Role.SOCIAL_WORKER: _l("Assistant social"),
}
STATES: dict[LearnerState, LazyString] = {
    LearnerState.ACTIVE: _l("Suivent les cours"),
    LearnerState.NO_CARD: _l("Sans carte"),
    LearnerState.LOCKED: _l("Carte bloquée"),
    LearnerState.UNASSIGNED: _l("Sans assistant social"),
    LearnerState.SILENT: _l("Sans nouvelles depuis longtemps"),
    LearnerState.LEFT: _l("Ne viennent plus"),
}
ACTIONS: dict[str, LazyString] = {
    AuditAction.PERSON_MADE: _l("Personne ajoutée"),
    AuditAction.PERSON_CHANGED: _l("Fiche modifiée"),
    AuditAction.LEVEL_CHANGED: _l("Niveau modifié"),
    AuditAction.LEVEL_OPENED: _l("Niveau ouvert"),
    AuditAction.WORK_DEPOSITED: _l("Devoir déposé"),
    AuditAction.LEVEL_CLOSED: _l("Niveau fermé"),
    AuditAction.SOCIAL_WORKER_CHANGED: _l("Assistant social modifié"),
    AuditAction.CARD_ISSUED: _l("Carte faite"),
    AuditAction.CARD_LOCKED: _l("Carte bloquée après cinq erreurs"),
    AuditAction.CARD_UNLOCKED: _l("Carte débloquée"),
    AuditAction.PIN_RENEWED: _l("Code secret modifié"),
    AuditAction.PERSON_DEACTIVATED: _l("Personne désactivée"),
    AuditAction.PERSON_REACTIVATED: _l("Personne réactivée"),
    AuditAction.ROLES_CHANGED: _l("Rôles modifiés"),
    AuditAction.PASSWORD_CHANGED: _l("Mot de passe modifié"),
    AuditAction.SESSION_ENDED: _l("Appareil déconnecté"),
    AuditAction.SESSIONS_ENDED: _l("Tous les appareils déconnectés"),
    AuditAction.FEED_MADE: _l("Calendrier relié"),
    AuditAction.FEED_REVOKED: _l("Calendrier arrêté"),
    AuditAction.ADDRESS_TIED: _l("Adresse e-mail retenue"),
    AuditAction.ADDRESS_FORGOTTEN: _l("Adresse e-mail oubliée"),
    AuditAction.DAY_CALLED_OFF: _l("Journée annulée"),
    AuditAction.VIDEO_ADDRESS_CHANGED: _l("Lien vidéo modifié"),
    AuditAction.VIDEO_CONSENT_WITHDRAWN: _l("Accord pour la vidéo retiré"),
}


def role_name(role: str) -> str:
    return str(ROLES.get(role, role))


def action_name(action: str) -> str:
    """Return the sentence for an audit action; the action itself when it has no sentence here."""
    return str(ACTIONS.get(action, action.replace("_", " ")))


def language_name(code: str) -> str:
    language = BY_CODE.get(code)
    return language.name if language else code
