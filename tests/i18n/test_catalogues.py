"""Sentences in the language of each person; what people are called is never HTML."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from lms.clock import now
from tests import factories
from tests.support.school import School


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_name_in_a_sentence_stays_text(school: School, language: str) -> None:
    def answered(session: Session) -> str:
        samira = factories.samira(session, language=language)
        nadia = factories.nadia(session)
        nadia.short_name = "<b>Nadia</b>"
        sent = factories.sent(session, samira, factories.assignment(session), now=now())
        factories.answered(session, sent)
        return samira.id

    page = school.visitor(school.write(answered)).get("/")
    assert "<b>Nadia" not in page.html
    assert "<b>Nadia</b>" in page.text


def test_the_language_of_a_page_is_that_of_its_person(school: School) -> None:
    samira = school.visitor(school.write(lambda s: factories.samira(s).id))
    john = school.visitor(school.write(lambda s: factories.learner(s, "John", language="en").id))
    for _visit in range(2):
        assert "Bonjour Samira" in samira.get("/").text
        assert "Hello John" in john.get("/").text
