"""Sentences of the refusals about cards, passwords, people and the organisation."""

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
    "already_founded": _l("Le service existe déjà."),
    "email_taken": _l("Une personne de l’équipe a déjà cette adresse."),
    "last_coordinator": _l("Il faut une personne à la coordination. Nommez d’abord quelqu’un d’autre."),
    "level_unknown": _l("Ce niveau n’existe plus. Choisissez un autre niveau."),
    "link_dead": _l("Ce lien ne marche plus. Demandez un nouveau lien."),
    "login_wrong": _l("L’adresse ou le mot de passe ne va pas. Essayez encore."),
    "not_yourself": _l("Vous ne pouvez pas vous désactiver. Demandez à une autre personne."),
    "password_common": _l("Ce mot de passe est trop facile à deviner. Choisissez-en un autre."),
    "password_short": _l("Ce mot de passe est trop court. Écrivez au moins 8 caractères."),
    "password_wrong": _l("Ce n’est pas votre mot de passe actuel. Essayez encore."),
    "role_missing": _l("Choisissez au moins un rôle."),
    "door_photo_kind": _l("Ce fichier n’est pas une photo. Choisissez une photo de la porte."),
    "room_known": _l("Cette salle est déjà ouverte."),
    "social_worker_unknown": _l("Cet assistant social n’est plus là. Choisissez une autre personne."),
    "person_deactivated": _l("Cette personne ne vient plus. Réactivez-la d’abord."),
}
