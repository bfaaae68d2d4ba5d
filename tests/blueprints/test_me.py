"""What a person decides for herself."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.people import logins
from lms.models import Channel, LoginKind, Person
from tests import factories
from tests.support.narrow import present
from tests.support.pages import Page, Visitor, filled
from tests.support.school import School


@pytest.fixture
def samira(school: School) -> Visitor:
    return school.visitor(school.write(lambda s: factories.samira(s, language="ar")))


def test_a_learner_chooses_language_and_letters(school: School, samira: Visitor) -> None:
    page = samira.get("/me")
    assert page.root.all("html")[0].get("lang") == "ar"
    page = samira.submit(page, {"language": "fr", "text_size": "large", "phone": "0475 12 34 56"})
    top = page.root.all("html")[0]
    assert (top.get("lang"), top.get("data-text")) == ("fr", "large")
    assert "C’est modifié." in page.text


def test_no_word_of_her_page_stays_french(samira: Visitor) -> None:
    shown = samira.get("/me").text
    assert "حجم الحروف" in shown
    for word in ("Taille", "Normale", "facultatif", "Téléphone"):
        assert word not in shown


def test_a_translation_nobody_has_read_says_so_beside_the_name(school: School) -> None:
    grace = school.visitor(school.write(lambda s: factories.learner(s, "Grace", language="fr")))
    shown = grace.get("/me").text
    assert shown.count("traduction à relire") == 3  # ar, uk, tr: not fr and en


def test_a_language_without_catalogue_stays_hers_until_she_changes_it(school: School) -> None:
    mehari = school.write(lambda s: factories.learner(s, "Mehari", language="ti"))
    visitor = school.visitor(mehari)
    visitor.submit(visitor.get("/me"), {"text_size": "large"})
    assert school.read(lambda s: s.get_one(Person, mehari.id).language) == "ti"


@pytest.mark.parametrize("wrong", [{"language": "xx"}, {"email": "x"}, {"phone": "y"}, {"text_size": "huge"}])
def test_a_wrong_wish_is_told_and_kept(samira: Visitor, wrong: dict[str, str]) -> None:
    page = samira.submit(samira.get("/me"), wrong)
    assert page.status == 422
    kept = {field.get("name"): field.get("value") for field in page.form().all("input")}
    for name in {"email", "phone"} & set(wrong):
        assert kept[name] == wrong[name]


def ways(page: Page) -> list[str]:
    return [f.get("value") for f in page.form("/me").all("input") if f.get("name") == "reach"]


def test_a_learner_chooses_how_messages_find_her_among_the_ways_that_do(
    school: School, samira: Visitor
) -> None:
    page = samira.get("/me")
    assert ways(page) == [], "one way alone is no choice"
    samira.submit(page, {"language": "fr", "phone": "0470 12 34 56"})
    page = samira.get("/me")
    assert ways(page) == ["auto", Channel.MAIL, Channel.SMS, Channel.HAND]
    samira.submit(page, {"reach": "hand"})
    assert school.read(factories.samira).reach == Channel.HAND
    page = samira.get("/me")
    assert samira.submit(page, {"reach": "pigeon"}).status == 422
    samira.submit(page, {"email": ""})
    page = samira.get("/me")
    assert ways(page) == ["auto", Channel.SMS, Channel.HAND]
    samira.submit(page, {"phone": "071 12 34 56"})
    assert ways(samira.get("/me")) == []


@pytest.mark.parametrize("phone", ["071 12 34 56", "0470 12 34"], ids=["house phone", "a digit too few"])
def test_a_number_that_takes_no_text_says_so_beside_it(school: School, phone: str) -> None:
    visitor = school.visitor(school.write(factories.samira))
    page = visitor.submit(visitor.get("/me"), {"phone": phone})
    assert "Ce numéro ne reçoit pas de SMS." in page.text
    page = visitor.submit(page, {"phone": "0470 12 34 56"})
    assert "Ce numéro ne reçoit pas de SMS." not in page.text


def test_a_way_that_leads_to_her_no_longer_is_not_chosen_any_more(school: School) -> None:
    def unreachable(session: Session) -> Person:
        person = factories.samira(session)
        person.phone, person.reach = "0470 12 34 56", "mail"
        person.email = None
        return person

    samira = school.visitor(school.write(unreachable))
    page = samira.get("/me")
    assert filled(page.form("/me"))["reach"] == "auto"


def test_a_phone_becomes_shared_with_one_answer(school: School, samira: Visitor) -> None:
    samira.submit(samira.get("/me"), {"shared": "yes"})
    found = school.read(lambda s: logins.active_logins(s, factories.samira(s), now=now()))
    assert [entry.kind for entry in found] == [LoginKind.SHARED]
    assert school.read(factories.samira).shared_phone


def test_another_device_is_sent_out_and_not_that_of_somebody_else(school: School, samira: Visitor) -> None:
    other = school.write(lambda s: factories.entered(s, factories.samira(s), now=now()))
    entry_id = school.read(lambda s: present(logins.find_active(s, other, now=now())).id)
    page = samira.get("/me")
    oksana = school.visitor(school.write(factories.oksana))
    form = oksana.get("/me").form("/logout")
    assert oksana.client.post(f"/me/logins/{entry_id}/end", data=filled(form)).status_code == 404
    samira.submit(page, action=f"/me/logins/{entry_id}/end")
    assert school.read(lambda s: logins.find_active(s, other, now=now())) is None
    assert samira.get("/me").root.all("h1")[0].text == "Samira"


def test_leaving_everywhere_ends_every_device(school: School, samira: Visitor) -> None:
    other = school.write(lambda s: factories.entered(s, factories.samira(s), now=now()))
    samira.submit(samira.get("/me"), action="/me/logins/end")
    assert school.read(lambda s: logins.find_active(s, other, now=now())) is None
    assert school.read(lambda s: logins.active_logins(s, factories.samira(s), now=now())) == []


def test_consent_to_the_video_is_shown_and_taken_back(school: School, samira: Visitor) -> None:
    assert "YouTube" not in samira.get("/me").text

    def agree(session: Session) -> None:
        factories.samira(session).video_consent_at = factories.NOW

    school.write(agree)
    page = samira.get("/me")
    assert "YouTube" in page.text
    samira.submit(page, action="/me/video-consent/withdrawal")
    assert school.read(factories.samira).video_consent_at is None


@pytest.fixture
def luc(school: School) -> Visitor:
    return school.visitor(school.write(lambda s: factories.with_password(s, factories.luc(s))))


def test_a_teacher_reads_french_or_english(luc: Visitor) -> None:
    page = luc.get("/me")
    offered = {f.get("value") for f in page.form("/me").all("input") if f.get("name") == "language"}
    assert offered == {"fr", "en"}
    page = luc.submit(page, {"language": "en"}, action="/me")
    assert page.root.all("html")[0].get("lang") == "en"


def test_a_teacher_switches_the_keys_of_a_letter_off_and_on_again(school: School, luc: Visitor) -> None:
    page = luc.submit(luc.get("/me"), {"letter_keys": None}, action="/me")
    assert "C’est modifié." in page.text
    assert not school.read(factories.luc).letter_keys
    luc.submit(page, {"letter_keys": "y"}, action="/me")
    assert school.read(factories.luc).letter_keys


def test_only_teachers_may_switch_off_the_keys_of_a_letter(
    school: School, samira: Visitor, luc: Visitor
) -> None:
    claire = school.visitor(school.write(factories.claire))
    for visitor, is_asked in ((luc, True), (claire, False), (samira, False)):
        names = [field.get("name") for field in visitor.get("/me").form("/me").all("input")]
        assert ("letter_keys" in names) == is_asked


def test_a_new_password_sends_the_other_devices_out_and_keeps_this_one(school: School, luc: Visitor) -> None:
    other = school.write(lambda s: factories.entered(s, factories.luc(s), now=now()))
    page = luc.submit(
        luc.get("/me/password"), {"current": factories.PASSWORD, "password": "quatre-vélos-bleus"}
    )
    assert "Le mot de passe est modifié." in page.text
    assert school.read(lambda s: logins.find_active(s, other, now=now())) is None
    assert luc.get("/me").root.all("h1")[0].text == "Luc Lambert"


@pytest.mark.parametrize(
    ("current", "password", "sentence"),
    [
        ("wrong", "quatre-vélos-bleus", "Ce n’est pas votre mot de passe actuel."),
        (factories.PASSWORD, "court", "Ce mot de passe est trop court."),
        (factories.PASSWORD, "luc12345", "trop facile à deviner"),
        ("", "", "Écrivez quelque chose ici."),
    ],
)
def test_a_wrong_change_of_password_is_told(luc: Visitor, current: str, password: str, sentence: str) -> None:
    page = luc.submit(luc.get("/me/password"), {"current": current, "password": password})
    assert page.status == 422
    assert sentence in page.text
    typed = [f for f in page.form().all("input") if f.get("type") == "password"]
    assert [f.get("value") for f in typed] == ["", ""]


def test_a_learner_has_no_password(samira: Visitor) -> None:
    assert samira.get("/me/password").status == 404
