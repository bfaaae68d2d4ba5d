"""Sentences of the refusals about homework: files, attempts, feedback."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

SENTENCES: dict[str, LazyString] = {
    # Beside the name of the file.
    "file_empty": _l("Ce fichier est vide. Prenez la photo encore une fois."),
    "file_too_big": _l("Ce fichier est trop lourd. Prenez une autre photo."),
    "file_kind": _l("Nous ne lisons pas ce fichier. Envoyez une photo ou un PDF."),
    "file_video": _l("C’est une vidéo. Envoyez une photo ou votre voix."),
    "file_broken": _l("Ce fichier est abîmé. Prenez la photo encore une fois."),
    "file_encrypted": _l("Ce fichier a un mot de passe. Envoyez-le sans mot de passe."),
    "file_macros": _l("Ce document contient un programme. Envoyez un PDF."),
    "file_too_many_pages": _l("Ce document a trop de pages. Envoyez moins de pages."),
    "file_too_many_pixels": _l("Cette photo est trop grande. Prenez une photo plus petite."),
    "file_too_heavy": _l("Ce fichier est trop lourd à ouvrir. Prenez une photo."),
    "file_too_slow": _l("Ce fichier est trop long à ouvrir. Prenez une photo."),
    "file_busy": _l("Il y a beaucoup de monde. Envoyez ce fichier encore une fois."),
    "file_twice": _l("Ce fichier est déjà là."),
    "file_lost": _l("Ce fichier n’est plus là. Retirez-le et ajoutez-le encore."),
    "kind_photo": _l("Ce devoir se fait sans photo. Regardez la consigne."),
    "kind_voice": _l("Ce devoir se fait sans la voix. Regardez la consigne."),
    "kind_document": _l("Ce devoir se fait sans document. Regardez la consigne."),
    "kind_text": _l("Ce devoir se fait sans texte. Regardez la consigne."),
    "too_many_files": _l("Vous pouvez envoyer %(number)s fichiers. Retirez-en un d’abord."),
    "quota_full": _l("Votre place est pleine. Parlez-en à votre professeur."),
    "store_full": _l("Il n’y a plus de place ici. Essayez plus tard."),
    "form_too_big": _l("C’est trop lourd en une fois. Envoyez les fichiers un par un."),
    # Above the form.
    "nothing_to_send": _l("Il n’y a rien à envoyer. Ajoutez une photo ou écrivez."),
    "already_sent": _l("Ce devoir est déjà envoyé. Attendez la réponse du professeur."),
    "no_redo": _l("Ce devoir est terminé. Vous pouvez faire un autre devoir."),
    "empty_feedback": _l("Écrivez un mot ou choisissez une appréciation."),
    "copy_changed": _l("Une autre personne a écrit sur cette copie. Votre texte est encore ici."),
    "already_returned": _l("Cette copie est déjà renvoyée. Votre texte est encore ici."),
}
