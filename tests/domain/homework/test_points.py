"""DELF points: scales as coordinators type them, and sums that are frozen with a return."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms.domain.homework import attempts, correction, points
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.points import Points
from lms.models import AuditEvent, Criterion
from tests import factories
from tests.factories import NOW
from tests.support.school import School

A1 = [0, 0.5, 2, 3]


def test_a_scale_is_four_rising_numbers_in_halves() -> None:
    assert points.parse_scale(" 0 / 0,5/2 /3") == A1
    assert points.parse_scale("0/0.5/1,5/2,5") == [0, 0.5, 1.5, 2.5]
    assert points.parse_scale(" ") is None
    assert points.write_scale(A1) == "0 / 0,5 / 2 / 3"
    assert points.write_scale(None) == ""
    for wrong in (
        "0/1/2",
        "0/1/2/3/4",
        "3/2/1/0",
        "0/0,3/1/2",
        "-1/0/1/2",
        "0/1/2/101",
        "a/b/c/d",
        "0/1/2/nan",
        "0/1/2/inf",
    ):
        with pytest.raises(ValueError, match=r"."):
            points.parse_scale(wrong)


def test_points_count_the_chosen_bands_of_criteria_with_a_scale() -> None:
    assert points.count_points([(A1, 3), (A1, None), (None, 3)]) == Points(3, 6)
    assert points.count_points([(None, 3)]) is None
    assert points.count_points([]) is None


def test_a_return_keeps_its_points_when_the_scale_changes(school: School) -> None:
    def story(session: Session) -> None:
        nadia, claire = factories.nadia(session), factories.claire(session)
        criteria = factories.criteria(session)
        level = factories.level(session)
        points.set_scales(session, claire, level, {each.id: A1 for each in criteria}, now=NOW)
        points.set_scales(session, claire, level, {each.id: A1 for each in criteria}, now=NOW)
        assert session.scalars(select(AuditEvent.detail).where(AuditEvent.detail == "points")).all() == [
            "points"
        ]
        sent = factories.sent(session, factories.samira(session), factories.assignment(session))
        copy = attempts.queued_attempt_for(session, nadia, sent.id)
        draft = FeedbackDraft("Bien", bands={criteria[0].id: 2, criteria[1].id: 3})
        returned = correction.return_feedback(session, copy, nadia, draft, {}, redo=False, now=NOW)
        session.execute(update(Criterion).values(points=None))
        session.refresh(returned)
        assert returned.points == (5, 9)

    school.write(story)
