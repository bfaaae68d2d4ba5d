"""Sentences of the refusals about lessons: links, captions, changes of a lesson."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

SENTENCES: dict[str, LazyString] = {
    "youtube_none": _l("Ce lien ne mène pas à une vidéo. Copiez le lien de la vidéo sur YouTube."),
    "youtube_elsewhere": _l("Ce lien ne vient pas de YouTube. Copiez un lien de YouTube."),
    "youtube_playlist": _l("C’est une liste de vidéos. Ouvrez une vidéo et copiez son lien."),
    "youtube_channel": _l("C’est une chaîne. Ouvrez une vidéo et copiez son lien."),
    "youtube_bad_id": _l("Le lien est incomplet. Copiez-le encore une fois en entier."),
    "captions_too_big": _l("Les sous-titres sont trop longs. Choisissez un fichier plus petit."),
    "captions_unreadable": _l("Ce fichier n’est pas un texte. Choisissez un fichier .vtt ou .srt."),
    "captions_empty": _l("Ce fichier ne contient pas de texte. Choisissez un autre fichier."),
    "lesson_empty": _l("La leçon est vide. Ajoutez une vidéo, des mots ou une consigne."),
    "lesson_changed": _l("Une autre personne a changé cette leçon. Comparez, puis enregistrez encore."),
}
