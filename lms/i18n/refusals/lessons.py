"""Sentences of the refusals about lessons: links, captions, changes of a lesson."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lms.refusal_codes import RefusalCode

SENTENCES: dict[RefusalCode, LazyString] = {
    RefusalCode.YOUTUBE_NONE: _l("Ce lien ne mène pas à une vidéo. Copiez le lien de la vidéo sur YouTube."),
    RefusalCode.YOUTUBE_ELSEWHERE: _l("Ce lien ne vient pas de YouTube. Copiez un lien de YouTube."),
    RefusalCode.YOUTUBE_PLAYLIST: _l("C’est une liste de vidéos. Ouvrez une vidéo et copiez son lien."),
    RefusalCode.YOUTUBE_CHANNEL: _l("C’est une chaîne. Ouvrez une vidéo et copiez son lien."),
    RefusalCode.YOUTUBE_BAD_ID: _l("Le lien est incomplet. Copiez-le encore une fois en entier."),
    RefusalCode.CAPTIONS_TOO_BIG: _l("Les sous-titres sont trop longs. Choisissez un fichier plus petit."),
    RefusalCode.CAPTIONS_UNREADABLE: _l("Ce fichier n’est pas un texte. Choisissez un fichier .vtt ou .srt."),
    RefusalCode.CAPTIONS_KIND: _l("Nous ne lisons pas ce format. Choisissez un fichier .vtt ou .srt."),
    RefusalCode.CAPTIONS_ENCODING: _l(
        "Les lettres de ce fichier ne sont pas sûres. Choisissez la ligne qui se lit bien."
    ),
    RefusalCode.CAPTIONS_EMPTY: _l("Ce fichier ne contient pas de texte. Choisissez un autre fichier."),
    RefusalCode.LESSON_EMPTY: _l("La leçon est vide. Ajoutez une vidéo, des mots ou une consigne."),
    RefusalCode.LESSON_CHANGED: _l(
        "Une autre personne a changé cette leçon. Comparez, puis enregistrez encore."
    ),
}
