"""The one form of each kind of text that people type."""

from __future__ import annotations

import unicodedata

import pytest

from lms import normal_forms

SCHOOL = unicodedata.normalize("NFD", "École")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("École", "école"),
        ("École", SCHOOL),
        ("École", "ECOLE"),
        ("Salle 1", "SALLE  1"),
        ("Salle 1", " Salle\u00a01 "),
        ("Salle 1", "Salle\u202f1"),
        ("Salle 1", "\u200fSalle 1\u200e"),
        ("Salle 1", "Sal\u00adle\u200b 1"),
        ("Salle 1", "Salle ١"),
        ("Salle 1", "Ｓａｌｌｅ　１"),
        ("L’école", "L'école"),
        ("L’école", "L´école"),
        ("Salle 1-2", "Salle 1–2"),
        ("Cœur", "COEUR"),
        ("Straße", "STRASSE"),
        ("IŞIK", "ışık"),
        ("İzmir", "izmir"),
        ("أحمد", "احمد"),
        ("محمّد", "محمد"),
        ("علی", "علي"),
        ("می‌خواهم", "میخواهم"),
        ("☀️", "☀"),
    ],
)
def test_what_looks_the_same_is_one_name(first: str, second: str) -> None:
    assert normal_forms.name_key(first) == normal_forms.name_key(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Іван", "Иван"),
        ("Salle 1", "Salle 11"),
        ("Salle 1", "Salle 1 bis"),
        ("की", "का"),
        ("が", "か"),
        ("´", "`"),
    ],
)
def test_other_names_stay_apart(first: str, second: str) -> None:
    assert normal_forms.name_key(first) != normal_forms.name_key(second)


def test_names_stand_in_alphabetical_order() -> None:
    names = ["Zoé", "Ayşe", "Émile", "aïcha", "Łukasz", "Anna", "Mehari", "Œdipe", "Paul"]
    assert sorted(names, key=normal_forms.name_key) == [
        *("aïcha", "Anna", "Ayşe", "Émile", "Łukasz", "Mehari", "Œdipe", "Paul", "Zoé")
    ]


@pytest.mark.parametrize(
    "names",
    [
        ["Галина", "Ґанна", "Дмитро", "Елеонора", "Євген", "Жанна", "Ирина", "Іван", "Їжак", "Катя", "Яна"],
        [
            "آرش",
            "بهرام",
            "پروین",
            "تارا",
            "جمال",
            "چنگیز",
            "حسن",
            "زهرا",
            "ژاله",
            "سارا",
            "کامران",
            "گلی",
            "لاله",
        ],
    ],
)
def test_letters_stand_where_their_own_alphabet_has_them(names: list[str]) -> None:
    assert sorted(names, key=normal_forms.name_key) == names


@pytest.mark.parametrize("name", ["Ирина Коваль", "می‌خواهم", "أحمد", "O’Neill", "👩🏽‍🏫", "नमस्ते", "Ngọc"])
def test_a_name_of_any_script_is_stored_as_it_is_written(name: str) -> None:
    assert normal_forms.clean_name(name) == unicodedata.normalize("NFC", name)


def test_a_name_is_stored_without_marks_that_nobody_sees() -> None:
    assert normal_forms.clean_name("\u202bSamira\u202c\u00a0 Had\u200bdad\ufeff\n") == "Samira Haddad"


@pytest.mark.parametrize(
    "text", ["", " \u00a0", "\u200b", "\u200d \u200c", "\u3164", "\u2800", "\u00ad\u0301", "\ufe0f", "\u115f"]
)
def test_a_text_of_which_nothing_is_drawn_is_empty(text: str) -> None:
    assert normal_forms.clean_name(text) == normal_forms.clean_line(text) == ""


