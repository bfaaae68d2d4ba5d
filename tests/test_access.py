"""Who may enter: every route against every role, with one's own things and with a stranger's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import pytest
from flask import current_app
from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from config import BRUSSELS
from lms.access import cookie_name, own_path
from lms.clock import now
from lms.domain import outbox
from lms.domain.booking import offers, waitlist
from lms.domain.homework import attempts, correction, inbox, marks
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.marks import MarkContent
from lms.models import (
    Assignment,
    Attachment,
    Attempt,
    Availability,
    Booking,
    Clip,
    ExternalCalendar,
    FileKind,
    InboundMail,
    InboundPart,
    Level,
    LoginSession,
    MailState,
    Mark,
    MarkCode,
    MarkKind,
    Notice,
    NoticeKind,
    Organisation,
    OutboxItem,
    Person,
    PersonRole,
    Phrase,
    Rendition,
    ReturnedFeedback,
    Role,
    Room,
    SpecialDay,
    Submission,
    Upload,
)
from tests.support.narrow import present
from tests.support.pages import filled, parse
from tests.support.school import School, copy_template, make_school, settings_for
from tests.support.shared_school import SharedSchool

T = TypeVar("T")
ROLES = ("learner", "teacher", "coordinator", "social_worker")
# Who acts on Samira's things, and who of the same role has nothing to do with her.
OWN = {
    "learner": "Samira",
    "teacher": "Nadia Dubois",
    "coordinator": "Claire Renard",
    "social_worker": "Farid Amrani",
}
# What each person has of one's own: an id of another person's answers nobody.
OF_ONE = {"logins", "notices"}
STRANGERS = {"learner": "Grace Mbala", "social_worker": "Vera Peeters"}
# What a stranger of that role may see all the same: nothing of anybody in particular.
PUBLIC = {"service", "card", "password", "r"}


def _complete(session: Session) -> None:
    """What the demo school lacks: an answer to Samira, a special day, a second social worker."""
    moment = now()
    attempt = _attempt(session)
    nadia = _person(session, "Nadia Dubois")
    copy = attempts.queued_attempt_for(session, nadia, attempt.id)
    feedback = correction.open_feedback(session, copy, nadia, returns=0, now=moment)
    word = MarkContent(MarkKind.RANGE, MarkCode.GOOD, quote="Bonjour")
    marks.add_mark(session, copy, feedback.id, nadia, "key-0001", word, now=moment)
    correction.return_feedback(session, copy, nadia, FeedbackDraft("Bravo"), {}, redo=False, now=moment)
    for teacher_id in (nadia.id, None):
        session.add(
            SpecialDay(
                teacher_id=teacher_id,
                kind="closed",
                date_from=moment.date(),
                date_until=moment.date(),
                created_by_id=nadia.id,
                created_at=moment,
            )
        )
    picture = BytesIO(b"the door, as far as anybody here looks")
    door_key = current_app.extensions["lms_store"].put(picture, suffix=".jpg")
    session.get_one(Organisation, 1).door_photo_key = door_key
    samira = _person(session, "Samira")
    waitlist.join_waitlist(session, samira, samira, None, 7, None, now=moment)
    session.get_one(Organisation, 1).weekly_cap = session.get_one(Organisation, 1).open_cap = 9
    ahead = offers.FreedTime.on(moment.date(), moment.date() + timedelta(days=30), BRUSSELS)
    assert offers.offer_to_waitlist(session, ahead, now=moment, zone=BRUSSELS), (
        "an hour is being offered to Samira"
    )
    told = select(Booking).where(Booking.learner_id == samira.id, Booking.teacher_id == nadia.id)
    by_hand = outbox.post(
        session, "booking_moved", samira, present(session.scalars(told).first()).id, now=moment
    )
    outbox.hand_over(session, by_hand.id, now=moment)
    session.add(
        ExternalCalendar(
            teacher_id=nadia.id,
            address="https://calendars.example/nadia.ics",
            tried_at=moment,
            created_at=moment,
        )
    )
    session.add(
        Upload(
            person_id=samira.id,
            assignment_id=session.get_one(Submission, attempt.submission_id).assignment_id,
            key="k1",
            kind=FileKind.PHOTO,
            shown_name="IMG_1.jpg",
            length=10,
            created_at=moment,
            expires_at=moment + timedelta(days=7),
        )
    )
    _add_mail(session)
    for name in OWN.values():
        outbox.post_notice(session, NoticeKind.PASSWORD_LINK, _person(session, name), "no link", now=moment)
    session.add(
        Person(
            name="Vera Peeters",
            login_email="vera@demo.example.be",
            created_at=moment,
            role_rows=[PersonRole(role="social_worker")],
        )
    )


def _add_mail(session: Session) -> None:
    """A mail that waits in the tray, with a file of which a picture was made."""
    stores = current_app.extensions
    keys = [stores[name].put(BytesIO(name.encode())) for name in ("lms_store", "lms_received_store")]
    preview = stores["lms_store"].put(BytesIO(b"a picture"))
    stored = inbox.StoredMail("box", "1", "1", "0" * 64, len("lms_store"), keys[0])
    mail = inbox.receive_mail(session, stored, now=now())
    mail.state = MailState.WAITING
    part = InboundPart(
        mail_id=mail.id,
        position=1,
        kind="photo",
        shown_name="IMG.jpg",
        size=1,
        sha256="0" * 64,
        received_key=keys[1],
        preview_key=preview,
        preview_size=9,
    )
    session.add(part)


# With a mailbox, which no page asks: without one its pages would not be there.
INBOX = {"inbox_host": "localhost", "inbox_address": "devoirs@school.example"}


def _person(session: Session, name: str) -> Person:
    return session.scalars(select(Person).where(Person.name == name)).one()


def _attempt(session: Session) -> Attempt:
    samira = _person(session, "Samira")
    return session.scalars(
        select(Attempt)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(Submission.learner_id == samira.id, Attempt.sent_at.is_not(None))
    ).one()


@dataclass(frozen=True)
class WholeSchool:
    """The demo school with something of everything, its ids and a login of everybody who acts on them."""

    folder: Path
    ids: dict[str, str]
    people: dict[str, Person]
    login_tokens: dict[str, str]
    own_ids: dict[str, dict[str, str]]  # of each person: one login and one notice
    form_cookie: str
    csrf_token: str


@pytest.fixture(scope="module")
def whole_school(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> WholeSchool:
    """Made once and copied for each test: with the logins, so that nobody has to log in to a copy."""
    folder = tmp_path_factory.mktemp("whole")
    copy_template(demo_template, folder)
    school = make_school(settings_for(folder), migrated=True)
    school.write(_complete)
    names = {*OWN.values(), *STRANGERS.values()}
    people = {name: school.read(lambda s, name=name: _person_with_roles(s, name)) for name in names}  # type: ignore[misc]
    tokens = {
        name: present(school.visitor(people[name]).client.get_cookie(cookie_name(school.settings, "session")))
        for name in names
    }
    anyone = school.visitor().client
    card = parse(anyone.get("/card").get_data(as_text=True))
    made = WholeSchool(
        folder,
        school.read(things),
        people,
        {name: token.value for name, token in tokens.items()},
        {name: school.read(lambda s, name=name: _own_ids(s, people[name])) for name in OWN.values()},  # type: ignore[misc]
        present(anyone.get_cookie(cookie_name(school.settings, "form"))).value,
        filled(next(form for form in card.all("form")))["csrf_token"],
    )
    school.close()
    return made


def _person_with_roles(session: Session, name: str) -> Person:
    person = _person(session, name)
    assert person.roles
    return person


def _own_ids(session: Session, person: Person) -> dict[str, str]:
    login = session.scalars(select(LoginSession.id).where(LoginSession.person_id == person.id).limit(1)).one()
    notice = session.scalars(select(Notice.id).where(Notice.person_id == person.id).limit(1)).one()
    return {"logins": login, "notices": notice}


@pytest.fixture(scope="module")
def two_schools(
    whole_school: WholeSchool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[SharedSchool]]:
    """One to look at and one to change: their routes and templates are compiled once."""
    template = whole_school.folder / "school.sqlite3"
    made = [SharedSchool(tmp_path_factory.mktemp("copy"), template, **INBOX) for _ in range(2)]
    yield made
    for shared in made:
        shared.close()


@pytest.fixture
def copies(two_schools: list[SharedSchool]) -> Iterator[Copies]:
    made = Copies(two_schools)
    yield made
    made.close()


class Copies:
    """Fresh copies of the whole school: what one person does there, the next does not see."""

    def __init__(self, schools: list[SharedSchool]) -> None:
        self.free, self.lent = list(schools), list[tuple[School, SharedSchool]]()

    def fresh(self) -> School:
        shared = self.free.pop()
        school = shared.lend()
        self.lent.append((school, shared))
        return school

    def close(self, *schools: School) -> None:
        for school, shared in list(self.lent):
            if not schools or school in schools:
                shared.reclaim()
                self.lent.remove((school, shared))
                self.free.append(shared)


def things(session: Session) -> dict[str, str]:
    """The id that stands in an address after each of these words: all of them Samira's."""
    attempt = _attempt(session)
    submission = session.get_one(Submission, attempt.submission_id)
    lesson_id = session.get_one(Assignment, submission.assignment_id).lesson_id
    samira, nadia = _person(session, "Samira"), _person(session, "Nadia Dubois")

    hers = select(Booking).where(Booking.learner_id == samira.id, Booking.waitlist_entry_id.is_(None))

    def first(asked: Select[T]) -> T:
        return present(session.scalars(asked).first())

    return {
        "lessons": lesson_id,
        "clips": first(select(Clip).where(Clip.lesson_id == lesson_id)).id,
        "assignments": submission.assignment_id,
        "submissions": submission.id,
        "corrections": attempt.id,
        "uploads": first(select(Upload).where(Upload.person_id == samira.id)).id,
        "files": first(select(Attachment).where(Attachment.attempt_id == attempt.id)).id,
        "marks": first(select(Mark)).id,
        "returns": first(select(ReturnedFeedback)).id,
        "phrases": first(select(Phrase)).id,
        "pages": first(select(Rendition).join(Attachment).where(Attachment.attempt_id == attempt.id)).id,
        "bookings": first(hers).id,
        "offers": first(
            select(Booking).where(Booking.learner_id == samira.id, Booking.waitlist_entry_id.is_not(None))
        ).id,
        "s": first(hers).id,
        "conflicts": first(hers).id,
        "people": samira.id,
        "team": _person(session, "Luc Lambert").id,
        "levels": first(select(Level).order_by(Level.position)).id,
        "rooms": first(select(Room).order_by(Room.name)).id,
        "availability": first(select(Availability).where(Availability.teacher_id == nadia.id)).id,
        "exceptions": first(select(SpecialDay).where(SpecialDay.teacher_id == nadia.id)).id,
        "closures": first(select(SpecialDay).where(SpecialDay.teacher_id.is_(None))).id,
        "messages": first(select(OutboxItem).where(OutboxItem.handed_at.is_not(None))).id,
        "calendars": first(select(ExternalCalendar).where(ExternalCalendar.teacher_id == nadia.id)).id,
        "mail": first(select(InboundMail)).id,
        "previews": first(select(InboundPart)).id,
        "addresses": "no-address",
        "card": "no-such-card",
        "password": "no-such-link",
        "cal": "no-such-feed",
        "r": "no-such-view",
    }


