"""Sentences of the refusals about cards, passwords, people and the organisation."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lms.refusal_codes import RefusalCode

SENTENCES: dict[RefusalCode, LazyString] = {
    RefusalCode.CARD_DEAD: _l("Cette carte ne marche plus. Demandez une carte à votre professeur."),
    RefusalCode.CARD_LOCKED: _l(
        "La carte est bloquée après cinq erreurs. Votre professeur peut la débloquer."
    ),
    RefusalCode.CARD_MISSING: _l("Cette personne n’a pas de carte. Faites d’abord une carte."),
    RefusalCode.CARD_NOT_LEARNER: _l("Une carte est pour un apprenant. L’équipe entre avec un mot de passe."),
    RefusalCode.CODE_WRONG: _l(
        "Ces chiffres sont faux. Regardez encore la carte. "
        "Après cinq erreurs, la carte est bloquée. Votre professeur peut la débloquer."
    ),
    RefusalCode.PIN_WRONG: _l("Ce code secret est faux. Essayez encore ou demandez à votre professeur."),
    RefusalCode.ALREADY_FOUNDED: _l("Le service existe déjà."),
    RefusalCode.EMAIL_TAKEN: _l("Une personne de l’équipe a déjà cette adresse."),
    RefusalCode.LAST_COORDINATOR: _l(
        "Il faut une personne à la coordination. Nommez d’abord quelqu’un d’autre."
    ),
    RefusalCode.LEVEL_KNOWN: _l("Un autre niveau a déjà ce nom."),
    RefusalCode.LEVEL_UNKNOWN: _l("Ce niveau n’existe plus. Choisissez un autre niveau."),
    RefusalCode.FORM_KEPT: _l("Votre texte est encore ici, pas encore envoyé. Regardez et envoyez."),
    RefusalCode.FORM_KEPT_WITHOUT_FILES: _l(
        "Votre texte est encore ici, pas encore envoyé. Ajoutez vos fichiers et envoyez."
    ),
    RefusalCode.LINK_DEAD: _l("Ce lien ne marche plus. Demandez un nouveau lien."),
    RefusalCode.LOGIN_WRONG: _l("L’adresse ou le mot de passe est faux. Essayez encore."),
    RefusalCode.NAMESAKE: _l("Ce nom existe déjà. Est-ce une autre personne ?"),
    RefusalCode.NOT_YOURSELF: _l("Vous ne pouvez pas vous désactiver. Demandez à une autre personne."),
    RefusalCode.PASSWORD_COMMON: _l("Ce mot de passe est trop facile à deviner. Choisissez-en un autre."),
    RefusalCode.PASSWORD_SHORT: _l("Ce mot de passe est trop court. Écrivez au moins 8 caractères."),
    RefusalCode.PASSWORD_WRONG: _l("Ce n’est pas votre mot de passe actuel. Essayez encore."),
    RefusalCode.ROLE_MISSING: _l("Choisissez au moins un rôle."),
    RefusalCode.DOOR_PHOTO_KIND: _l("Ce fichier n’est pas une photo. Choisissez une photo de la porte."),
    RefusalCode.ROOM_KNOWN: _l("Cette salle est déjà ouverte."),
    RefusalCode.SOCIAL_WORKER_UNKNOWN: _l(
        "Cet assistant social n’est plus là. Choisissez une autre personne."
    ),
    RefusalCode.PERSON_DEACTIVATED: _l("Cette personne ne vient plus. Réactivez-la d’abord."),
}
