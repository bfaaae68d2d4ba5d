"""A copy with a photo and some words, corrected with marks and returned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from io import BytesIO

from PIL import Image
from sqlalchemy import update
from sqlalchemy.orm import Session

from lms.adapters.store import Store
from lms.domain.homework import attempts, correction, files, marks
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.marks import MarkContent
from lms.domain.homework.returns import UNDOABLE
from lms.models import Assignment, MarkCode, MarkKind, Person, Rendition, ReturnedFeedback
from tests.factories.people import NOW, nadia
from tests.support import files as samples

TEXT = "Je prend le bus."
WORD = MarkContent(MarkKind.RANGE, MarkCode.CONJUGATION, starts=3, ends=8, quote="prend", model="prends")

PIN = MarkContent(MarkKind.PIN, MarkCode.AGREEMENT, page=1, x=2000, y=3000, quote="les mot", model="les mots")


def stored_photo(store: Store, content: bytes) -> files.StoredFile:
    """Store a photo that is a picture, with the copy that is shown."""
    keys = [store.put(BytesIO(content), suffix=".jpg") for _ in range(2)]
    width, height = Image.open(BytesIO(content)).size
    digest = store.digest(keys[0])
    made = files.StoredRendition("web", 1, keys[1], "image/jpeg", width, height, len(content), digest)
    return files.StoredFile(
        "photo", "devoir.jpg", keys[0], "image/jpeg", len(content), digest, renditions=(made,)
    )


def corrected(
    session: Session,
    learner: Person,
    assignment: Assignment,
    store: Store,
    *,
    photos: Sequence[bytes] = (),
    turns: int = 0,
    more: Sequence[MarkContent] = (),
    redo: bool = True,
    shows_answers: bool = False,
    now: datetime = NOW,
) -> ReturnedFeedback:
    """Return feedback that is final at `now`: a marked word, on each photo a pin and a star, and `more`."""
    teacher, moment = nadia(session), now - UNDOABLE
    draft = attempts.open_draft(session, learner, assignment.id, now=moment)
    attempts.write_text(session, draft, TEXT, draft.version)
    for photo in photos or (samples.jpeg(),):
        files.add_file(session, draft, assignment, stored_photo(store, photo), now=moment)
    attempts.send_attempt(session, draft, assignment, now=moment)
    session.execute(update(Rendition).values(turns=turns))
    copy = attempts.queued_attempt_for(session, teacher, draft.id)
    feedback = correction.open_feedback(session, copy, teacher, returns=0, now=moment)
    made = [WORD, *more]
    for file in copy.attachments:
        made += [
            replace(PIN, attachment_id=file.id),
            MarkContent(MarkKind.PIN, MarkCode.GOOD, file.id, 1, 7000, 8000, quote="Merci"),
            MarkContent(MarkKind.PEN, None, file.id, 1, 2000, 5000, points=[[2000, 5000], [3000, 5000]]),
        ]
    for number, mark in enumerate(made):
        marks.add_mark(session, copy, feedback.id, teacher, f"key-{number}", mark, now=moment)
    copy = attempts.queued_attempt_for(session, teacher, draft.id)
    return correction.return_feedback(
        session,
        copy,
        teacher,
        FeedbackDraft("Bravo, le message est clair.", "Lire à voix haute."),
        {},
        redo=redo,
        shows_answers=shows_answers,
        is_confirmed=True,
        now=moment,
    )