def address(rule: Rule, ids: dict[str, str]) -> str:
    """The rule with ids in the place of its parameters, told by the word before each."""
    words = rule.rule.split("/")
    for place, word in enumerate(words):
        if word.startswith("<"):
            words[place] = put_in(word, ids[words[place - 1]])
    return "/".join(words)


def put_in(word: str, value: str) -> str:
    """The value in the place of a parameter, with what stands after it: `<token>.ics`."""
    return value + word.partition(">")[2]


@pytest.fixture(scope="module")
def rules(two_schools: list[SharedSchool]) -> dict[tuple[str, str], Rule]:
    app = two_schools[0].school.app
    return {
        (rule.rule, method): rule
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", "POST"}
    }


def visit(
    whole: WholeSchool, school: School, name: str | None, rule: Rule, method: str, *, own: bool = True
) -> TestResponse:
    """Return the answer that the person gets for Samira's things, and for a login and a notice of her own.

    Not her own: for the login and the notice of Samira.
    """
    client = school.app.test_client()
    ids = whole.ids | {"logins": "nobody", "notices": "nobody"}
    query = ""
    if name:
        person = whole.people[name]
        client.set_cookie(cookie_name(school.settings, "session"), whole.login_tokens[name])
        ids |= whole.own_ids[name if own else "Samira"]
        if not person.is_learner:
            query = f"?learner={ids['people']}"  # the team books for somebody
        if Role.COORDINATOR in person.roles:
            # A teacher's leave is her own; what closes the whole service is the coordinator's.
            ids["exceptions"] = ids["closures"]
    path = address(rule, ids) + query
    if method == "GET":
        answer = client.get(path)
    else:
        client.set_cookie(cookie_name(school.settings, "form"), whole.form_cookie)
        data = {"csrf_token": whole.csrf_token, "seconds": "1", "learner": ids["people"] if query else ""}
        answer = client.post(path, data=data, headers={"Sec-Fetch-Site": "same-origin"})
    answer.close()
    return answer


