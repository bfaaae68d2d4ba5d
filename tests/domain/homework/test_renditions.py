from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.domain.errors import Absent
from lms.domain.homework import attempts, files, renditions
from lms.models import Attempt, Rendition
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def test_a_page_that_is_turned_stays_turned_and_only_on_its_own_copy(school: School) -> None:
    def story(session: Session) -> None:
        work = factories.assignment(session)
        store = LocalStore(school.settings.uploads / "store")

        def sent(name: str) -> Attempt:
            draft = factories.drafted(session, factories.learner(session, name), work)
            files.add_file(session, draft, work, factories.stored(store, name.encode()), now=NOW)
            attempts.send_attempt(session, draft, work, now=NOW)
            return draft

        def turns(copy: Attempt) -> list[int]:
            return list(session.scalars(select(Rendition.turns).where(Rendition.id == page_of(copy))))

        def page_of(copy: Attempt) -> str:
            found = attempts.queued_attempt_for(session, factories.nadia(session), copy.id)
            return found.attachments[0].renditions[0].id

        first, second = sent("Tesfay"), sent("Ahmad")
        renditions.turn_page(session, first, page_of(first), 3)
        assert (turns(first), turns(second)) == ([3], [0])
        with pytest.raises(Absent):
            renditions.turn_page(session, first, page_of(second), 1)
        with pytest.raises(ValueError, match="not quarter turns"):
            renditions.turn_page(session, first, page_of(first), 4)

    school.write(story)
