"""A form that is sent after its login has ended is kept an hour, for its person and her browser alone."""

from __future__ import annotations

import gzip
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.people import kept_forms, staff
from lms.models import Attempt, KeptForm, LoginSession, Person
from tests import factories
from tests.factories.cards import Printed
from tests.support import files
from tests.support.pages import Page, Visitor, file, filled
from tests.support.school import School

TYPED = "Lundi, « mardi »\net <mercredi> — الثلاثاء"


@pytest.fixture
def given(school: School) -> str:
    return school.write(lambda s: (factories.samira(s), factories.assignment(s).id)[-1])


@pytest.fixture
def card(school: School, given: str) -> Printed:
    return school.write(lambda s: factories.printed_card(s, factories.samira(s)))


@pytest.fixture
def samira(school: School, card: Printed) -> Visitor:
    visitor = school.visitor()
    enter(visitor, card)
    return visitor


def enter(visitor: Visitor, card: Printed) -> Page:
    typed = {"code": card.code, "pin": card.pin}
    return visitor.submit(visitor.get("/card"), typed, action="/card/login")


def end_logins(school: School) -> None:
    school.write(lambda s: s.execute(update(LoginSession).values(ended_at=now())).close())


def send(visitor: Visitor, page: Page, text: str = TYPED, **more: object) -> Page:
    action = page.form().get("action")
    return visitor.submit(page, {"text": text, **more}, action=action, button="/submission")


def text_in(page: Page, given: str) -> str:
    return str(filled(page.form(f"/assignments/{given}"))["text"]).strip().replace("\r\n", "\n")


def kept_rows(school: School) -> list[KeptForm]:
    return list(school.read(lambda s: s.scalars(select(KeptForm)).all()))


def test_a_form_waits_for_its_person_to_log_in_again_and_is_not_sent_by_itself(
    school: School, samira: Visitor, card: Printed, given: str
) -> None:
    page = samira.get(f"/assignments/{given}")
    end_logins(school)
    answer = send(samira, page)
    assert answer.status == 401
    assert "votre texte est gardé une heure" in answer.text
    assert "Lundi" not in answer.html, "the next person at this phone reads nothing"
    back = samira.submit(answer, {"code": card.code, "pin": card.pin}, action="/card/login")
    assert (back.status, text_in(back, given)) == (200, TYPED)
    assert "pas encore envoyé" in back.text
    assert school.read(lambda s: s.scalars(select(Attempt)).all()) == []
    assert text_in(samira.get("/kept"), given) == TYPED, "also when the page is loaded again"
    sent = send(samira, back, text_in(back, given))
    assert "C’est envoyé." in sent.text
    assert samira.get("/kept").url == "/", "sent once, it is let go"


def test_another_person_on_that_phone_never_sees_or_sends_it(
    school: School, samira: Visitor, card: Printed, given: str
) -> None:
    other = school.write(lambda s: factories.printed_card(s, factories.learner(s, "Tesfay")))
    page = samira.get(f"/assignments/{given}")
    end_logins(school)
    send(samira, page)
    tesfay = enter(samira, other)
    assert tesfay.url == "/"
    assert "Lundi" not in tesfay.html
    assert samira.get("/kept").url == "/"
    end_logins(school)
    assert enter(samira, card).url == "/", "it was let go"


def test_a_page_of_another_person_is_neither_sent_nor_shown(
    school: School, samira: Visitor, card: Printed, given: str
) -> None:
    other = school.write(lambda s: factories.printed_card(s, factories.learner(s, "Tesfay")))
    page = samira.get(f"/assignments/{given}")
    enter(samira, other)  # in another tab
    answer = send(samira, page)
    assert answer.status == 400
    assert "Une autre personne" in answer.text
    assert "Lundi" not in answer.html
    assert answer.root.all("form") == []
    assert school.read(lambda s: s.scalars(select(Attempt)).all()) == []
    assert text_in(enter(samira, card), given) == TYPED


def test_a_page_that_stayed_open_is_taken_after_the_same_person_has_logged_in_again(
    school: School, samira: Visitor, card: Printed, given: str
) -> None:
    page = samira.get(f"/assignments/{given}")
    samira.submit(samira.get("/me"), action="/logout")  # in another tab
    enter(samira, card)
    assert "C’est envoyé." in send(samira, page).text


def test_logging_out_in_another_tab_loses_nothing(
    school: School, samira: Visitor, card: Printed, given: str
) -> None:
    page = samira.get(f"/assignments/{given}")
    samira.submit(samira.get("/me"), action="/logout")
    assert send(samira, page).status == 401
    assert text_in(enter(samira, card), given) == TYPED


def test_another_browser_of_the_same_person_does_not_get_it(
    school: School, samira: Visitor, card: Printed, given: str
) -> None:
    page = samira.get(f"/assignments/{given}")
    end_logins(school)
    send(samira, page)
    assert enter(school.visitor(), card).url == "/"