def allowed(school: School, rule: Rule) -> frozenset[str]:
    found: frozenset[str] = vars(school.app.view_functions[rule.endpoint])["allowed"]
    return found


@pytest.mark.parametrize("role", ROLES)
def test_every_role_enters_where_it_may_and_nowhere_else(
    copies: Copies, whole_school: WholeSchool, rules: dict[tuple[str, str], Rule], role: str
) -> None:
    wrong = []
    quiet = copies.fresh()  # nobody changes anything here: all of these are refused
    for (path, method), rule in sorted(rules.items()):
        may = allowed(quiet, rule)
        enters = bool(may & {role, "someone", "anyone"})
        school = copies.fresh() if enters and method == "POST" else quiet
        status = visit(whole_school, school, OWN[role], rule, method).status_code
        well = (status < 500 or path == "/readyz") and ("<token>" in path or status not in (401, 403, 404))
        if well != enters if enters else status != 404:
            wrong.append(f"{method} {path}: {status}, {'may' if enters else 'may not'} enter")
        if school is not quiet:
            copies.close(school)
    assert not wrong, "\n".join(wrong)


def test_whoever_is_not_signed_in_is_sent_to_the_entrance(
    copies: Copies, whole_school: WholeSchool, rules: dict[tuple[str, str], Rule]
) -> None:
    wrong, school = [], copies.fresh()
    for (path, method), rule in sorted(rules.items()):
        answer = visit(whole_school, school, None, rule, method)
        if "anyone" in allowed(school, rule):
            well = answer.status_code < 500 or path == "/readyz"
        elif method == "GET":
            well = answer.status_code == 303 and answer.headers["Location"].startswith("/card")
        else:
            well = answer.status_code == 401
        if not well:
            wrong.append(f"{method} {path}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", STRANGERS)