@pytest.mark.parametrize(
    "typed",
    [
        "0470 12 34 56",
        "\u202a+32 470 12 34 56\u202c",
        "٠٤٧٠ ١٢ ٣٤ ٥٦",
        "۰۴۷۰۱۲۳۴۵۶",
        "०४७० १२ ३४ ५६",
        "０４７０１２３４５６",
        "(0470) 12 34 56",
        "+ 32 470 12 34 56",
        "(+32) 470 12 34 56",
        "+32 (0)470/12.34.56",
        "+32 0470 12 34 56",
        "00 32 470 12 34 56",
        "0470‑12–34‐56",
        "0470\u00a012\u202f34\u200956",
    ],
)
def test_a_belgian_number_is_one_number_however_it_is_typed(typed: str) -> None:
    assert normal_forms.normalize_phone(typed) == "0470123456"


@pytest.mark.parametrize(
    ("typed", "number"),
    [("+33 6 12 34 56 78", "+33612345678"), ("0033612345678", "+33612345678"), ("071/12.34.56", "071123456")],
)
def test_other_numbers_keep_their_country(typed: str, number: str) -> None:
    assert normal_forms.normalize_phone(typed) == number


@pytest.mark.parametrize("typed", ["", "12", "abc", "0470 12 34 56 / 0475 12 34 56", "+0 470", "0470+123456"])
def test_what_is_no_number_is_none(typed: str) -> None:
    assert normal_forms.normalize_phone(typed) is None


@pytest.mark.parametrize(
    "typed", ["1234 5678", "1234-5678", "١٢٣٤٥٦٧٨", "\u200e۱۲۳۴ ۵۶۷۸\u200f", "１２３４．５６７８", "१२३४५६७८"]
)
def test_the_digits_of_a_card_are_read_from_every_keyboard(typed: str) -> None:
    assert normal_forms.card_digits(typed) == "12345678"


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("Nadia@Example.BE", "Nadia@example.be"),
        (" \u200enadia@example.be\u200f ", "nadia@example.be"),
        ("nadia@exa\u00admple.be\ufeff", "nadia@example.be"),
        ("ｎａｄｉａ＠ｅｘａｍｐｌｅ．ｂｅ", "nadia@example.be"),
        ("nadia@école.be", "nadia@xn--cole-9oa.be"),
        (f"nadia@{SCHOOL}.be", "nadia@xn--cole-9oa.be"),
        ("passerelle@localhost", "passerelle@localhost"),
    ],
)
def test_an_address_is_cleaned_to_what_the_mailer_sends_to(typed: str, address: str) -> None:
    assert normal_forms.normalize_email(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        "rené@example.be",
        "nadia..dubois@example.be",
        ".nadia@example.be",
        "nadia.@example.be",
        "nadia@-example.be",
        "nadia@example-.be",
        "nadia@example..be",
        "nadia@example.be.",
        "nadia dubois@example.be",
        "nadia@exam ple.be",
        "nadia@1.2.3.44",
        "nadia@exa_mple.be",
        "nadia@example.be, luc@example.be",
        f"nadia@{'x' * 64}.be",
        f"nadia@{'abc.' * 62}be",
    ],
)
def test_an_address_that_cannot_be_mailed_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="the address"):
        normal_forms.normalize_email(typed)


def test_addresses_are_counted_in_one_form_also_when_they_cannot_be_mailed() -> None:
    typed = ["NADIA@École.be", "nadia@xn--cole-9oa.be", "\u200bnadia@école.BE\u00a0", "nadia\u00ad@ÉCOLE.be"]
    assert {normal_forms.email_key(one) for one in typed} == {"nadia@xn--cole-9oa.be"}
    assert normal_forms.email_key(" René@example.be") == normal_forms.email_key("RENÉ@EXAMPLE.BE\u200b")


def test_a_password_has_one_form_and_those_of_older_hashes() -> None:
    assert normal_forms.password_forms("trois-velos") == ("trois-velos",)
    assert normal_forms.password_forms(SCHOOL)[0] == "École"
    assert normal_forms.password_forms("École") == ("École", SCHOOL)
    assert normal_forms.password_forms("a\u00a0b") == ("a b", "a\u00a0b")
