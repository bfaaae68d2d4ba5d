"""The door: cards, passwords, leaving, and the language before anybody is known."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.access import cookie_name
from lms.clock import now
from lms.domain.people import logins, staff
from lms.models import (
    AccessCard,
    AuditEvent,
    KnownDevice,
    LoginKind,
    LoginSession,
    Organisation,
    OutboxItem,
    Person,
)
from tests import factories
from tests.factories.cards import Printed
from tests.support.narrow import present
from tests.support.pages import Page, Visitor
from tests.support.school import School, copy_template, make_school, settings_for


@pytest.fixture
def card(school: School) -> Printed:
    return school.write(lambda s: factories.printed_card(s, factories.samira(s)))


def press(visitor: Visitor, page: Page, **values: str) -> Page:
    return visitor.submit(page, values, action="/card/login", follow=False)


def is_in(school: School, visitor: Visitor) -> str | None:
    """The name behind the cookie of this browser."""
    kept = visitor.client.get_cookie(cookie_name(school.settings, "session"))
    if kept is None:
        return None
    found = school.read(lambda s: logins.find_active(s, kept.value, now=now()))
    return found.person.name if found else None


def test_a_learner_enters_with_the_link_and_her_pin(school: School, card: Printed) -> None:
    visitor = school.visitor()
    answer = press(visitor, visitor.get(f"/card/{card.token}"), pin=card.pin)
    assert (answer.status, answer.response.location) == (303, "/")
    assert is_in(school, visitor) == "Samira"


def test_opening_the_link_spends_nothing_and_enters_nobody(school: School, card: Printed) -> None:
    def everything(session: Session) -> tuple[list[int | None], int, datetime | None]:
        counted = [session.scalar(select(func.count()).select_from(t)) for t in (LoginSession, KnownDevice)]
        found = session.get_one(AccessCard, card.id)
        return counted, found.failed_pins, found.locked_at

    before = school.read(everything)
    visitor = school.visitor()
    for _ in range(3):
        assert visitor.get(f"/card/{card.token}").status == 200
    assert school.read(everything) == before
    assert is_in(school, visitor) is None


def test_the_page_of_a_link_is_the_same_whether_its_card_lives_or_not(school: School, card: Printed) -> None:
    pages = [school.visitor().get(f"/card/{token}") for token in (card.token, "x" * len(card.token))]
    assert pages[0].text == pages[1].text
    assert pages[0].status == pages[1].status == 200
    for page in pages:
        assert page.response.headers["Referrer-Policy"] == "same-origin"
        assert page.response.headers["Cache-Control"] == "private, no-store"


def test_a_card_that_died_says_what_to_do(school: School, card: Printed) -> None:
    school.write(lambda s: factories.printed_card(s, factories.samira(s)))
    visitor = school.visitor()
    answers = [press(visitor, visitor.get(f"/card/{t}"), pin=card.pin) for t in (card.token, "nobody-s-card")]
    for answer in answers:
        assert answer.status == 422
        assert "Cette carte ne marche plus. Demandez une carte à votre professeur." in answer.text
    assert is_in(school, visitor) is None


def test_the_code_is_typed_with_spaces_and_with_arabic_digits(school: School, card: Printed) -> None:
    arabic = card.code.translate({48 + d: 0x660 + d for d in range(10)})
    for typed in (f"{card.code[:4]} {card.code[4:]}", f" {card.code[:2]}-{card.code[2:]} ", arabic):
        visitor = school.visitor()
        assert press(visitor, visitor.get("/card"), code=typed, pin=card.pin).status == 303
        assert is_in(school, visitor) == "Samira"


@pytest.mark.parametrize(
    ("code", "pin", "sentence"),
    [
        ("", "", "Écrivez les 8 chiffres de la carte."),
        ("1234", "1234", "Écrivez les 8 chiffres de la carte."),
        ("12345678", "12", "Écrivez les 4 chiffres de votre code secret."),
        ("abcdefgh", "12ab", "Écrivez les 8 chiffres de la carte."),
        ("12345678", "0000", "Ces chiffres sont faux."),
    ],
)
def test_a_wrong_entry_says_what_to_do_and_keeps_the_code(
    school: School, card: Printed, code: str, pin: str, sentence: str
) -> None:
    visitor = school.visitor()
    answer = press(visitor, visitor.get("/card?next=/homework"), code=code, pin=pin)
    assert answer.status == 422
    assert sentence in answer.text
    kept = {field.get("name"): field.get("value") for field in answer.form("/card/login").all("input")}
    assert (kept["code"], kept["pin"], kept["next"]) == (code, "", "/homework")


def test_five_wrong_pins_lock_the_card_until_a_teacher_opens_it(school: School, card: Printed) -> None:
    wrong = "7391" if card.pin != "7391" else "7392"
    visitor = school.visitor()
    page = visitor.get(f"/card/{card.token}")
    answers = [press(visitor, page, pin=wrong) for _ in range(5)]
    assert "La carte est bloquée après cinq erreurs." in answers[-1].text
    assert press(visitor, page, pin=card.pin).status == 422
    nadia = school.visitor(school.write(factories.nadia))
    samira = school.write(factories.samira)
    nadia.submit(nadia.get(f"/people/{samira.id}"), action="/card/unlocking")
    assert press(visitor, page, pin=card.pin).status == 303


def test_a_known_device_is_not_asked_and_passes_a_locked_card(school: School, card: Printed) -> None:
    hers, stranger = school.visitor(), school.visitor()
    press(hers, hers.get(f"/card/{card.token}"), pin=card.pin)
    hers.client.delete_cookie(cookie_name(school.settings, "session"))
    for _ in range(5):
        press(stranger, stranger.get(f"/card/{card.token}"), pin="7391" if card.pin != "7391" else "7392")
    page = hers.get(f"/card/{card.token}")
    assert "pin" not in {field.get("name") for field in page.form("/card/login").all("input")}
    assert press(hers, page).status == 303
    assert is_in(school, hers) == "Samira"


def test_a_second_card_on_a_known_device_does_not_make_it_forget_the_first(
    school: School, card: Printed
) -> None:
    other = school.write(lambda s: factories.printed_card(s, factories.oksana(s)))
    tablet = school.visitor()
    for one in (card, other):
        press(tablet, tablet.get(f"/card/{one.token}"), pin=one.pin)
    assert press(tablet, tablet.get(f"/card/{card.token}")).status == 303
    assert is_in(school, tablet) == "Samira"


def test_a_service_without_pins_has_no_typed_code(school: School, card: Printed) -> None:
    def switch_off(session: Session) -> None:
        session.get_one(Organisation, 1).pin_required = False

    visitor = school.visitor()
    old_page = visitor.get("/card")
    school.write(switch_off)
    assert [form.get("action") for form in visitor.get("/card").root.all("form")] == ["/language"]
    assert press(visitor, old_page, code=card.code, pin=card.pin).status == 422
    assert is_in(school, visitor) is None
    assert press(visitor, visitor.get(f"/card/{card.token}")).status == 303


def test_each_entry_has_a_new_token_and_the_old_one_is_dead(school: School, card: Printed) -> None:
    visitor = school.visitor()
    name, tokens = cookie_name(school.settings, "session"), []
    for _ in range(2):
        press(visitor, visitor.get(f"/card/{card.token}"), pin=card.pin)
        tokens.append(present(visitor.client.get_cookie(name)).value)
    assert tokens[0] != tokens[1]
    assert school.read(lambda s: logins.find_active(s, tokens[0], now=now())) is None


def test_a_shared_phone_gets_a_short_entry_and_is_not_known(school: School, card: Printed) -> None:
    visitor = school.visitor()
    press(visitor, visitor.get(f"/card/{card.token}"), pin=card.pin, shared="yes")
    assert school.read(lambda s: s.scalars(select(LoginSession.kind)).one()) == LoginKind.SHARED
    assert visitor.client.get_cookie(cookie_name(school.settings, "device")) is None


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example"]
)
def test_after_entering_nobody_is_sent_elsewhere(school: School, card: Printed, target: str) -> None:
    visitor = school.visitor()
    page = visitor.get(f"/card/{card.token}")
    assert press(visitor, page, pin=card.pin, next=target).response.location == "/"


def test_after_entering_she_is_where_she_wanted_to_go(school: School, card: Printed) -> None:
    visitor = school.visitor()
    page = visitor.get("/homework?level=2")
    assert page.status == 200
    answer = press(visitor, page, code=card.code, pin=card.pin)
    assert answer.response.location == "/homework?level=2"


def test_sixty_people_behind_one_address_enter_within_a_minute(school: School) -> None:
    def sixty(session: Session) -> list[Printed]:
        people = [factories.learner(session, f"L {number}") for number in range(60)]
        return [factories.printed_card(session, person) for person in people]

    for one in school.write(sixty):
        visitor = school.visitor()
        assert press(visitor, visitor.get(f"/card/{one.token}"), pin=one.pin).status == 303


def test_one_card_is_not_tried_for_ever(school: School) -> None:
    visitor = school.visitor()
    page = visitor.get("/card")
    answers = [press(visitor, page, code="12345678", pin="0000").status for _ in range(13)]
    assert answers == [422] * 12 + [429]


def test_a_form_without_its_shield_is_a_page_and_enters_nobody(school: School, card: Printed) -> None:
    answer = school.visitor().client.post("/card/login", data={"token": card.token, "pin": card.pin})
    assert answer.status_code == 400
    assert "La page est restée ouverte trop longtemps." in answer.get_data(as_text=True)
    assert school.read(lambda s: s.scalars(select(LoginSession)).all()) == []


def test_on_https_the_cookies_belong_to_this_host_alone(tmp_path: Path, template: Path) -> None:
    copy_template(template, tmp_path)
    school = make_school(settings_for(tmp_path, base_url="https://cours.example.be"), migrated=True)
    card = school.write(lambda s: factories.printed_card(s, factories.samira(s)))
    client = school.app.test_client()
    root = "https://cours.example.be"
    html = client.get(f"/card/{card.token}", base_url=root).get_data(as_text=True)
    token = html.split('name="csrf_token" value="')[1].split('"')[0]
    data = {"csrf_token": token, "token": card.token, "pin": card.pin, "shared": "no"}
    answer = client.post("/card/login", base_url=root, data=data, headers={"Origin": root})
    assert answer.status_code == 303
    made = [value for value in answer.headers.getlist("Set-Cookie") if "=;" not in value]
    assert len(made) == 2
    for value in made:
        assert value.startswith("__Host-passerelle_")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(value.split("; "))
        assert "Domain" not in value


def test_the_language_is_chosen_by_its_own_name_before_anybody_is_known(
    school: School, card: Printed
) -> None:
    visitor = school.visitor()
    page = visitor.get("/card")
    assert page.text.count("traduction à relire") == 3
    page = visitor.submit(page, {"language": "ar"}, action="/language")
    assert page.root.all("html")[0].get("dir") == "rtl"
    page = visitor.get(f"/card/{card.token}")
    assert page.root.all("html")[0].get("lang") == "ar"
    press(visitor, page, pin=card.pin)
    assert school.read(factories.samira).language == "ar"


def test_who_sees_french_for_want_of_pashto_keeps_her_pashto(school: School) -> None:
    def prepare(session: Session) -> tuple[str, Printed]:
        gul = factories.learner(session, "Gul", language="ps")
        return gul.id, factories.printed_card(session, gul)

    gul, card = school.write(prepare)
    visitor = school.visitor()
    visitor.submit(visitor.get("/card"), {"language": "fr"}, action="/language")
    press(visitor, visitor.get(f"/card/{card.token}"), pin=card.pin)
    assert school.read(lambda s: s.get_one(Person, gul).language) == "ps"


def test_a_shared_phone_forgets_the_language_of_who_leaves(school: School, card: Printed) -> None:
    visitor = school.visitor()
    name = cookie_name(school.settings, "language")
    visitor.submit(visitor.get("/card"), {"language": "ar"}, action="/language")
    press(visitor, visitor.get(f"/card/{card.token}"), pin=card.pin, shared="yes")
    assert visitor.client.get_cookie(name)
    visitor.submit(visitor.get("/me"), action="/logout")
    assert visitor.client.get_cookie(name) is None


def test_empty_forms_of_others_do_not_close_the_door(school: School, card: Printed) -> None:
    far = {"REMOTE_ADDR": "192.0.2.7"}
    stranger = school.visitor()
    stranger.client.environ_base.update(far)
    page = stranger.get("/card")
    assert {press(stranger, page).status for _ in range(14)} == {422}, "nothing was tried"
    visitor = school.visitor()
    assert press(visitor, visitor.get("/card")).status == 422


@pytest.mark.parametrize("language", ["", "xx", "ps", "../fr"])
def test_a_language_we_do_not_speak_is_not_kept(school: School, language: str) -> None:
    visitor = school.visitor()
    visitor.submit(visitor.get("/card"), {"language": language}, action="/language")
    assert visitor.client.get_cookie(cookie_name(school.settings, "language")) is None


def test_leaving_ends_the_entry_on_the_server(school: School, card: Printed) -> None:
    visitor = school.visitor(school.read(factories.samira))
    kept = present(visitor.client.get_cookie(cookie_name(school.settings, "session"))).value
    page = visitor.submit(visitor.get("/me"), action="/logout")
    assert "À bientôt." in page.text
    assert school.read(lambda s: logins.find_active(s, kept, now=now())) is None


# The team.


@pytest.fixture
def luc(school: School) -> Person:
    return school.write(lambda s: factories.with_password(s, factories.luc(s)))


def log_in(visitor: Visitor, email: str, password: str, path: str = "/login") -> Page:
    return visitor.submit(visitor.get(path), {"email": email, "password": password}, follow=False)


def test_a_teacher_enters_with_her_address_in_any_case(school: School, luc: Person) -> None:
    visitor = school.visitor()
    answer = log_in(visitor, " LUC@service.example.be ", factories.PASSWORD, "/login?next=/people")
    assert (answer.status, answer.response.location) == (303, "/people")
    assert is_in(school, visitor) == "Luc Lambert"
    assert school.read(lambda s: s.scalars(select(LoginSession.kind)).one()) == LoginKind.STAFF


def test_a_wrong_address_and_a_wrong_password_get_the_same_answer(school: School, luc: Person) -> None:
    answers = []
    for email, password in (
        ("luc@service.example.be", "wrong"),
        ("nobody@service.example.be", factories.PASSWORD),
        ("x", "y"),
    ):
        answer = log_in(school.visitor(), email, password)
        answers.append((answer.status, answer.text))
        assert {f.get("name"): f.get("value") for f in answer.form().all("input")}["email"] == email
    assert len(set(answers)) == 1
    assert "L’adresse ou le mot de passe est faux." in answers[0][1]


def test_a_learner_without_password_cannot_log_in(school: School) -> None:
    school.write(factories.samira)
    assert log_in(school.visitor(), "samira@learners.example.be", "anything").status == 422


LUC = "luc@service.example.be"


def fail(school: School, times: int, address: str = "127.0.0.1") -> None:
    """Somebody at this address types wrong passwords for the account of Luc."""
    stranger = school.visitor()
    stranger.client.environ_base["REMOTE_ADDR"] = address
    page = stranger.get("/login")
    for _ in range(times):
        stranger.submit(page, {"email": LUC, "password": "wrong"}, follow=False)


def test_a_known_browser_gets_in_whatever_others_try_at_the_same_address(school: School, luc: Person) -> None:
    known, fresh = school.visitor(), school.visitor()
    assert log_in(known, LUC, factories.PASSWORD).status == 303
    known.submit(known.get("/me"), action="/logout")
    fail(school, 10)
    assert log_in(fresh, LUC, factories.PASSWORD).status == 429
    assert log_in(known, LUC, factories.PASSWORD).status == 303
    assert log_in(known, "nadia@service.example.be", "wrong").status == 422, "it is known for one account"


def test_ten_foreign_failures_elsewhere_do_not_shut_out_a_fresh_browser(school: School, luc: Person) -> None:
    fail(school, 10, "192.0.2.7")
    assert log_in(school.visitor(), LUC, factories.PASSWORD).status == 303


def test_a_known_browser_does_not_guess_for_ever_and_a_new_password_makes_it_a_stranger(
    school: School, luc: Person
) -> None:
    known = school.visitor()
    log_in(known, LUC, factories.PASSWORD)
    known.submit(known.get("/me"), action="/logout")
    assert [log_in(known, LUC, "wrong").status for _ in range(9)] == [422] * 8 + [429]
    other = school.visitor()
    log_in(other, LUC, factories.PASSWORD)
    school.write(lambda s: setattr(s.get_one(Person, luc.id), "password_hash", "another"))
    fail(school, 8)
    assert log_in(other, LUC, factories.PASSWORD).status == 429


def test_the_link_by_mail_opens_the_account_on_a_fresh_browser_while_others_try(
    school: School, luc: Person
) -> None:
    fail(school, 10)
    token = staff.new_token()
    school.write(lambda s: staff.request_reset(s, LUC, token, now=now()))
    asking = school.visitor()
    for _ in range(7):
        page = asking.submit(asking.get("/password"), {"email": LUC})
        assert page.status == 200, "others have used up the limit; a link is in the mailbox"
    fresh = school.visitor()
    chosen = {"password": "une rivière très calme", "again": "une rivière très calme"}
    assert fresh.submit(fresh.get(f"/password/{token}"), chosen, follow=False).status == 303
    fresh.submit(fresh.get("/me"), action="/logout")
    assert log_in(fresh, LUC, "une rivière très calme").status == 303


def test_who_gets_in_takes_nothing_from_the_limit_of_others(school: School, luc: Person) -> None:
    visitor = school.visitor()
    assert {log_in(visitor, LUC, factories.PASSWORD).status for _ in range(10)} == {303}


def test_wrong_pins_of_others_do_not_shut_out_the_phone_that_knows_the_card(
    school: School, card: Printed
) -> None:
    phone, stranger = school.visitor(), school.visitor()
    press(phone, phone.get(f"/card/{card.token}"), pin=card.pin)
    page = stranger.get("/card")
    answers = [press(stranger, page, code=card.code, pin="0000").status for _ in range(6)]
    by_link = stranger.get(f"/card/{card.token}")
    answers += [press(stranger, by_link, pin="0000").status for _ in range(7)]
    assert answers == [422] * 12 + [429], "code and link name one card"
    assert press(phone, phone.get(f"/card/{card.token}")).status == 303


def test_an_account_is_not_tried_for_ever_from_one_address(school: School, luc: Person) -> None:
    visitor = school.visitor()
    answers = [log_in(visitor, "luc@service.example.be", "wrong").status for _ in range(9)]
    assert answers == [422] * 8 + [429]


def test_a_forgotten_password_is_chosen_anew_with_the_mailed_link(school: School, luc: Person) -> None:
    old = school.write(lambda s: factories.entered(s, s.get_one(Person, luc.id), now=now()))
    visitor = school.visitor()
    page = visitor.submit(visitor.get("/password"), {"email": "luc@service.example.be"})
    assert "Regardez vos e-mails." in page.text
    assert school.deliver() == 1
    mail = next((school.settings.instance / "mail").iterdir()).read_bytes()
    assert b"/password/" in mail
    token = school.write(_fresh_link)
    for _ in range(2):
        assert visitor.get(f"/password/{token}").status == 200
    page = visitor.submit(visitor.get(f"/password/{token}"), {"password": "azertyuiop"})
    assert page.status == 422
    assert "trop facile à deviner" in page.text
    page = visitor.submit(visitor.get(f"/password/{token}"), {"password": "quatre-vélos-bleus"})
    assert "Votre mot de passe est choisi." in page.text
    assert "Bonjour Luc" in page.text, "who has just proved who she is does not type the password again"
    assert visitor.get(f"/password/{token}").status == 404
    assert school.read(lambda s: logins.find_active(s, old, now=now())) is None
    assert log_in(visitor, "luc@service.example.be", "quatre-vélos-bleus").status == 303
    assert "password_changed" in school.read(lambda s: s.scalars(select(AuditEvent.action)).all())


def test_a_password_chosen_on_a_shared_computer_logs_out_who_was_there(school: School, luc: Person) -> None:
    visitor = school.visitor(school.write(factories.nadia))
    before = present(visitor.client.get_cookie(cookie_name(school.settings, "session"))).value
    page = visitor.get(f"/password/{school.write(_fresh_link)}")
    assert "Bonjour Luc" in visitor.submit(page, {"password": "quatre-vélos-bleus"}).text
    assert school.read(lambda s: logins.find_active(s, before, now=now())) is None


def test_logging_out_on_a_phone_makes_it_ask_for_the_pin_again(school: School) -> None:
    card = school.write(lambda s: factories.printed_card(s, factories.samira(s), now=now()))
    visitor = school.visitor()
    visitor.submit(visitor.get(f"/card/{card.token}"), {"pin": card.pin}, action="/card/login")
    assert "pin" not in names_of_fields(visitor.get(f"/card/{card.token}")), "the phone is known"
    visitor.submit(visitor.get("/me"), action="/logout")
    assert "pin" in names_of_fields(visitor.get(f"/card/{card.token}"))


def names_of_fields(page: Page) -> set[str]:
    return {field.get("name") for field in page.form("/card/login").all("input")}


def _fresh_link(session: Session) -> str:
    token = staff.new_token()
    staff.send_link(session, factories.luc(session), token, now=now())
    return token


def test_a_link_that_is_sent_twice_is_spent_once(school: School, luc: Person) -> None:
    token = school.write(_fresh_link)
    visitor, other = school.visitor(), school.visitor()
    page, second = (each.get(f"/password/{token}") for each in (visitor, other))
    assert visitor.submit(page, {"password": "quatre-vélos-bleus"}).status == 200
    assert other.submit(second, {"password": "cinq-vélos-jaunes"}).status == 404
    assert log_in(visitor, "luc@service.example.be", "quatre-vélos-bleus").status == 303


def test_asking_for_a_password_answers_the_same_for_everybody(school: School, luc: Person) -> None:
    answers = set()
    for email in ("luc@service.example.be", "nobody@example.be"):
        visitor = school.visitor()
        page = visitor.submit(visitor.get("/password"), {"email": email})
        answers.add((page.status, page.text))
    assert len(answers) == 1
    assert len(school.read(lambda s: s.scalars(select(OutboxItem)).all())) == 1


def test_only_a_scanned_card_says_that_it_is_the_pin_that_is_wrong(school: School, card: Printed) -> None:
    wrong = "7391" if card.pin != "7391" else "7392"
    visitor = school.visitor()
    scanned = press(visitor, visitor.get(f"/card/{card.token}"), pin=wrong)
    typed = press(visitor, visitor.get("/card"), code=card.code, pin=wrong)
    sentence = "Ce code secret est faux. Essayez encore ou demandez à votre professeur."
    assert _wrong_fields(scanned) == {"pin": sentence}
    assert list(_wrong_fields(typed)) == ["code"], "nobody learns that there is a card with this code"


def _wrong_fields(page: Page) -> dict[str, str]:
    """Return the sentence beside each wrong field."""
    errors = {note.get("id"): note.text for note in page.root.all("p") if note.get("id").endswith("-error")}
    wrong = [field for field in page.root.all("input") if field.get("aria-invalid") == "true"]
    assert {field.get("aria-describedby").split()[-1] for field in wrong} == set(errors)
    return {name.removesuffix("-error"): text for name, text in errors.items()}


@pytest.mark.parametrize("path", ["/card", "/login", "/password", "/password/nothing"])
def test_each_page_for_entering_leads_to_the_others(school: School, path: str) -> None:
    links = set(school.visitor().get(path).links().values())
    assert {"/card", "/login"} - {path} <= links


def test_a_browser_of_the_team_is_led_to_the_login_of_the_team(school: School, luc: Person) -> None:
    visitor = school.visitor()
    assert visitor.get("/").url.startswith("/card")
    assert log_in(visitor, LUC, factories.PASSWORD).response.location == "/"
    assert visitor.submit(visitor.get("/me"), action="/logout").url == "/login"
    assert visitor.get("/").url.startswith("/login")