def test_a_stranger_finds_nothing_of_samira(
    copies: Copies, whole_school: WholeSchool, rules: dict[tuple[str, str], Rule], role: str
) -> None:
    wrong, school = [], copies.fresh()
    for (path, method), rule in sorted(rules.items()):
        named = {word for word in path.split("/") if word in whole_school.ids or word in OF_ONE}
        if "<" not in path or named & PUBLIC or not allowed(school, rule) & {role, "someone"}:
            continue
        status = visit(whole_school, school, STRANGERS[role], rule, method, own=False).status_code
        if status != 404:
            wrong.append(f"{method} {path}: {status}")
    assert not wrong, "\n".join(wrong)


def test_a_missing_thing_and_a_strangers_thing_answer_alike(
    copies: Copies, whole_school: WholeSchool
) -> None:
    school = copies.fresh()
    grace = school.visitor(school.read(lambda s: _person(s, "Grace Mbala")))
    ids = whole_school.ids
    for word in ("lessons", "assignments", "submissions", "bookings", "files"):
        hers = grace.get(f"/{word}/{ids[word]}")
        missing = grace.get(f"/{word}/aaaaaaaaaaaaaa")
        assert (hers.status, missing.status) == (404, 404), word
        assert hers.root.all("h1")[0].text == missing.root.all("h1")[0].text


@pytest.mark.parametrize(
    "value", ["9" * 19, "0", "-1", "a" * 300, "%00", "é", "..%2f..%2fetc", "' OR 1=1 --"]
)
def test_no_strange_id_breaks_a_page(copies: Copies, rules: dict[tuple[str, str], Rule], value: str) -> None:
    school = copies.fresh()
    nadia = school.visitor(school.read(lambda s: _person(s, "Nadia Dubois"))).client
    for (path, method), rule in sorted(rules.items()):
        if method == "GET" and "<" in path:
            target = "/".join(
                put_in(word, value) if word.startswith("<") else word for word in path.split("/")
            )
            assert nadia.get(target).status_code in (200, 303, 308, 400, 404), (rule.rule, value)


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/lessons\nSet-Cookie: x=1",
        "",
        None,
    ],
)
def test_after_entering_nobody_is_led_off_the_site(target: str | None) -> None:
    assert own_path(target) is None


def test_after_entering_one_goes_on_where_one_wanted() -> None:
    assert own_path("/lessons/abc?step=2") == "/lessons/abc?step=2"
