from __future__ import annotations

from functools import partial

from sqlalchemy.orm import Session

from lms.domain.booking import appointments, caps, picker
from lms.domain.booking.availability_search import SearchTerms
from lms.models import Mode
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import School


def test_what_is_over_counts_for_its_week_and_not_for_what_lies_ahead(school: School) -> None:
    def ask(session: Session) -> None:
        service = factories.organisation(session)
        samira, oksana = factories.samira(session), factories.oksana(session)
        factories.all_week(session, factories.nadia(session))
        made = factories.booked(session, samira, factories.nadia(session), wall("2026-11-24", "09:00"))
        for now, ahead in ((NOW, 1), (made.starts, 1), (made.ends, 0)):
            load = caps.count_load(session, service, [samira.id, oksana.id], now=now)
            assert (load.ahead[samira.id], load.ahead[oksana.id]) == (ahead, 0)
            assert load.weeks == {(samira.id, "2026-W48"): 1}

    school.write(ask)


def test_with_caps_lowered_meanwhile_a_move_within_the_week_is_offered_and_done(school: School) -> None:
    """A move adds nothing: the picker and the move itself agree on that."""

    def move(session: Session) -> None:
        service = factories.organisation(session)
        samira, nadia = factories.samira(session), factories.nadia(session)
        factories.all_week(session, nadia)
        made = factories.booked(session, samira, nadia, wall("2026-11-24", "09:00"))
        factories.booked(session, samira, nadia, wall("2026-11-25", "09:00"))
        service.weekly_cap = service.open_cap = 1
        terms = SearchTerms(samira.id, BRUSSELS, moving=made)
        page = picker.load_picker_page(session, service, terms, None, now=NOW)
        later = wall("2026-11-26", "10:00")
        assert later in [hour.starts for hour in page.hours]
        appointments.move(session, samira, made, later, Mode.VIDEO, now=NOW, zone=BRUSSELS)
        assert made.starts == later

    school.write(move)


def test_one_statement_counts_for_thirty_learners_as_for_one(school: School) -> None:
    ids = school.write(lambda s: [factories.learner(s, f"Learner {n}").id for n in range(30)])

    def count(session: Session, number: int) -> caps.Load:
        service = factories.organisation(session)
        return caps.count_load(session, service, ids[:number], now=NOW)

    sent = []
    for number in (1, 30):
        with school.counting_statements() as statements:
            school.read(partial(count, number=number))
        sent.append(len(statements))
    assert sent[0] == sent[1]
