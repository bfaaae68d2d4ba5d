from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain.errors import Absent
from lms.domain.people import kept_forms, logins
from tests import factories
from tests.support.school import School


def test_a_person_has_few_kept_forms_and_none_that_is_too_long(school: School) -> None:
    def story(session: Session) -> None:
        samira = factories.samira(session)
        for number in range(6):
            kept_forms.keep_form(
                session,
                samira.id,
                f"token{number}",
                "/me",
                [("a", "é")],
                had_files=False,
                now=factories.NOW + timedelta(seconds=number),
            )
        long = [("a", "é" * kept_forms.MOST_CHARACTERS)]
        with pytest.raises(Absent):
            kept_forms.keep_form(session, samira.id, "long", "/me", long, had_files=False, now=factories.NOW)
        tokens = [f"token{number}" for number in range(6)]
        found = kept_forms.kept_forms(session, samira, tokens, now=factories.NOW)
        assert [form.token_hash for form in found] == [logins.digest(token) for token in tokens[2:]]
        assert kept_forms.fields_of(found[0]) == [("a", "é")]

    school.write(story)


def test_only_its_person_gets_a_kept_form_and_only_for_an_hour(school: School) -> None:
    def story(session: Session) -> None:
        samira, oksana, moment = factories.samira(session), factories.oksana(session), factories.NOW
        fields = [("text", "Lundi"), ("kinds", "photo"), ("kinds", "text")]
        for person, token in ((samira, "hers"), (oksana, "other")):
            kept_forms.keep_form(session, person.id, token, "/me", fields, had_files=True, now=moment)
        (found,) = kept_forms.kept_forms(session, samira, ["other", "hers"], now=moment)
        assert (kept_forms.fields_of(found), found.had_files) == (fields, True)
        late = moment + kept_forms.KEPT
        assert kept_forms.kept_forms(session, samira, ["hers"], now=late) == []
        oksana.deactivated_at = late
        with pytest.raises(Absent):
            kept_forms.keep_form(session, oksana.id, "new", "/me", fields, had_files=False, now=late)
        kept_forms.delete_old_forms(session, now=late)
        assert kept_forms.kept_forms(session, samira, ["hers"], now=moment) == []

    school.write(story)