def test_after_an_hour_it_is_gone(school: School, samira: Visitor, card: Printed, given: str) -> None:
    page = samira.get(f"/assignments/{given}")
    end_logins(school)
    send(samira, page)
    assert len(kept_rows(school)) == 1
    school.write(lambda s: s.execute(update(KeptForm).values(created_at=now() - kept_forms.KEPT)).close())
    assert enter(samira, card).url == "/"
    school.app.extensions["lms_jobs"].every_minute()
    assert kept_rows(school) == []


def test_two_pages_of_one_browser_are_shown_one_after_the_other(
    school: School, samira: Visitor, card: Printed, given: str
) -> None:
    page, me = samira.get(f"/assignments/{given}"), samira.get("/me")
    end_logins(school)
    send(samira, page)
    samira.submit(me, {"phone": "0470 12 34 56"}, action="/me")
    first = enter(samira, card)
    assert text_in(first, given) == TYPED
    second = send(samira, first, TYPED)
    assert second.url == "/kept"
    assert filled(second.form("/me"))["phone"] == "0470 12 34 56"


def test_files_are_not_kept_and_the_page_says_so(
    school: School, samira: Visitor, card: Printed, given: str
) -> None:
    page = samira.get(f"/assignments/{given}")
    end_logins(school)
    answer = send(samira, page, picture=[file(files.jpeg(), "feuille.jpg")])
    assert "Les fichiers ne sont pas gardés. Ajoutez-les encore." in answer.text
    back = enter(samira, card)
    assert "Ajoutez vos fichiers et envoyez." in back.text
    assert text_in(back, given) == TYPED


def test_a_script_is_told_that_the_login_has_ended_and_where_to_log_in(
    school: School, samira: Visitor, given: str
) -> None:
    data = {**filled(samira.get(f"/assignments/{given}").form(f"/assignments/{given}")), "text": TYPED}
    end_logins(school)
    headers = {"Accept": "application/json", "Sec-Fetch-Site": "same-origin"}
    answer = samira.client.post(f"/assignments/{given}", data=data, headers=headers)
    assert answer.status_code == 401
    assert answer.get_json() == {"said": "Votre connexion est terminée. Entrez encore.", "login": "/card"}
    assert kept_rows(school) == [], "the words are still in its page"


@pytest.mark.parametrize("end", ["password", "deactivated", "expired"])
def test_staff_get_their_own_page_for_logging_in(school: School, end: str) -> None:
    luc = school.write(lambda s: factories.with_password(s, factories.luc(s)))
    visitor = school.visitor(luc)
    page = visitor.get("/people/new")

    def end_it(session: Session) -> None:
        person = session.get_one(Person, luc.id)
        if end == "password":
            staff.change_password(session, person, person.password_hash or "", now=now())
        elif end == "deactivated":
            person.deactivated_at = now()
        else:
            session.execute(update(LoginSession).values(expires_at=now() - timedelta(seconds=1)))

    school.write(end_it)
    assert visitor.get("/people").url.startswith("/login?next=")
    answer = visitor.submit(page, {"name": "Mehari Tesfay"})
    assert answer.status == 401
    assert ("Mehari" in answer.text) is (end == "deactivated"), "nobody can bring it back then"
    typed = {"email": "luc@service.example.be", "password": factories.PASSWORD}
    back = visitor.submit(answer, typed, action="/login")
    if end != "deactivated":
        assert filled(back.form("/people/new"))["name"] == "Mehari Tesfay"
        assert "pas encore envoyé" in back.text


def test_a_pressed_button_leads_back_to_its_page(school: School, samira: Visitor, card: Printed) -> None:
    page = samira.get("/me")
    end_logins(school)
    answer = samira.client.post(
        "/logout",
        data=filled(page.form("/logout")),
        headers={"Sec-Fetch-Site": "same-origin", "Referer": "http://localhost/me"},
    )
    assert answer.status_code == 401
    assert kept_rows(school) == []
    assert 'name="next" value="/me"' in answer.get_data(as_text=True).replace('type="hidden" ', "")


def test_words_beside_a_heavy_photo_are_kept_and_nobodys_heavy_form_is_not_read(
    school: School, samira: Visitor, card: Printed, given: str
) -> None:
    page = samira.get(f"/assignments/{given}")
    end_logins(school)
    heavy = b"x" * (2 << 20)
    assert send(samira, page, picture=[file(heavy, "feuille.jpg")]).status == 401
    assert text_in(enter(samira, card), given) == TYPED
    stranger = school.visitor()
    answer = send(stranger, page, picture=[file(heavy, "feuille.jpg")])
    assert answer.status == 401
    assert len(kept_rows(school)) == 1


def test_the_page_that_is_shown_again_is_compressed_once(
    school: School, samira: Visitor, card: Printed, given: str
) -> None:
    page = samira.get(f"/assignments/{given}")
    end_logins(school)
    send(samira, page)
    enter(samira, card)
    answer = samira.client.get("/kept", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Lundi" in gzip.decompress(answer.data).decode()
