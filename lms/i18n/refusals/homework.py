"""Sentences of the refusals about homework: files, attempts, feedback."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lms.refusal_codes import RefusalCode

SENTENCES: dict[RefusalCode, LazyString] = {
    # Beside the name of the file. Where no sentence says what to do, `files.complete` adds it.
    RefusalCode.FILE_EMPTY: _l("Ce fichier est vide."),
    RefusalCode.FILE_TOO_BIG: _l("Ce fichier est trop lourd."),
    RefusalCode.FILE_KIND: _l("Nous ne lisons pas ce fichier."),
    RefusalCode.FILE_VIDEO: _l("C’est une vidéo."),
    RefusalCode.FILE_BROKEN: _l("Ce fichier est abîmé."),
    RefusalCode.FILE_ENCRYPTED: _l("Ce fichier a un mot de passe. Envoyez-le sans mot de passe."),
    RefusalCode.FILE_MACROS: _l("Ce document contient un programme."),
    RefusalCode.FILE_TOO_MANY_PAGES: _l("Ce document a trop de pages. Envoyez moins de pages."),
    RefusalCode.FILE_TOO_MANY_PIXELS: _l("Cette photo est trop grande. Prenez une photo plus petite."),
    RefusalCode.FILE_TOO_HEAVY: _l("Ce fichier est trop lourd à ouvrir."),
    RefusalCode.FILE_TOO_SLOW: _l("Ce fichier est trop long à ouvrir."),
    RefusalCode.FILE_BUSY: _l("Il y a beaucoup de monde. Envoyez ce fichier encore une fois."),
    RefusalCode.FILE_TWICE: _l("Ce fichier est déjà là."),
    RefusalCode.FILE_LOST: _l("Ce fichier n’est plus là. Supprimez-le et ajoutez-le encore."),
    RefusalCode.KIND_PHOTO: _l("Ce devoir se fait sans photo."),
    RefusalCode.KIND_VOICE: _l("Ce devoir se fait sans la voix."),
    RefusalCode.KIND_DOCUMENT: _l("Ce devoir se fait sans document."),
    RefusalCode.KIND_TEXT: _l("Ce devoir se fait sans texte. Regardez la consigne."),
    RefusalCode.TOO_MANY_FILES: _l("Vous pouvez envoyer %(number)s fichiers. Supprimez-en un d’abord."),
    RefusalCode.QUOTA_FULL: _l("Il n’y a plus de place pour vos fichiers. Parlez-en à votre professeur."),
    RefusalCode.STORE_FULL: _l("Il n’y a plus de place ici. Essayez plus tard."),
    RefusalCode.FORM_TOO_BIG: _l("C’est trop lourd en une fois. Envoyez les fichiers un par un."),
    # To the program that sends a file in pieces, and from there beside the name of the file.
    RefusalCode.UPLOAD_UNKNOWN: _l("Cet envoi n’existe pas. Ouvrez le devoir et ajoutez le fichier encore."),
    RefusalCode.UPLOAD_EXPIRED: _l("Cet envoi est trop ancien. Ajoutez le fichier encore une fois."),
    RefusalCode.UPLOAD_BUSY: _l("Ce fichier est déjà en route dans une autre page. Attendez un peu."),
    RefusalCode.UPLOAD_LONGER: _l("Ce fichier a changé pendant l’envoi. Ajoutez-le encore une fois."),
    RefusalCode.UPLOAD_DAMAGED: _l("Un morceau est arrivé abîmé. Il part encore une fois."),
    # Above the form.
    RefusalCode.UPLOADS_BUSY: _l("Des fichiers arrivent déjà. Attendez un peu et envoyez encore."),
    RefusalCode.NOTHING_TO_SEND: _l("Il n’y a rien à envoyer."),
    RefusalCode.DRAFT_CHANGED: _l("Vous avez écrit aussi dans une autre page. Rien n’est effacé."),
    RefusalCode.ALREADY_SENT: _l("Ce devoir est déjà envoyé. Attendez la réponse du professeur."),
    RefusalCode.NO_REDO: _l("Ce devoir est terminé. Vous pouvez faire un autre devoir."),
    RefusalCode.EMPTY_FEEDBACK: _l("Écrivez un mot ou choisissez une appréciation."),
    RefusalCode.FIELD_CHANGED: _l("Une autre personne a écrit sur cette copie. Votre texte est encore ici."),
    RefusalCode.VOICE_TOO_LONG: _l(
        "Cette voix est trop longue : %(number)s minutes au plus. Enregistrez-la en plus court."
    ),
    RefusalCode.MARK_MALFORMED: _l("Cette marque n’est pas claire. Faites-la encore une fois."),
    RefusalCode.MARK_OUT_OF_PAGE: _l("Cette marque est en dehors de la page."),
    RefusalCode.TOO_MANY_MARKS: _l("Il y a déjà %(number)s marques ici. Supprimez-en une d’abord."),
    RefusalCode.ALREADY_RETURNED: _l("Cette copie est déjà rendue. Votre texte est encore ici."),
    RefusalCode.UNDO_TOO_LATE: _l(
        "C’est trop tard pour annuler : la copie est déjà rendue. Vous pouvez compléter la réponse."
    ),
    # Asked once: the second press returns the copy.
    RefusalCode.TOO_MANY_PINS: _l("Plus de %(number)s marques, c’est beaucoup à ce niveau."),
    RefusalCode.TOO_MANY_CODES: _l("Plus de %(number)s sortes de fautes, c’est beaucoup à ce niveau."),
    RefusalCode.NO_GOOD_MARK: _l("Aucune marque ne dit ce qui est bien."),
    # On the page without a login.
    RefusalCode.VIEW_EXPIRED: _l("Ce lien n’est plus valable. Entrez avec votre carte pour voir la réponse."),
    # In the answer to a mail, and in the tray of the team.
    RefusalCode.MAIL_TOO_BIG: _l("Cet e-mail est trop lourd. Envoyez moins de photos en une fois."),
    RefusalCode.MAIL_UNREADABLE: _l("Cet e-mail ne s’ouvre pas."),
    RefusalCode.MAIL_NO_HOMEWORK: _l("Cet e-mail est vide, ou ses fichiers ne s’ouvrent pas."),
    RefusalCode.MAIL_DOUBTFUL: _l("Le nom n’est pas celui de la personne qui a cette adresse."),
    RefusalCode.MAIL_MOVED_LATE: _l("Cette copie ne change plus de personne : la correction est commencée."),
    RefusalCode.MAIL_OLD_ADDRESS: _l("Cette adresse de réponse n’est plus valable."),
}
