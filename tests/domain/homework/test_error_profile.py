"""The error profile: counted with each return, of the last ten copies of a level, with a trend."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lms.domain.homework import attempts, correction, error_profile, marks
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.error_profile import Trend
from lms.domain.homework.marks import MarkContent
from lms.models import Assignment, Attempt, ErrorCount, MarkCode, MarkKind, Person, ReturnedFeedback
from tests import factories
from tests.factories import NOW
from tests.support import history, plans
from tests.support.school import School

A, C, GOOD = MarkCode.AGREEMENT, MarkCode.CONJUGATION, MarkCode.GOOD


def marked(
    session: Session, learner: Person, work: Assignment, codes: list[MarkCode], hours: int = 0
) -> ReturnedFeedback:
    """Return a copy on which these codes are marked."""
    nadia, moment = factories.nadia(session), NOW + timedelta(hours=hours)
    copy = attempts.queued_attempt_for(session, nadia, factories.sent(session, learner, work, now=moment).id)
    return mark_more(session, copy, codes, hours)


def mark_more(session: Session, copy: Attempt, codes: list[MarkCode], hours: int = 0) -> ReturnedFeedback:
    nadia, moment = factories.nadia(session), NOW + timedelta(hours=hours)
    returns = copy.feedback.returns if copy.feedback else 0
    feedback = correction.open_feedback(session, copy, nadia, returns=returns, now=moment)
    for number, code in enumerate(codes):
        content = MarkContent(MarkKind.RANGE, code, quote="mardi")
        marks.add_mark(session, copy, feedback.id, nadia, f"{returns}-{number}", content, now=moment)
    copy = attempts.queued_attempt_for(session, nadia, copy.id)
    shown, returns = factories.what_is_shown(session, copy)
    return correction.return_feedback(
        session,
        copy,
        nadia,
        FeedbackDraft("Bien"),
        shown,
        returns=returns,
        redo=False,
        is_confirmed=True,
        now=moment,
    )


def works(session: Session, number: int, level: str = "N1") -> list[Assignment]:
    lesson = factories.lesson(session, level_code=level)
    return [factories.assignment(session, lesson) for _ in range(number)]


def test_a_return_counts_its_codes_and_taken_back_its_counts_go_with_it(school: School) -> None:
    def story(session: Session) -> None:
        (work,) = works(session, 1)
        returned = marked(session, factories.samira(session), work, [A, A, C, GOOD], hours=10**5)
        rows = session.execute(select(ErrorCount.code, ErrorCount.number).order_by(ErrorCount.code)).all()
        assert rows == [(A, 2), (C, 1), (GOOD, 1)]
        session.execute(delete(ReturnedFeedback).where(ReturnedFeedback.id == returned.id))
        session.expire_all()
        assert session.scalars(select(ErrorCount)).all() == []

    school.write_and_undo(story)


def test_the_profile_shows_the_last_ten_copies_and_whether_it_gets_better(school: School) -> None:
    def story(session: Session) -> None:
        samira = factories.samira(session)
        codes = [[C, C, C]] * 2 + [[A, A]] * 5 + [[A, C]] * 5  # the two oldest do not count any more
        for hours, (work, each) in enumerate(zip(works(session, 12), codes, strict=True)):
            marked(session, samira, work, list(each), hours)
        (profile,) = error_profile.profiles_of_learner(session, samira.id)
        assert (profile.level, profile.returns, profile.good) == ("Niveau 1", 10, 0)
        found = [(each.code, each.number, each.trend) for each in profile.errors]
        assert found == [(A, 15, Trend.LESS), (C, 5, Trend.MORE)]

    school.write(story)


def test_each_level_has_its_profile_and_few_copies_have_no_trend(school: School) -> None:
    def story(session: Session) -> None:
        samira, diego = factories.samira(session), factories.learner(session, "Diego Ramos")
        (first,), oksana = works(session, 1), factories.oksana(session)
        marked(session, oksana, works(session, 1, "N2")[0], [C])
        marked(session, samira, first, [A, GOOD])
        marked(session, diego, first, [])
        (profile,) = error_profile.profiles_of_learner(session, samira.id)
        assert [(each.code, each.number, each.trend) for each in profile.errors] == [(A, 1, None)]
        assert profile.good == 1
        assert error_profile.profiles_of_learner(session, diego.id) == []
        assert [each.level for each in error_profile.profiles_of_learner(session, oksana.id)] == ["Niveau 2"]

    school.write(story)


def test_of_a_copy_that_was_returned_twice_the_last_return_counts(school: School) -> None:
    def story(session: Session) -> None:
        samira, (work,) = factories.samira(session), works(session, 1)
        returned = marked(session, samira, work, [A])
        attempt_id = session.scalars(select(Attempt.id)).one()
        copy = attempts.queued_attempt_for(session, factories.nadia(session), attempt_id)
        again = mark_more(session, copy, [A, C], hours=1)
        assert again.id != returned.id
        (profile,) = error_profile.profiles_of_learner(session, samira.id)
        assert (profile.returns, [(each.code, each.number) for each in profile.errors]) == (
            1,
            [(A, 2), (C, 1)],
        )

    school.write(story)


def test_a_level_is_looked_at_over_a_month(school: School) -> None:
    def story(session: Session) -> None:
        one, two = works(session, 2)
        marked(session, factories.samira(session), one, [A, A, C, GOOD])
        marked(session, factories.learner(session, "Diego Ramos"), two, [C, C], hours=48)
        level = factories.level(session).id

        def seen(days: int, hours: int = 0) -> list[tuple[MarkCode, int]]:
            moment = NOW + timedelta(days=days, hours=hours)
            found = error_profile.errors_of_levels(session, now=moment).get(level, [])
            return [(each.code, each.number) for each in found]

        assert seen(3) == [(C, 3), (A, 2)]
        assert seen(31) == [(C, 2)]
        assert seen(33) == []

    school.write(story)


def test_profiles_are_read_by_indexes(school: School) -> None:
    school.write(lambda s: history.add_work(s, waiting=5, now=NOW))
    plans.analyze(school)
    learner = school.read(lambda s: s.scalars(select(Person.id).where(Person.name == "Personne 003")).one())
    with plans.reading_plans(school) as read:
        school.read(lambda s: error_profile.profiles_of_learner(s, learner))
        school.read(lambda s: error_profile.errors_of_levels(s, now=NOW))
    assert len(read) == 2
    assert "\n\n".join(plans.full_scans(read)) == ""
