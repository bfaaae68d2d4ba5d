"""How the database runs what a page asks: the plans of its statements, after ANALYZE."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event, text

from lms.models import (
    AppointmentRecord,
    Attachment,
    Attempt,
    AuditEvent,
    Booking,
    Claim,
    ClipProgress,
    ErrorCount,
    Feedback,
    FormReceipt,
    LessonVisit,
    LoginSession,
    Mark,
    Notice,
    OutboxItem,
    QueuedAttempt,
    Rendition,
    ReturnedFeedback,
    Score,
    Submission,
    WaitlistEntry,
)
from tests.support.school import School

# Tables that get rows as long as the school lives.
GROWING = {
    table.__tablename__
    for table in (
        AppointmentRecord,
        Attachment,
        Attempt,
        AuditEvent,
        Booking,
        Claim,
        ClipProgress,
        ErrorCount,
        Feedback,
        FormReceipt,
        LessonVisit,
        LoginSession,
        Mark,
        Notice,
        OutboxItem,
        Rendition,
        ReturnedFeedback,
        Score,
        Submission,
        WaitlistEntry,
    )
}
QUEUE = QueuedAttempt.__tablename__
# Indexes of what is still open: they do not grow with what is over.
_OPEN = ("_open", "_open_offer", "_active", "_unseen", "_kept", "_draft", "_failed")
_WHOLE = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
_SCAN = re.compile(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?")
_POSTGRES_SCAN = re.compile(r"(?:Seq Scan|Index (?:Only )?Scan using (\w+)) on (\w+)[^\n]*(\n *Index Cond)?")


def analyze(school: School) -> None:
    """Let the database count its rows, as it does by itself every night."""
    with school.engine.begin() as connection:
        connection.execute(text("ANALYZE"))


@contextmanager
def reading_plans(school: School) -> Iterator[list[str]]:
    """Collect the plan of each SELECT that is sent in the block, below its statement."""
    plans: list[str] = []
    explain, before, after = "EXPLAIN QUERY PLAN ", "SELECT 1", "SELECT 1"
    if school.engine.dialect.name == "postgresql":
        # A table of a thousand rows is rightly read whole: what is asked is whether that is necessary.
        explain = "EXPLAIN "
        before = "; ".join(f"SET {plan} = off" for plan in _WHOLE)
        after = "; ".join(f"RESET {plan}" for plan in _WHOLE)

    def read(_connection, cursor, statement, parameters, _context, _many):  # type: ignore[no-untyped-def]
        if statement.lstrip().startswith("SELECT"):
            asking = cursor.connection.cursor()
            asking.execute(before)
            asking.execute(explain + statement, parameters)
            lines = [str(row[-1]) for row in asking.fetchall()]
            asking.execute(after)
            asking.close()
            plans.append("\n".join((statement, *lines)))

    event.listen(school.engine, "before_cursor_execute", read)
    try:
        yield plans
    finally:
        event.remove(school.engine, "before_cursor_execute", read)


def full_scans(plans: list[str]) -> list[str]:
    """Return the plans that read all rows of a table that grows with time."""
    return [plan for plan in plans if any(_grows(table, index) for table, index in _whole_tables(plan))]


def _grows(table: str, index: str) -> bool:
    return table in GROWING and not index.endswith(_OPEN)


def _whole_tables(plan: str) -> Iterator[tuple[str, str]]:
    """Find the tables that are read whole, each with the index that this goes through, if any."""
    for name, index in _SCAN.findall(plan):
        alias = re.search(rf"\b(\w+) AS {name}\b", plan)  # SQLite names the alias
        yield alias[1] if alias else name, index
    for index, table, condition in _POSTGRES_SCAN.findall(plan):
        if not condition:
            yield table, index
