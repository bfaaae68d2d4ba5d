"""Caps on the appointments of a learner: one count for booking, search and waitlist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import String, bindparam, select
from sqlalchemy.orm import Session

from lms.domain.errors import Refused
from lms.extensions import UTCDateTime, read_rows
from lms.models import HOLDING, Booking, Organisation
from lms.refusal_codes import RefusalCode

# Longer than the current ISO week, whose past appointments count for its cap.
COUNTED_BACK = timedelta(days=8)


@dataclass(frozen=True)
class Load:
    """The appointments and open offers of some learners: how many are not over, how many in each week.

    A move adds no appointment: with `moving` the cap on upcoming ones and that of its own week do not apply.
    """

    ahead: Counter[str]
    weeks: Counter[tuple[str, str]]
    open_cap: int
    weekly_cap: int
    moving: Booking | None = None

    def is_full(self, learner_id: str) -> bool:
        """Return whether the learner has as many upcoming appointments as allowed."""
        return self.moving is None and self.ahead[learner_id] >= self.open_cap

    def is_week_full(self, learner_id: str, week: str) -> bool:
        """Return whether the learner has as many appointments as allowed in this ISO week."""
        same = self.moving is not None and self.moving.iso_week == week
        return not same and self.weeks[learner_id, week] >= self.weekly_cap


# Built once.
_COUNTED = select(Booking.learner_id, Booking.iso_week, Booking.ends).where(
    Booking.learner_id.in_(bindparam("learner_ids", expanding=True, type_=String)),
    Booking.state.in_(HOLDING),
    # Limited by `starts`, which is indexed, so that past appointments cost nothing.
    Booking.starts > bindparam("since", type_=UTCDateTime),
    Booking.id.not_in(bindparam("but", expanding=True, type_=String)),
)


def count_load(
    session: Session,
    organisation: Organisation,
    learner_ids: Collection[str],
    *,
    moving: Booking | None = None,
    but: Collection[str] = (),
    now: datetime,
) -> Load:
    """Count the appointments of these learners, without the bookings `but`, in one statement."""
    asked = {"learner_ids": list(learner_ids), "but": list(but), "since": now - COUNTED_BACK}
    rows = read_rows(session, _COUNTED, asked)
    return Load(
        Counter(learner_id for learner_id, _week, ends in rows if ends > now),
        Counter((learner_id, week) for learner_id, week, _ends in rows),
        organisation.open_cap,
        organisation.weekly_cap,
        moving,
    )


def check_weekly_cap(load: Load, learner_id: str, week: str) -> None:
    """Refuse a booking beyond the learner's weekly cap.

    Refusals: `week_full`.
    """
    if load.is_week_full(learner_id, week):
        raise Refused(RefusalCode.WEEK_FULL, number=load.weekly_cap)


def check_open_cap(load: Load, learner_id: str) -> None:
    """Refuse a booking beyond the number of upcoming appointments a learner may have.

    Refusals: `too_many_open`.
    """
    if load.is_full(learner_id):
        raise Refused(RefusalCode.TOO_MANY_OPEN, number=load.open_cap)
