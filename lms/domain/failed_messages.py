"""Messages of the last days that did not arrive, for the coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select, union_all
from sqlalchemy.orm import Session

from lms.domain.paging import Cut, cut_page
from lms.extensions import UTCDateTime, read_rows
from lms.models import OutboxItem, Outcome, Person

SHOWN_FOR = timedelta(days=7)


@dataclass(frozen=True)
class FailedMessage:
    """A message that failed, came back or could not be sent in time. `error`: as the mail server said it."""

    id: str
    kind: str
    person_id: str
    person: str
    closed_at: datetime | None
    error: str
    has_bounced: bool = False


# Limited by outcome and `closed_at`, which are indexed. Each outcome has its own part: for a list of three
# SQLite would rather read all rows. Built once.
_FAILED = union_all(
    *(
        select(OutboxItem.id, OutboxItem.closed_at).where(
            OutboxItem.outcome == outcome,
            OutboxItem.closed_at > bindparam("failed_since", type_=UTCDateTime),
        )
        for outcome in (Outcome.FAILED, Outcome.EXPIRED, Outcome.BOUNCED)
    )
).subquery()
COUNT = select(func.count()).select_from(_FAILED)
_LATEST_FIRST = (OutboxItem.closed_at.desc(), OutboxItem.id)
_IDS = select(_FAILED.c.id).order_by(_FAILED.c.closed_at.desc(), _FAILED.c.id)
_OF_PAGE = (
    select(
        OutboxItem.id,
        OutboxItem.kind,
        Person.id,
        Person.name,
        OutboxItem.closed_at,
        OutboxItem.error,
        OutboxItem.outcome == Outcome.BOUNCED,
    )
    .join(Person, Person.id == OutboxItem.person_id)
    .where(OutboxItem.id.in_(bindparam("ids", expanding=True)))
    .order_by(*_LATEST_FIRST)
)


def failed_since(*, now: datetime) -> datetime:
    """Return the moment after which a failed message is counted and listed."""
    return now - SHOWN_FOR


def failed_page(
    session: Session, after: str | None, *, now: datetime
) -> tuple[Cut, Sequence[FailedMessage], int]:
    """Return a page of the failed messages, the latest first, and how many there are. Two statements."""
    ids = [id_ for (id_,) in read_rows(session, _IDS, {"failed_since": failed_since(now=now)})]
    cut = cut_page(ids, after)
    return cut, [FailedMessage(*row) for row in read_rows(session, _OF_PAGE, {"ids": cut.ids})], len(ids)
