"""The tray of mails that nobody could file by rule: lists, one mail, and guesses whose homework it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from lms.domain.errors import Absent
from lms.domain.homework import worklist
from lms.domain.homework.files import StoredFile
from lms.domain.homework.inbox_matching import names_lesson, people_of_address
from lms.domain.homework.worklist import LearnerAssignment
from lms.domain.paging import Cut, KeyedList, cut_page
from lms.domain.people.directory import has_role
from lms.models import FileKind, InboundMail, InboundPart, MailState, Person, Role
from lms.normal_forms import name_key
from lms.refusal_codes import RefusalCode

MOST_GUESSES = 3
# People whose homework is looked at for guesses.
_MOST_PEOPLE = 3
_READ_FOR_NAMES = 2000


class Reason(StrEnum):
    """Why a mail may be the homework of a learner."""

    ADDRESS = "address"  # it comes from an address of the learner
    SENDER = "sender"  # the sender has the name of the learner
    FIRST_NAME = "first_name"  # the first name stands in the mail
    LESSON = "lesson"  # the subject or the text names the lesson
    REPLY = "reply"  # it came to an address of the learner, or answers a mail to the learner
    REDO = "redo"  # the learner was asked to do it again
    TODO = "todo"  # it is open


@dataclass(frozen=True)
class Guess:
    """An open homework that the mail may be, and why."""

    learner: Person
    homework: LearnerAssignment
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class MailLine:
    """A mail in a list."""

    id: str
    from_name: str
    from_address: str
    subject: str
    received_at: datetime
    state: MailState
    photos: int
    files: int
    has_text: bool


@dataclass(frozen=True)
class UnseenPart:
    """A file of a mail in the tray of which no picture was made yet."""

    id: str
    received_key: str
    sha256: str
    shown_name: str


def count_waiting(session: Session) -> int:
    """Return how many mails wait in the tray."""
    query = select(func.count()).select_from(InboundMail).where(InboundMail.state == MailState.WAITING)
    return int(session.scalar(query) or 0)


def list_waiting_mails(session: Session, after: str | None) -> tuple[Cut, list[MailLine], int]:
    """Return a page of the mails that wait, the oldest first, and how many there are; three statements."""
    waiting = select(InboundMail.id).where(InboundMail.state == MailState.WAITING)
    ids = list(session.scalars(waiting.order_by(InboundMail.received_at, InboundMail.id)))
    cut = cut_page(ids, after)
    return cut, _lines(session, cut), len(ids)


def list_handled_mails(session: Session, after: str | None) -> tuple[Cut, list[MailLine]]:
    """Return a page of the mails that were dealt with, the latest first.

    Three statements, two more for a later page.
    """
    cut = _HANDLED.read_page(session, {}, after)
    return cut, _lines(session, cut)


_HANDLED = KeyedList(
    select(InboundMail.id).where(InboundMail.handled_at.is_not(None)),
    InboundMail.handled_at,
    InboundMail.id,
    latest_first=True,
)


def _lines(session: Session, cut: Cut) -> list[MailLine]:
    mails = {
        mail.id: mail for mail in session.scalars(select(InboundMail).where(InboundMail.id.in_(cut.ids)))
    }
    counted = session.execute(
        select(InboundPart.mail_id, InboundPart.kind, func.count())
        .where(InboundPart.mail_id.in_(cut.ids))
        .group_by(InboundPart.mail_id, InboundPart.kind)
    )
    numbers: dict[str, dict[FileKind, int]] = {}
    for mail_id, kind, number in counted:
        numbers.setdefault(mail_id, {})[kind] = number
    return [_line(mails[id_], numbers.get(id_, {})) for id_ in cut.ids if id_ in mails]


def _line(mail: InboundMail, numbers: dict[FileKind, int]) -> MailLine:
    photos = numbers.get(FileKind.PHOTO, 0)
    return MailLine(
        mail.id,
        mail.from_name,
        mail.from_address,
        mail.subject,
        mail.received_at,
        mail.state,
        photos,
        sum(numbers.values()) - photos,
        bool(mail.text),
    )


def shown_mail_for(session: Session, mail_id: str) -> tuple[InboundMail, list[InboundPart]]:
    """Return a mail with its person, and its files. Raises `Absent` when there is none to look at."""
    mail = session.scalar(
        select(InboundMail)
        .where(InboundMail.id == mail_id, InboundMail.state != MailState.NEW)
        .options(joinedload(InboundMail.person))
    )
    if mail is None:
        raise Absent
    query = select(InboundPart).where(InboundPart.mail_id == mail.id).order_by(InboundPart.position)
    return mail, list(session.scalars(query))


def preview_for(session: Session, mail_id: str, part_id: str) -> InboundPart:
    """Return a file of a mail whose picture may be shown. Raises `Absent` for any other."""
    part = session.get(InboundPart, part_id)
    if part is None or part.mail_id != mail_id or part.preview_key is None:
        raise Absent
    return part


def guesses_for(
    session: Session, mail: InboundMail, parts: Sequence[InboundPart] = (), *, now: datetime
) -> list[Guess]:
    """Return at most three open homeworks that the mail with these files may be, the most likely first."""
    brought = {str(part.kind) for part in parts} or {"text"}
    found: list[tuple[int, Guess]] = []
    for learner, reasons in _people(session, mail):
        for homework in worklist.open_assignments(session, learner, now=now):
            why = [*reasons, *_about_lesson(mail, homework)]
            why += [Reason.REDO] if homework.is_redo else [Reason.TODO] if homework.is_todo else []
            weight = sum(_WEIGHTS[reason] for reason in why)
            if not brought & set(homework.assignment.kinds):
                weight -= _OTHER_KIND
            found.append((weight, Guess(learner, homework, tuple(why))))
    found.sort(key=lambda pair: -pair[0])
    return [guess for _, guess in found[:MOST_GUESSES]]


# A photo is rarely the answer to a homework for the voice.
_OTHER_KIND = 6
_WEIGHTS = {
    Reason.REPLY: 12,
    Reason.ADDRESS: 8,
    Reason.SENDER: 5,
    Reason.LESSON: 4,
    Reason.FIRST_NAME: 3,
    Reason.REDO: 2,
    Reason.TODO: 1,
}


def _people(session: Session, mail: InboundMail) -> list[tuple[Person, list[Reason]]]:
    """Return the learners who may have sent the mail, each with the reasons."""
    reasons: dict[str, list[Reason]] = {}
    people: dict[str, Person] = {}

    def add(person: Person, reason: Reason) -> None:
        people[person.id] = person
        if reason not in reasons.setdefault(person.id, []):
            reasons[person.id].append(reason)

    of_address = people_of_address(session, mail.from_address)
    for person in of_address:
        add(person, Reason.ADDRESS)
    if mail.person is not None and mail.person.is_active and mail.person_id not in people:
        add(mail.person, Reason.REPLY)
    sender = set(name_key(mail.from_name).split())
    words = set(name_key(f"{mail.subject} {mail.text[-_READ_FOR_NAMES:]}").replace(",", " ").split())
    for person in _named(session, sender | words):
        first, *rest = person.name_key.split()
        if first in sender or (rest and rest[-1] in sender and len(rest[-1]) > 3):
            add(person, Reason.SENDER)
        if first in words:
            add(person, Reason.FIRST_NAME)
    ranked = sorted(people.values(), key=lambda each: -sum(_WEIGHTS[why] for why in reasons[each.id]))
    return [(person, reasons[person.id]) for person in ranked[:_MOST_PEOPLE]]


def _named(session: Session, words: set[str]) -> Sequence[Person]:
    """Return the active learners of whose names the first or the last word is among these."""
    long_enough = sorted(word for word in words if 3 <= len(word) <= 40)[:300]
    if not long_enough:
        return []
    rows = session.execute(
        select(Person.id, Person.name_key).where(Person.deactivated_at.is_(None), has_role(Role.LEARNER))
    )
    wanted = set(long_enough)
    ids = [id_ for id_, key in rows if wanted & {key.split(" ")[0], key.split(" ")[-1]}][:50]
    return session.scalars(select(Person).where(Person.id.in_(ids)).order_by(Person.name_key)).all()


def _about_lesson(mail: InboundMail, homework: LearnerAssignment) -> list[Reason]:
    text = f"{mail.subject}\n{mail.text[:_READ_FOR_NAMES]}"
    return [Reason.LESSON] if names_lesson(text, homework.lesson_title) else []


def find_learners(session: Session, text: str, limit: int = 8) -> Sequence[Person]:
    """Return the active learners whose names hold these words."""
    query = select(Person).where(Person.deactivated_at.is_(None), has_role(Role.LEARNER))
    for word in name_key(text).split()[:5]:
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = query.where(
            or_(
                Person.name_key.like(f"{escaped}%", escape="\\"),
                Person.name_key.like(f"% {escaped}%", escape="\\"),
            )
        )
    return session.scalars(query.order_by(Person.name_key, Person.id).limit(limit)).all()


def unseen_parts(session: Session, limit: int = 30) -> list[UnseenPart]:
    """Return the files of mails in the tray of which no picture was made yet."""
    rows = session.execute(
        select(InboundPart.id, InboundPart.received_key, InboundPart.sha256, InboundPart.shown_name)
        .join(InboundMail, InboundMail.id == InboundPart.mail_id)
        .where(
            InboundMail.state == MailState.WAITING,
            InboundPart.looked_at.is_(None),
            InboundPart.received_key.is_not(None),
        )
        .order_by(InboundMail.received_at, InboundPart.position)
        .limit(limit)
    )
    return [UnseenPart(row.id, row.received_key or "", row.sha256, row.shown_name) for row in rows]


def keep_preview(session: Session, part_id: str, made: StoredFile, *, now: datetime) -> str | None:
    """Record the picture of the first page of a file; return its key, None when none is kept."""
    part = session.get(InboundPart, part_id, populate_existing=True, with_for_update=True)
    if part is None or part.looked_at is not None:
        return None
    part.looked_at, part.kind = now, FileKind(made.kind)
    picture = next((each for each in made.renditions if each.purpose == "web" and each.page == 1), None)
    if picture is None:
        return None
    part.preview_key, part.preview_size, part.preview_sha256 = picture.store_key, picture.size, picture.sha256
    part.width, part.height = picture.width, picture.height
    return picture.store_key


def refuse_preview(session: Session, part_id: str, code: RefusalCode, *, now: datetime) -> None:
    """Record why a file of a mail cannot be opened."""
    part = session.get(InboundPart, part_id, populate_existing=True, with_for_update=True)
    if part is not None:
        part.looked_at, part.refusal = now, code
