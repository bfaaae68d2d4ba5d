"""Text that looks the same is taken, counted and found the same, whatever keyboard typed it."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from lms.clock import now
from lms.domain.people import staff
from lms.domain.people.contact import sms_number
from lms.models import OutboxItem, PasswordLink, Person
from tests import factories
from tests.factories.cards import Printed
from tests.support.pages import Page, Visitor
from tests.support.school import School

# One address in ways that look the same.
LUC = (
    "luc@service.example.be",
    "LUC@SERVICE.example.be",
    "\u200eluc@service.example.be",
    "\x01luc@service.example.be\x00",
    "lu\u00adc@service.example.be",
    "luc@service.example.be\u200b",
    "ｌｕｃ@service.example.be",
    "luc@service.\u2060example.be",
    " " * 300 + "luc@service.example.be",
    "luc@service．example.be",
)


def log_in(visitor: Visitor, email: str, password: str) -> Page:
    return visitor.submit(visitor.get("/login"), {"email": email, "password": password}, follow=False)


@pytest.fixture
def nadia(school: School) -> Visitor:
    school.write(factories.organisation)
    return school.visitor(school.write(factories.nadia).id)


def add_learner(school: School, visitor: Visitor, **values: str) -> tuple[int, Person | None]:
    n1 = school.read(lambda s: factories.level(s, "N1").id)
    typed = {"name": "Mehari Tesfay", "level_id": n1, "language": "ti", **values}
    page = visitor.submit(visitor.get("/people/new"), typed, follow=False)
    made = select(Person).where(Person.level_id == n1).order_by(Person.created_at.desc())
    return page.status, school.read(lambda s: s.scalars(made).first())


@pytest.mark.parametrize("typed", LUC)
def test_a_teacher_enters_with_an_address_that_looks_like_hers(school: School, typed: str) -> None:
    school.write(lambda s: factories.with_password(s, factories.luc(s)))
    assert log_in(school.visitor(), typed, factories.PASSWORD).status == 303


def test_a_password_that_was_chosen_on_one_keyboard_logs_in_on_another(school: School) -> None:
    school.write(factories.luc)
    token = staff.new_token()
    school.write(lambda s: staff.send_link(s, factories.luc(s), token, now=now()).id)
    visitor = school.visitor()
    chosen = {"password": "quatre vélos blancs"}
    assert visitor.submit(visitor.get(f"/password/{token}"), chosen, follow=False).status == 303
    for typed in (unicodedata.normalize("NFD", chosen["password"]), "quatre\u00a0vélos blancs"):
        assert log_in(school.visitor(), LUC[0], typed).status == 303
    assert log_in(school.visitor(), LUC[0], "quatre velos blancs").status == 422


def test_a_password_of_the_names_of_person_and_service_is_refused(school: School) -> None:
    school.write(factories.luc)
    token = staff.new_token()
    school.write(lambda s: staff.send_link(s, factories.luc(s), token, now=now()).id)
    visitor = school.visitor()
    for easy in ("Lambert1975", "trebmal-cul", "L4mb3rt!", "PasserelleCharleroi1", "Charleroi-Luc-26"):
        page = visitor.submit(visitor.get(f"/password/{token}"), {"password": easy})
        assert page.status == 422
        assert "trop facile à deviner" in page.text
    # Four letters, written as eight characters.
    page = visitor.submit(visitor.get(f"/password/{token}"), {"password": "e\u0301o\u0302u\u0300i\u0308"})
    assert "trop court" in page.text


def test_wrong_passwords_count_for_one_account_however_its_address_is_typed(school: School) -> None:
    school.write(lambda s: factories.with_password(s, factories.luc(s)))
    visitor = school.visitor()
    answers = [log_in(visitor, LUC[number % len(LUC)], "wrong").status for number in range(9)]
    assert answers == [422] * 8 + [429]


def test_requests_for_a_link_count_for_one_account_however_its_address_is_typed(school: School) -> None:
    school.write(factories.luc)
    visitor = school.visitor()
    for number in range(6):
        # The links of the pauses before are old enough for another one.
        school.write(
            lambda s: s.execute(update(PasswordLink).values(created_at=now() - timedelta(minutes=6)))
        )
        assert visitor.submit(visitor.get("/password"), {"email": LUC[number]}).status == 200
    links = school.read(lambda s: s.scalars(select(OutboxItem)).all())
    assert len(links) == 5, "the sixth request is answered as always, without another mail"


def test_a_card_code_counts_once_however_its_digits_are_typed(school: School) -> None:
    card: Printed = school.write(lambda s: factories.printed_card(s, factories.samira(s)))
    arabic = "".join(chr(0x660 + int(digit)) for digit in card.code)
    ways = (
        card.code,
        arabic,
        f"{card.code[:4]}\u00a0{card.code[4:]}",
        " " * 50 + card.code,
        f"\u202a{card.code}",
    )
    visitor = school.visitor()
    page = visitor.get("/card")
    answers = [
        visitor.submit(page, {"code": ways[number % len(ways)], "pin": "0000"}, action="/card/login").status
        for number in range(13)
    ]
    assert answers == [422] * 12 + [429]


def test_a_learner_enters_with_the_digits_of_her_own_script(school: School) -> None:
    card: Printed = school.write(lambda s: factories.printed_card(s, factories.samira(s)))
    visitor = school.visitor()
    for first in (0x660, 0x6F0, 0x966, 0xFF10):
        code, pin = ("".join(chr(first + int(digit)) for digit in number) for number in (card.code, card.pin))
        typed = {"code": f"\u200f{code}\u200f", "pin": pin}
        answer = visitor.submit(visitor.get("/card"), typed, action="/card/login", follow=False)
        assert answer.status == 303


@pytest.mark.parametrize(
    "typed",
    [
        "\u202a+32 470 12 34 56\u202c",
        "٠٤٧٠ ١٢ ٣٤ ٥٦",
        "(0470) 12 34 56",
        "+ 32 470 12 34 56",
        "0470‑12‑34‑56",
    ],
)
def test_a_phone_number_is_taken_however_it_is_typed(school: School, nadia: Visitor, typed: str) -> None:
    status, made = add_learner(school, nadia, phone=typed)
    assert status == 303
    assert made is not None
    assert sms_number(made) == "+32470123456"
    assert (made.phone or "").isascii()


def test_the_link_to_call_holds_the_digits_alone(school: School, nadia: Visitor) -> None:
    _status, made = add_learner(school, nadia, phone="(0470)/12.34.56")
    assert made is not None
    page = nadia.get(f"/people/{made.id}")
    assert "tel:0470123456" in [link.get("href") for link in page.root.all("a")]
    assert "(0470)/12.34.56" in page.text


@pytest.mark.parametrize("title", ["\u200b", "\u3164", "\u2800 \u200f"])
def test_a_title_that_nobody_sees_is_refused(school: School, nadia: Visitor, title: str) -> None:
    n1 = school.read(lambda s: factories.level(s, "N1").id)
    assert nadia.submit(nadia.get("/lessons/new"), {"level": n1, "title": title}).status == 422


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("\u200emehari@example.be\u200f", "mehari@example.be"),
        ("Mehari@Example.BE", "Mehari@example.be"),
        ("mehari@école.be", "mehari@xn--cole-9oa.be"),
    ],
)
def test_an_address_is_kept_as_the_mailer_sends_to_it(
    school: School, nadia: Visitor, typed: str, kept: str
) -> None:
    status, made = add_learner(school, nadia, email=typed)
    assert (status, made and made.email) == (303, kept)


@pytest.mark.parametrize(
    "typed",
    ["méhari@example.be", "me..hari@example.be", "mehari@-example.be", "mehari@example", "m@1.2.3.44"],
)
def test_an_address_that_the_mailer_refuses_is_refused_by_the_form(
    school: School, nadia: Visitor, typed: str
) -> None:
    assert add_learner(school, nadia, email=typed) == (422, None)


@pytest.mark.parametrize("name", ["\u200b", "\u3164\u3164", "\u2800", "\u200e \u200f", "\u0301"])
def test_a_name_that_nobody_sees_is_refused(school: School, nadia: Visitor, name: str) -> None:
    assert add_learner(school, nadia, name=name) == (422, None)


def test_a_name_is_kept_without_invisible_marks(school: School, nadia: Visitor) -> None:
    typed = unicodedata.normalize("NFD", "\u202bÉlodie\u202c\u00a0 Petit\u200b")
    status, made = add_learner(school, nadia, name=typed)
    assert (status, made and made.name) == (303, "Élodie Petit")


def test_a_national_number_is_found_between_marks_and_other_digits(school: School, nadia: Visitor) -> None:
    for number in (
        "85.07.30‑033.28",
        "85\u00a007\u00a030\u00a0033\u00a028",
        "٨٥.٠٧.٣٠-٠٣٣.٢٨",
        "85.07.\u200b30-033.28",
    ):
        assert add_learner(school, nadia, name=f"Mehari {number}") == (422, None)
