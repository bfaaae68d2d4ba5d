"""What a learner has written is kept, and the mail under it is cut off, whatever program wrote it."""

from __future__ import annotations

import pytest

from lms.adapters.inbox.text import CUT_LINE, html_to_text, own_words, without_quote

WRITTEN = "Le matin je me lève à 7 h.\nJe mange du pain."
US = "Passerelle <devoirs@school.example>"
ANSWERED = {
    "Gmail": f"Le lun. 23 nov. 2026 à 10:00, {US} a écrit :\n\n> Bravo\n> Nadia",
    "Gmail on two lines": f"Le lun. 23 nov. 2026 à 10:00,\n{US} a écrit :\n> Bravo",
    "Outlook": f"De : {US}\nEnvoyé : lundi 23 novembre 2026 10:00\nÀ : Samira\nObjet : corrigé\n\nBravo",
    "iPhone": f"Envoyé de mon iPhone\n\n> Le 23 nov. 2026 à 10:00, {US} a écrit :\n> \n> Bravo",
    "English": f"On Mon, 23 Nov 2026 at 10:00, {US} wrote:\n> Bravo",
    "Ukrainian": f"пн, 23 лист. 2026 р. о 10:00 {US} пише:\n> Bravo",
    "Arabic": f"في الاثنين، 23 نوفمبر 2026 كتب {US}:\n> Bravo",
    "our own line": f"Le 23 novembre {US} a écrit :\n\n-- {CUT_LINE} --\n\nBravo",
    "our own line, quoted": f"> -- {CUT_LINE} --\n> Bravo",
}


@pytest.mark.parametrize("program", ANSWERED)
def test_the_answered_mail_is_cut_off_and_what_she_wrote_is_whole(program: str) -> None:
    assert without_quote(f"{WRITTEN}\n\n{ANSWERED[program]}") == WRITTEN


def test_a_letter_with_an_address_and_a_colon_in_it_is_whole() -> None:
    text = "Mon e-mail :\nSamira <samira@example.be> est :\n\nbien. Et après je dis au revoir."
    assert without_quote(text) == text


@pytest.mark.parametrize(
    "quote",
    [
        '<div class="gmail_quote"><div>Le lun. a écrit :</div><blockquote>Bravo</blockquote></div>',
        '<blockquote type="cite"><p>Bravo</p></blockquote>',
        '<div id="divRplyFwdMsg">De : Passerelle</div><div>Bravo</div>',
    ],
)
def test_html_is_text_with_lines_and_without_the_quote(quote: str) -> None:
    html = f"<style>p {{}}</style><p>Le matin je me l&egrave;ve.</p><div>Je mange<br>du pain.</div>{quote}"
    assert " ".join(own_words("", html)[0].split()) == "Le matin je me lève. Je mange du pain."
    assert "Bravo" in own_words("", html)[1]


def test_who_writes_in_a_quote_alone_is_not_lost() -> None:
    assert own_words("lundi, mardi", "<blockquote>lundi, mardi</blockquote>")[0] == "lundi, mardi"


def test_a_program_that_writes_both_forms_is_read_once() -> None:
    assert own_words("lundi\n", "<p>lundi</p>") == ("lundi", "lundi")


def test_open_tags_without_end_are_read_in_a_moment() -> None:
    assert html_to_text("<div><blockquote>" * 50_000)[2]
