"""Homework by e-mail, from a real mailbox to the copy that a teacher corrects."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lms import clock
from lms.adapters.inbox.mailbox import OpenMailbox
from lms.cli.doctor import examine
from lms.domain.homework import inbox_filing, worklist
from lms.domain.homework.reply_address import make_bounce_token
from lms.inbox_addresses import reply_address
from lms.inbox_job import InboxJob
from lms.models import (
    Assignment,
    Attachment,
    Attempt,
    InboundMail,
    InboundPart,
    Mailbox,
    MailState,
    OutboxItem,
    Outcome,
    Person,
)
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.support.files import encrypted_pdf, jpeg
from tests.support.imap import ADDRESS, MailboxOnServer, read_mails, use_mailbox
from tests.support.mails import HOSTILE, ROBOTS, bounce, letter
from tests.support.school import School
from tests.support.smtp import SmtpServer

DONE = "Passerelle.Traites"


@dataclass(frozen=True)
class Class:
    """A school with a mailbox, a learner and her homework."""

    samira: Person
    assignment_id: str
    address: str


@pytest.fixture
def lesson(school: School, mailbox: MailboxOnServer) -> Class:
    use_mailbox(school, mailbox)

    def prepare(session: Session) -> tuple[Person, str]:
        factories.nadia(session)
        return factories.samira(session), factories.assignment(session).id

    samira, assignment_id = school.write(prepare)
    address = reply_address(school.settings, samira, assignment_id)
    assert address is not None
    return Class(samira, assignment_id, address)


def mails(school: School) -> list[InboundMail]:
    return list(school.read(lambda s: s.scalars(select(InboundMail).order_by(InboundMail.received_at)).all()))


def only_mail(school: School) -> InboundMail:
    (found,) = mails(school)
    return found


def attempts(school: School) -> list[Attempt]:
    return list(school.read(lambda s: s.scalars(select(Attempt)).all()))


def answers(school: School) -> list[tuple[str, str]]:
    """The kind and the person of each answer to a mail."""
    rows = select(OutboxItem.kind, OutboxItem.person_id).where(
        OutboxItem.kind.in_(("homework_received", "mail_unreadable"))
    )
    return [(kind, person) for kind, person in school.read(lambda s: s.execute(rows).all())]


def doctor(school: School) -> list[str]:
    """What `flask doctor` says of files, with those that no row names however young they are."""
    with school.app.app_context():
        found = school.read(lambda s: examine(s, school.settings))
    return [*found["files"], *found["received"], *found["homework"]]


def pay_attention_to_young_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lms.cli.doctor.FILE_YOUNG", timedelta(seconds=-5))


def test_a_mail_to_the_address_of_a_homework_becomes_her_copy_and_she_gets_a_receipt(
    school: School, mailbox: MailboxOnServer, lesson: Class, smtp: SmtpServer
) -> None:
    mailbox.deliver(letter("lundi, mardi", to=lesson.address))
    read_mails(school)
    mail = only_mail(school)
    assert (mail.state, mail.why, mail.is_verified) == (MailState.FILED, None, True)
    (attempt,) = attempts(school)
    assert attempt.text == "lundi, mardi"
    assert attempt.queued_at is not None
    assert (len(mailbox.mails()), len(mailbox.mails(DONE))) == (0, 1)
    assert answers(school) == [("homework_received", lesson.samira.id)]


def test_three_photos_are_filed_and_ready_within_six_seconds(
    school: School, mailbox: MailboxOnServer, lesson: Class
) -> None:
    photos = [("image/jpeg", f"IMG_{n}.jpg", jpeg(1500 + n, 2000)) for n in range(3)]
    mailbox.deliver(letter("voilà", to=lesson.address, files=photos))
    began = time.monotonic()
    read_mails(school)
    took = time.monotonic() - began
    assert only_mail(school).state == MailState.FILED
    files = school.read(lambda s: s.scalars(select(Attachment).order_by(Attachment.position)).all())
    assert [(file.shown_name, file.is_ready) for file in files] == [(f"IMG_{n}.jpg", True) for n in range(3)]
    assert took < 6 * 3, "a machine that does other things too; the figure of an idle one stands in ADR 40"
    assert doctor(school) == []


@dataclass(frozen=True)
class Kind:
    """One of the six kinds of mails: ten mails, and what becomes of each."""

    mails: Callable[[int, Person, str], bytes]
    state: MailState


KINDS = {
    "to the address of the homework": Kind(
        lambda n, _person, address: letter(f"texte {n}", to=address, sender=f"Papa <papa{n}@example.org>"),
        MailState.FILED,
    ),
    "from the address of a learner": Kind(
        lambda n, person, _: letter(f"texte {n}", sender=f"{person.name} <{person.email}>"), MailState.FILED
    ),
    "from nobody we know": Kind(
        lambda n, person, _: letter(f"texte {n}", sender=f"{person.name} <new{n}@example.org>"),
        MailState.WAITING,
    ),
    "from a robot": Kind(
        lambda n, person, _: letter(f"pub {n}", sender=f"{person.email}", Precedence="bulk"),
        MailState.AUTOMATIC,
    ),
    "empty": Kind(
        lambda n, person, _: letter("", sender=f"<{person.email}>", subject=f"vide {n}"), MailState.REFUSED
    ),
    "with the name of another": Kind(
        lambda n, person, _: letter(f"texte {n}", sender=f"Oksana <{person.email}>"), MailState.WAITING
    ),
}


def test_sixty_mails_of_six_kinds_are_filed_or_wait_as_expected(
    school: School, mailbox: MailboxOnServer, lesson: Class
) -> None:
    """Ten learners with one homework each; each sends every kind, the filed ones to another homework."""
    first = lesson.assignment_id

    def prepare(session: Session) -> list[Person]:
        factories.oksana(session)
        return [
            factories.learner(session, f"Tesfay{n} Haile{n}", email=f"tesfay{n}@learners.example.be")
            for n in range(10)
        ]

    people = school.write(prepare)
    expected: Counter[MailState] = Counter()
    sent = []
    # The address of the homework last: after it the learner has nothing open, and the others would wait.
    for name in sorted(KINDS, key=lambda each: each == "to the address of the homework"):
        for n, person in enumerate(people):
            address = reply_address(school.settings, person, first) or ""
            sent.append(KINDS[name].mails(n, person, address))
            expected[KINDS[name].state] += 1
    second = school.write(lambda s: factories.assignment(s, factories.lesson(s, "Au marché, le matin")).id)
    by_address = [
        letter(f"texte {n}", sender=f"{p.name} <{p.email}>", subject="Au marché, le matin")
        for n, p in enumerate(people)
    ]
    own = "from the address of a learner"
    start = sorted(KINDS, key=lambda each: each == "to the address of the homework").index(own) * 10
    sent[start : start + 10] = by_address
    mailbox.deliver(*sent)
    for _ in range(2):  # forty a round
        school.app.extensions["lms_jobs"].inbox.read()
    assert Counter(mail.state for mail in mails(school)) == expected
    assert {mail.why for mail in mails(school)} == {
        None,
        RefusalCode.MAIL_NO_HOMEWORK,
        RefusalCode.MAIL_DOUBTFUL,
    }
    assert Counter((each.assignment_id, each.state == "sent") for each in _works(school, people)) == {
        (first, True): 10,
        (second, True): 10,
    }
    assert (len(mailbox.mails()), len(mailbox.mails(DONE))) == (0, 60)
    unverified = {
        mail.is_verified for mail in mails(school) if mail.assignment_id == second and mail.is_filed
    }
    assert unverified == {False}


@dataclass(frozen=True)
class Work:
    assignment_id: str
    state: str


def _works(school: School, people: list[Person]) -> list[Work]:
    def read(session: Session) -> list[Work]:
        return [
            Work(each.assignment.id, each.state)
            for person in people
            for each in worklist.assignments_of_learner(
                session, session.get_one(Person, person.id), now=clock.now()
            )
        ]

    return school.read(read)


# Each step of a mail, by the function that begins it; the worker is killed before it, and after it.
STEPS = ("store", "settle", "move")


@pytest.mark.own_school
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_worker_killed_between_two_steps_loses_nothing_and_files_nothing_twice(
    school: School,
    mailbox: MailboxOnServer,
    lesson: Class,
    step: str,
    moment: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pay_attention_to_young_files(monkeypatch)
    mailbox.deliver(letter("lundi", to=lesson.address), letter("qui ?", sender="<a@b.example>"))
    school.close()  # a child must not inherit a connection
    child = os.fork()
    if child == 0:
        _die(step, moment)
        school.app.extensions["lms_jobs"].inbox.read()
        os._exit(1)  # it should not have come here
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9
    moved = 1 if (step, moment) == ("move", "after") else 0
    assert len(mailbox.mails()) == 2 - moved, "nothing leaves the inbox before it is decided"
    # The lease of the dead worker is over after five minutes; nobody waits for that here.
    school.write(lambda s: s.execute(update(Mailbox).values(claimed_until=None)))
    read_mails(school)
    read_mails(school)
    assert sorted(mail.state for mail in mails(school)) == [MailState.FILED, MailState.WAITING]
    assert [attempt.text for attempt in attempts(school)] == ["lundi"]
    assert (len(mailbox.mails()), len(mailbox.mails(DONE))) == (0, 2)
    assert len(answers(school)) == 1
    assert [fault for fault in doctor(school) if "without row" not in fault] == []


def _die(step: str, moment: str) -> None:
    """Let this process die at a step of the first mail."""
    owner = OpenMailbox if step == "move" else InboxJob
    real = getattr(owner, step)

    def dying(*arguments: object) -> object:
        if moment == "after":
            real(*arguments)
        os._exit(9)

    setattr(owner, step, dying)


@pytest.mark.parametrize("name", ROBOTS)
def test_a_robot_is_never_answered(
    school: School, mailbox: MailboxOnServer, lesson: Class, name: str
) -> None:
    mailbox.deliver(ROBOTS[name])
    read_mails(school)
    assert only_mail(school).state == MailState.AUTOMATIC
    assert answers(school) == []
    assert attempts(school) == []


def test_an_absence_notice_to_the_address_of_a_homework_is_not_filed(
    school: School, mailbox: MailboxOnServer, lesson: Class
) -> None:
    mailbox.deliver(letter("Je suis absente.", to=lesson.address, Auto_Submitted="auto-replied"))
    read_mails(school)
    assert only_mail(school).state == MailState.AUTOMATIC
    assert attempts(school) == []


def _returned(school: School, lesson: Class) -> OutboxItem:
    """Feedback returned to Samira, and its mail as it has left."""

    def answer(session: Session) -> None:
        assignment = factories.assignment(session, factories.lesson(session, "Au marché"))
        sent = factories.sent(session, session.get_one(Person, lesson.samira.id), assignment)
        factories.answered(session, sent, redo=True, now=clock.now())

    school.write(answer)
    school.deliver()
    of_kind = select(OutboxItem).where(OutboxItem.kind == "feedback_returned")
    return school.read(lambda s: s.scalars(of_kind).one())


def _message_id(school: School, item: OutboxItem) -> str:
    return InboxJob(school.app)._instance().message_id_of(item.dedupe)


@pytest.mark.parametrize("how", ["by its address", "by its id"])
def test_a_mail_that_comes_back_is_shown_on_its_person_and_stops_the_next_ones(
    school: School, mailbox: MailboxOnServer, lesson: Class, how: str
) -> None:
    item = _returned(school, lesson)
    token = make_bounce_token(school.settings.secret_key, item.id)
    to = ADDRESS.replace("@", f"+{token}@") if how == "by its address" else ADDRESS
    mailbox.deliver(bounce("samira@learners.example.be", to=to, message_id=_message_id(school, item)))
    read_mails(school)
    assert only_mail(school).state == MailState.BOUNCE
    assert school.read(lambda s: s.get_one(OutboxItem, item.id)).outcome == Outcome.BOUNCED
    claire = school.visitor(school.write(factories.claire))
    assert "Un e-mail est revenu" in claire.get(f"/people/{lesson.samira.id}").text
    failed = claire.get("/messages/failed").text
    assert "Samira" in failed
    assert "revenu" in failed

    def again(session: Session) -> None:
        copy = session.scalars(select(Attempt).where(Attempt.sent_at.is_not(None))).one()
        factories.answered(session, copy, comment="Encore", now=clock.now())

    school.write(again)
    school.deliver()
    outcomes = school.read(lambda s: s.scalars(select(OutboxItem.outcome)).all())
    assert sorted(str(each) for each in outcomes) == ["bounced", "no_address"]
    school.write(lambda s: setattr(s.get_one(Person, lesson.samira.id), "email", "new@example.be"))
    assert school.read(lambda s: s.get_one(Person, lesson.samira.id)).email_bounced_at is None


def test_a_notice_of_failure_that_anybody_can_write_stops_no_mail(
    school: School, mailbox: MailboxOnServer, lesson: Class
) -> None:
    _returned(school, lesson)
    mailbox.deliver(bounce("samira@learners.example.be", message_id="<invented@example.be>"))
    read_mails(school)
    assert only_mail(school).state == MailState.AUTOMATIC
    assert school.read(lambda s: s.get_one(Person, lesson.samira.id)).email_bounced_at is None


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_ends_with_a_reason_and_harms_nobody(
    school: School, mailbox: MailboxOnServer, lesson: Class, name: str
) -> None:
    """It is taken out of the inbox, so that the mail behind it is filed in the same round."""
    mailbox.deliver(HOSTILE[name], letter("lundi", to=lesson.address))
    began = time.monotonic()
    school.app.extensions["lms_jobs"].inbox.read()
    took = time.monotonic() - began
    hostile, good = sorted(mails(school), key=lambda mail: int(mail.uid))
    assert good.state == MailState.FILED
    assert hostile.state != MailState.NEW
    assert (len(mailbox.mails()), len(mailbox.mails(DONE))) == (0, 2)
    assert took < 20, "five seconds in the child, on a machine that does other things too"
    page = school.visitor(school.read(factories.nadia)).get(f"/mail/{hostile.id}")
    assert page.status == 200


def test_a_mail_over_the_size_is_refused_with_its_reason_and_never_fetched(
    school: School, mailbox: MailboxOnServer, lesson: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lms.inbox_job.MOST_BYTES", 20_000)
    photo = [("image/jpeg", "IMG_1.jpg", bytes(30_000))]
    mailbox.deliver(letter("voilà", to=lesson.address, files=photo))
    read_mails(school)
    mail = only_mail(school)
    assert (mail.state, mail.why, mail.store_key) == (MailState.REFUSED, RefusalCode.MAIL_TOO_BIG, None)
    assert mail.from_address == "samira@learners.example.be"
    assert answers(school) == [("mail_unreadable", lesson.samira.id)]


def test_a_pdf_with_a_password_is_no_homework_and_she_is_told(
    school: School, mailbox: MailboxOnServer, lesson: Class
) -> None:
    locked = [("application/pdf", "devoir.pdf", encrypted_pdf())]
    mailbox.deliver(letter("", to=lesson.address, files=locked))
    read_mails(school)
    mail = only_mail(school)
    assert (mail.state, mail.why) == (MailState.REFUSED, RefusalCode.MAIL_NO_HOMEWORK)
    assert answers(school) == [("mail_unreadable", lesson.samira.id)]


def test_the_address_of_somebody_who_left_takes_nothing(
    school: School, mailbox: MailboxOnServer, lesson: Class
) -> None:
    def leave(session: Session) -> None:
        session.get_one(Person, lesson.samira.id).deactivated_at = clock.now()

    school.write(leave)
    mailbox.deliver(letter("lundi", to=lesson.address))
    read_mails(school)
    mail = only_mail(school)
    assert (mail.state, mail.why) == (MailState.REFUSED, RefusalCode.PERSON_DEACTIVATED)
    assert attempts(school) == []
    assert answers(school) == []


def test_a_learner_who_has_changed_her_address_is_not_known_by_the_old_one(
    school: School, mailbox: MailboxOnServer, lesson: Class
) -> None:
    school.write(lambda s: setattr(s.get_one(Person, lesson.samira.id), "email", "new@example.be"))
    mailbox.deliver(letter("lundi", to=lesson.address))
    read_mails(school)
    mail = only_mail(school)
    assert (mail.state, mail.why) == (MailState.WAITING, RefusalCode.MAIL_OLD_ADDRESS)


def test_a_mail_from_an_address_alone_does_not_send_what_she_has_begun(
    school: School, mailbox: MailboxOnServer, lesson: Class
) -> None:
    def begin(session: Session) -> None:
        assignment = session.get_one(Assignment, lesson.assignment_id)
        factories.drafted(session, session.get_one(Person, lesson.samira.id), assignment, "lun")

    school.write(begin)
    mailbox.deliver(letter("lundi"))
    read_mails(school)
    assert only_mail(school).state == MailState.WAITING
    assert [attempt.sent_at for attempt in attempts(school)] == [None]


def test_an_answer_to_a_mail_of_ours_is_filed_where_the_server_knows_no_sub_addresses(
    school: School, mailbox: MailboxOnServer, lesson: Class
) -> None:
    use_mailbox(school, mailbox, inbox_separator="")
    item = _returned(school, lesson)
    mailbox.deliver(letter("encore", subject="RE: corrigé", In_Reply_To=_message_id(school, item)))
    read_mails(school)
    mail = only_mail(school)
    assert (mail.state, mail.is_verified) == (MailState.FILED, True)
    assert mail.assignment_id != lesson.assignment_id


def test_one_sender_gets_one_receipt_in_ten_minutes_and_the_others_later(
    school: School, mailbox: MailboxOnServer, lesson: Class
) -> None:
    second = school.write(lambda s: factories.assignment(s, factories.lesson(s, "Au marché")).id)
    address = reply_address(school.settings, lesson.samira, second) or ""
    mailbox.deliver(letter("un", to=lesson.address), letter("deux", to=address))
    read_mails(school)
    assert len(answers(school)) == 1
    earlier = clock.now() - timedelta(minutes=11)
    answered = update(InboundMail).where(InboundMail.answered_at.is_not(None))
    school.write(lambda s: s.execute(answered.values(answered_at=earlier)))
    read_mails(school)
    assert len(answers(school)) == 2


def _mailbox(school: School) -> Mailbox:
    return school.read(lambda s: s.scalars(select(Mailbox)).one())


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"inbox_password": "wrong"}, "login"),
        ({"inbox_port": 1}, "connection"),
        ({"inbox_ca_file": None}, "certificate"),
        ({"inbox_folder": "Nowhere"}, "server"),
    ],
)
def test_a_mailbox_that_fails_is_shown_to_a_coordinator_and_tried_again_later(
    school: School, mailbox: MailboxOnServer, lesson: Class, wrong: dict[str, object], code: str
) -> None:
    mailbox.deliver(letter("lundi", to=lesson.address))
    good = school.settings
    use_mailbox(school, mailbox, **wrong)
    read_mails(school)
    failing = _mailbox(school)
    assert (failing.error, failing.failures) == (code, 1), "the second reading has paused"
    claire = school.visitor(school.write(factories.claire))
    assert "ne se lit plus depuis" in claire.get("/mail").text
    assert "boîte en panne" in claire.get("/").text
    with school.app.app_context():
        assert code in school.read(lambda s: examine(s, school.settings))["mail"][0]
    assert len(mailbox.mails()) == 1, "nothing was moved"
    school.app.extensions["lms_settings"] = school.settings = replace(
        good, inbox_folder=failing_folder(wrong)
    )
    school.write(lambda s: s.execute(update(Mailbox).values(due_at=None)))
    if code != "server":
        read_mails(school)
        assert only_mail(school).state == MailState.FILED
        assert _mailbox(school).failing_since is None


def failing_folder(wrong: dict[str, object]) -> str:
    return str(wrong.get("inbox_folder", "INBOX"))


def test_a_full_disk_leaves_the_mail_in_the_mailbox_until_there_is_room(
    school: School, mailbox: MailboxOnServer, lesson: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.deliver(letter("lundi", to=lesson.address))
    free = school.settings.free_space_mb
    school.app.extensions["lms_settings"] = replace(school.settings, free_space_mb=10_000_000)
    read_mails(school)
    assert mails(school) == []
    assert len(mailbox.mails()) == 1
    assert _mailbox(school).error == "disk"
    school.app.extensions["lms_settings"] = replace(school.settings, free_space_mb=free)
    school.write(lambda s: s.execute(update(Mailbox).values(due_at=None)))
    read_mails(school)
    assert only_mail(school).state == MailState.FILED


def test_only_one_worker_reads_the_mailbox(school: School, mailbox: MailboxOnServer, lesson: Class) -> None:
    read_mails(school)
    until = clock.now() + timedelta(minutes=5)
    school.write(lambda s: s.execute(update(Mailbox).values(claimed_until=until)))
    mailbox.deliver(letter("lundi", to=lesson.address))
    read_mails(school)
    assert mails(school) == []


def test_what_a_person_has_marked_as_deleted_is_neither_read_nor_removed(
    school: School, mailbox: MailboxOnServer, lesson: Class
) -> None:
    mailbox.deliver(letter("supprimé", to=lesson.address), letter("lundi", to=lesson.address))
    with mailbox.client() as client:
        client.select_folder("INBOX")
        client.delete_messages([1])
    read_mails(school)
    assert only_mail(school).text == "lundi"
    assert len(mailbox.mails()) == 1


def test_the_night_deletes_what_was_dealt_with_a_month_ago_and_the_doctor_finds_no_orphan(
    school: School, mailbox: MailboxOnServer, lesson: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay_attention_to_young_files(monkeypatch)
    photo = [("image/jpeg", "IMG_1.jpg", jpeg(601))]
    mailbox.deliver(
        letter("lundi", to=lesson.address, files=photo),
        letter("qui ?", sender="<a@b.example>", files=photo),
        letter("pub", sender="<c@d.example>", files=[("image/jpeg", "pub.jpg", jpeg(602))]),
    )
    read_mails(school)
    assert doctor(school) == []
    pub = next(mail.id for mail in mails(school) if mail.text == "pub")
    nadia = school.read(factories.nadia)
    school.write(
        lambda s: inbox_filing.set_aside(s, nadia, s.get_one(InboundMail, pub), junk=True, now=clock.now())
    )
    month_ago = clock.now() - timedelta(days=31)
    handled = update(InboundMail).where(InboundMail.handled_at.is_not(None))
    school.write(lambda s: s.execute(handled.values(handled_at=month_ago)))
    school.app.extensions["lms_jobs"].inbox.delete_old()
    kept = {mail.state: bool(mail.store_key or mail.text or mail.from_address) for mail in mails(school)}
    assert kept == {MailState.FILED: False, MailState.WAITING: True, MailState.JUNK: False}
    parts = school.read(lambda s: s.scalar(select(func.count()).select_from(InboundPart)))
    assert parts == 1, "that of the mail that still waits"
    assert doctor(school) == []
    assert len(attempts(school)) == 1


def test_the_worker_reads_the_mailbox_every_minute(
    school: School, mailbox: MailboxOnServer, lesson: Class
) -> None:
    mailbox.deliver(letter("lundi", to=lesson.address))
    jobs = school.app.extensions["lms_jobs"]
    jobs.every_minute()
    while (task := jobs.huey.dequeue()) is not None:
        jobs.huey.execute(task)
    assert only_mail(school).state == MailState.FILED
