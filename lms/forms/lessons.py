"""Forms of lessons. What was typed always comes back; an invalid link is refused beside its field."""

# Read by the team alone.

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import FileStorage
from wtforms import (
    Field,
    FieldList,
    FileField,
    Form,
    FormField,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Length, ValidationError

from lms.adapters import captions, youtube
from lms.adapters.captions_encoding import UnsureEncoding
from lms.domain.errors import Refused
from lms.domain.lessons.authoring import ClipDraft
from lms.forms import PageForm, at_most, required, tidy, tidy_text
from lms.i18n.refusals import sentence
from lms.models import Lesson, Level

MOST_CLIPS = 20
MOST_WORDS = 80
_LENGTH = re.compile(
    r"([0-9]{1,3})(?:\s*(?::|min|m|’|')\s*([0-9]{1,2})\s*(?:s|sec|\")?)?(?:\s*(?:min|m))?", re.I
)
_DECIMAL = re.compile(r"([0-9]{1,3})[.,]([0-9])(?:\s*min)?", re.I)


def lines_of(text: str | None) -> list[str]:
    """Return the cleaned lines of a text without the empty ones."""
    return [line for raw in (text or "").splitlines() if (line := tidy(raw) or "")]


def _videos(text: str | None) -> Iterator[tuple[str, youtube.Video | Refused]]:
    """Yield each link, one a line, with its video or refusal; a pasted iframe may have several lines."""
    whole = text or ""
    pieces = (
        [whole] if "<iframe" in whole.lower() and whole.lower().count("<iframe") == 1 else lines_of(whole)
    )
    for piece in pieces:
        try:
            yield piece, youtube.parse_link(piece)
        except Refused as refusal:
            yield piece, refusal


def _drafts(text: str | None) -> list[ClipDraft]:
    return [
        ClipDraft(video.id, video.starts, video.ends)
        for _piece, video in _videos(text)
        if isinstance(video, youtube.Video)
    ]


def several_videos(_form: Form, field: Field) -> None:
    """Validate that every line names a video, and that there are at most `MOST_CLIPS`."""
    found = list(_videos(field.data))
    if len(found) > MOST_CLIPS:
        raise ValidationError(_l("C’est trop de vidéos pour une leçon."))
    for number, (_piece, video) in enumerate(found, start=1):
        if isinstance(video, Refused):
            place = _("Ligne %(number)s : ", number=number) if len(found) > 1 else ""
            raise ValidationError(f"{place}{sentence(video)}")


def one_video(_form: Form, field: Field) -> None:
    """Validate that the field names a video."""
    try:
        youtube.parse_link(field.data or "")
    except Refused as refusal:
        raise ValidationError(sentence(refusal)) from None


def a_length(_form: Form, field: Field) -> None:
    """Validate that the field is a length that `seconds_of` reads, or empty."""
    if field.data and seconds_of(field.data) is None:
        raise ValidationError(_l("Écrivez les minutes, par exemple 3 ou 3:20."))


def seconds_of(text: str) -> int | None:
    """Return a length in minutes such as 3, 3:20, 3 min 20 or 2,5 in seconds; None when it is not one."""
    if found := _DECIMAL.fullmatch(text.strip()):
        total = int(found.group(1)) * 60 + int(found.group(2)) * 6
    elif found := _LENGTH.fullmatch(text.strip()):
        total = int(found.group(1)) * 60 + int(found.group(2) or 0)
    else:
        return None
    return total if 0 < total <= 12 * 3600 else None


def length_of(seconds: int | None) -> str:
    """Return seconds as `seconds_of` reads them: 3 or 3:20; empty for None."""
    if not seconds:
        return ""
    return f"{seconds // 60}:{seconds % 60:02d}" if seconds % 60 else str(seconds // 60)


def few_words(_form: Form, field: Field) -> None:
    """Validate the number and the length of the vocabulary items, one a line."""
    words = lines_of(field.data)
    if len(words) > MOST_WORDS:
        raise ValidationError(_l("C’est trop de mots pour une leçon."))
    if any(len(word) > 120 for word in words):
        raise ValidationError(_l("Un mot est trop long. Écrivez un mot par ligne."))


class NewLesson(PageForm):
    """A new lesson: level, title, links of videos."""

    level = SelectField(_l("Niveau"), validators=[required()])
    title = StringField(_l("Titre"), filters=[tidy], validators=[required(), at_most(120)])
    links = TextAreaField(
        _l("Lien YouTube"),
        description=_l("Collez le lien de la vidéo. Un lien par ligne."),
        validators=[at_most(8000), several_videos],
        render_kw={"rows": 2, "dir": "ltr"},
    )
    goal = StringField(
        _l("Objectif"),
        description=_l("Par exemple : Je peux demander un prix."),
        filters=[tidy],
        validators=[at_most(200)],
    )

    def offer(self, levels: Iterable[Level]) -> None:
        """Set the levels to choose from."""
        self.level.choices = [(level.id, f"{level.name} · {level.cefr}") for level in levels]

    def clips(self) -> list[ClipDraft]:
        """Return the clips of the links."""
        return _drafts(self.links.data)


class ClipForm(Form):
    """One clip within the form of its lesson."""

    id = HiddenField()
    address = StringField(_l("Lien YouTube"), validators=[at_most(4000), one_video])
    title = StringField(_l("Titre de la vidéo"), filters=[tidy], validators=[at_most(120)])
    minutes = StringField(
        _l("Minutes"),
        description=_l("Par exemple 3 ou 3:20"),
        filters=[tidy],
        validators=[at_most(20), a_length],
    )
    transcript = TextAreaField(
        _l("Texte de la vidéo"),
        description=_l("Collez le texte, ou choisissez un fichier de sous-titres."),
        filters=[tidy_text],
        validators=[Length(max=captions.MOST_BYTES, message=_l("C’est trop long."))],
        render_kw={"rows": 4, "dir": "auto"},
    )
    captions = FileField(
        _l("Fichier de sous-titres (.vtt, .srt, .sbv)"),
        render_kw={
            "accept": ".vtt,.srt,.sbv,.ttml,.dfxp,.xml,.json,.json3,.lrc,.ass,.ssa,.sub,.txt,text/vtt"
        },
    )
    # The bytes of a file whose encoding is not certain, while the teacher is asked which line reads well.
    undecoded = HiddenField()
    encoding = RadioField(_l("Quelle ligne se lit bien ?"), choices=[], validate_choice=False)

    def validate_transcript(self, field: Field) -> None:
        if field.data and not _has_file(self.captions.data):
            try:
                field.data = captions.tidy(field.data)
            except Refused as refusal:
                raise ValidationError(sentence(refusal)) from None

    def validate_captions(self, field: Field) -> None:
        """Put the text of the file into the field, where the teacher sees it."""
        if _has_file(field.data):
            raw, encoding = field.data.stream.read(captions.MOST_BYTES + 1), None
        elif self.undecoded.data:
            raw, encoding = _from_base64(self.undecoded.data), self.encoding.data
        else:
            return
        self.undecoded.data = ""
        try:
            self.transcript.data = captions.parse_captions(raw, encoding)
        except UnsureEncoding as unsure:
            self.undecoded.data = base64.b64encode(raw).decode()
            self.encoding.choices, self.encoding.data = unsure.samples, None
            raise ValidationError(sentence(unsure)) from None
        except Refused as refusal:
            raise ValidationError(sentence(refusal)) from None

    def draft(self) -> ClipDraft:
        """Return the clip that was entered."""
        video = youtube.parse_link(self.address.data or "")
        return ClipDraft(
            video.id,
            video.starts,
            video.ends,
            title=self.title.data or "",
            seconds=seconds_of(self.minutes.data or ""),
            transcript=self.transcript.data or "",
            id=self.id.data or None,
        )


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # not what the page held
        return b""


def _has_file(value: object) -> bool:
    return isinstance(value, FileStorage) and bool(value.filename)


class _Clips(FieldList):
    """A list of clips; entry numbers come from the request, so only small plain ones are read."""

    def _extract_indices(self, prefix: str, formdata: Any) -> Iterator[int]:
        pattern = re.compile(rf"{re.escape(prefix)}-([0-9]{{1,3}})-")
        for name in formdata:
            if found := pattern.match(name):
                yield int(found.group(1))


class EditLesson(PageForm):
    """A whole lesson. `seen` is the fingerprint of the lesson that the page shows."""

    seen = HiddenField()
    title = StringField(_l("Titre"), filters=[tidy], validators=[required(), at_most(120)])
    goal = StringField(
        _l("Objectif"),
        description=_l("Par exemple : Je peux demander un prix."),
        filters=[tidy],
        validators=[at_most(200)],
    )
    instructions = TextAreaField(
        _l("Consigne"),
        description=_l("Écrivez comme dans un message. Une adresse https://… devient un lien."),
        filters=[tidy_text],
        validators=[at_most(20_000)],
        render_kw={"rows": 4, "dir": "auto"},
    )
    words = TextAreaField(
        _l("Mots"),
        description=_l("Un mot par ligne, avec son dessin : le bus 🚌"),
        validators=[few_words],
        render_kw={"rows": 6, "dir": "auto"},
    )
    clips = _Clips(FormField(ClipForm), max_entries=MOST_CLIPS)
    links = TextAreaField(
        _l("Ajouter une vidéo"),
        description=_l("Collez le lien de la vidéo. Un lien par ligne."),
        validators=[at_most(8000), several_videos],
        render_kw={"rows": 2, "dir": "ltr"},
    )

    def drafts(self) -> list[ClipDraft]:
        """Return the clips of the list."""
        return [entry.form.draft() for entry in self.clips]

    def added(self) -> list[ClipDraft]:
        """Return the clips of the added links."""
        return _drafts(self.links.data)

    def word_list(self) -> list[str]:
        """Return the vocabulary items."""
        return lines_of(self.words.data)


def values_of(lesson: Lesson, fingerprint: str) -> dict[str, Any]:
    """Return the values of a lesson for the edit form."""
    return {
        "seen": fingerprint,
        "title": lesson.title,
        "goal": lesson.goal,
        "instructions": lesson.instructions,
        "words": "\n".join(word.text for word in lesson.words),
        "clips": [
            {
                "id": clip.id,
                "address": youtube.watch_address(clip.youtube_id, clip.starts, clip.ends),
                "title": clip.title,
                "minutes": length_of(clip.seconds),
                "transcript": clip.transcript,
            }
            for clip in lesson.clips
        ],
    }
