"""The tray: its lists, and whose homework a mail may be."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain.errors import Absent
from lms.domain.homework import inbox_filing, inbox_tray
from lms.domain.homework.files import StoredFile, StoredRendition
from lms.domain.homework.inbox_tray import Reason
from lms.models import FileKind, InboundMail, InboundPart
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW
from tests.support.mails import waiting_mail
from tests.support.school import School


def part(session: Session, mail: InboundMail, kind: FileKind = FileKind.PHOTO) -> InboundPart:
    number = session.query(InboundPart).count() + 1
    made = InboundPart(
        mail_id=mail.id,
        position=number,
        kind=kind,
        shown_name=f"IMG_{number}.jpg",
        size=7,
        sha256=f"{number:064d}",
        received_key=f"{number:026d}",
    )
    session.add(made)
    session.flush()
    return made


def test_the_oldest_mail_stands_first_with_what_it_brings(school: School) -> None:
    def story(session: Session) -> None:
        late = waiting_mail(session, "", received_at=NOW + timedelta(hours=1))
        early = waiting_mail(session, received_at=NOW)
        part(session, early)
        part(session, early)
        part(session, early, FileKind.DOCUMENT)
        _cut, lines, total = inbox_tray.list_waiting_mails(session, None)
        assert [(each.id, each.photos, each.files, each.has_text) for each in lines] == [
            (early.id, 2, 1, True),
            (late.id, 0, 0, False),
        ]
        assert (total, inbox_tray.count_waiting(session)) == (2, 2)
        inbox_filing.set_aside(session, factories.nadia(session), late, junk=False, now=NOW)
        assert [each.id for each in inbox_tray.list_handled_mails(session, None)[1]] == [late.id]

    school.write(story)


def test_a_list_of_thirty_has_two_pages_and_costs_what_one_mail_costs(school: School) -> None:
    def count() -> tuple[int, int]:
        with school.counting_statements() as sent:
            _cut, lines, _total = school.read(lambda s: inbox_tray.list_waiting_mails(s, None))
        return len(sent), len(lines)

    school.write(lambda s: part(s, waiting_mail(s)))
    few = count()
    school.write(lambda s: [part(s, waiting_mail(s)) for _ in range(29)])
    assert few == (3, 1)
    assert count() == (3, 20)


def test_a_guess_says_why_and_the_most_likely_is_first(school: School) -> None:
    def story(session: Session) -> None:
        samira, oksana = factories.samira(session), factories.oksana(session)
        days = factories.assignment(session, factories.lesson(session, "Quel jour ?"))
        market = factories.assignment(session, factories.lesson(session, "Au marché"))
        factories.answered(session, factories.sent(session, samira, market), redo=True)
        mail = waiting_mail(session, "bonjour, voilà quel jour ? Samira", name="Papa")
        first, second = inbox_tray.guesses_for(session, mail, now=NOW)
        assert (first.learner, first.homework.assignment.id) == (samira, days.id)
        assert first.reasons == (Reason.FIRST_NAME, Reason.LESSON, Reason.TODO)
        assert second.reasons == (Reason.FIRST_NAME, Reason.REDO)
        assert oksana not in (first.learner, second.learner)
        inbox_filing.tie_address(session, factories.nadia(session), samira, mail.from_address, now=NOW)
        assert Reason.ADDRESS in inbox_tray.guesses_for(session, mail, now=NOW)[0].reasons

    school.write(story)


def test_a_homework_that_takes_no_photo_comes_after_one_that_does(school: School) -> None:
    def story(session: Session) -> None:
        factories.samira(session)
        voice = factories.assignment(session, factories.lesson(session, "Quel jour ?"), kinds=("voice",))
        photo = factories.assignment(session, factories.lesson(session, "Au marché"), kinds=("photo",))
        mail = waiting_mail(session, "quel jour ? samira")
        guesses = inbox_tray.guesses_for(session, mail, [part(session, mail)], now=NOW)
        assert [guess.homework.assignment.id for guess in guesses] == [photo.id, voice.id]

    school.write(story)


def test_nobody_is_guessed_without_a_sign(school: School) -> None:
    def story(session: Session) -> None:
        factories.samira(session)
        factories.assignment(session)
        assert inbox_tray.guesses_for(session, waiting_mail(session, "voici la facture"), now=NOW) == []

    school.write(story)


def test_of_many_homeworks_three_are_guessed_and_many_learners_cost_no_more(school: School) -> None:
    def story(session: Session) -> str:
        for n in range(5):
            factories.learner(session, f"Samira {n}")
            factories.assignment(session)
        return waiting_mail(session, "samira").id

    mail_id = school.write(story)

    def count() -> tuple[int, int]:
        with school.counting_statements() as sent:
            found = school.read(
                lambda s: inbox_tray.guesses_for(s, inbox_tray.shown_mail_for(s, mail_id)[0], now=NOW)
            )
        return len(sent), len(found)

    few = count()
    school.write(lambda s: [factories.learner(s, f"Samira X{n}") for n in range(20)])
    assert few[1] == 3
    assert count() == few


def test_a_learner_is_found_by_the_beginning_of_a_name(school: School) -> None:
    def story(session: Session) -> None:
        oksana = factories.oksana(session)
        for typed in ("oks", "BON", "oksana bon", "Bondar"):
            assert list(inbox_tray.find_learners(session, typed)) == [oksana], typed
        for typed in ("ksana", "%", "_"):
            assert inbox_tray.find_learners(session, typed) == [], typed

    school.write(story)


def test_a_preview_is_kept_once_and_a_file_that_does_not_open_says_why(school: School) -> None:
    def story(session: Session) -> None:
        mail = waiting_mail(session)
        first, second = part(session, mail), part(session, mail)
        assert [each.id for each in inbox_tray.unseen_parts(session)] == [first.id, second.id]
        web = StoredRendition("web", 1, "w" * 26, "image/jpeg", 30, 40, 5, "3" * 64)
        made = StoredFile("photo", "a", "s" * 26, "image/jpeg", 7, "4" * 64, renditions=(web,))
        assert inbox_tray.keep_preview(session, first.id, made, now=NOW) == web.store_key
        assert inbox_tray.keep_preview(session, first.id, made, now=NOW) is None, "a second worker"
        inbox_tray.refuse_preview(session, second.id, RefusalCode.FILE_ENCRYPTED, now=NOW)
        assert inbox_tray.unseen_parts(session) == []
        assert inbox_tray.preview_for(session, mail.id, first.id) is first
        for mail_id, part_id in ((mail.id, second.id), ("another", first.id), (mail.id, "none")):
            with pytest.raises(Absent):
                inbox_tray.preview_for(session, mail_id, part_id)

    school.write(story)
