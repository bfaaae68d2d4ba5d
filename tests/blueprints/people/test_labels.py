"""Every deed of people has its sentence."""

from __future__ import annotations

import re
from pathlib import Path

from lms.blueprints.people.labels import ACTIONS, action_name, language_name, role_name
from lms.models import AuditAction
from tests.support.school import School

PEOPLE = Path(__file__).resolve().parents[3] / "lms/domain/people"


def test_every_line_that_people_write_in_the_journal_about_a_person_has_a_sentence() -> None:
    source = " ".join(path.read_text() for path in PEOPLE.glob("*.py"))
    written = {AuditAction[name] for name in re.findall(r'AuditAction\.(\w+),\s*"person"', source)}
    assert len(written) > 10
    assert written - set(ACTIONS) == set()


def test_names_are_shown_and_what_is_unknown_keeps_its_word(school: School) -> None:
    with school.app.test_request_context():
        assert role_name("teacher") == "Professeur"
        assert action_name("card_issued") == "Carte faite"
        assert action_name("feedback_returned") == "feedback returned"
    assert (language_name("ps"), language_name("xx")) == ("پښتو", "xx")
