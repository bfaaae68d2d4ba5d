"""kill -9, again and again, of the worker that writes to people through a real SMTP server."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms import clock
from lms.domain.booking import appointments, consistency
from lms.models import Booking, BookingState, Mode, OutboxItem, Outcome
from tests import factories
from tests.faults.fault_log import at
from tests.support.live_server import LiveServer
from tests.support.school import School
from tests.support.servers import wait_until
from tests.support.smtp import SmtpServer
from tests.support.waitlist import cancel_for_good

KILLS = 5
LEARNERS = 24
# The worker's threads, each with a letter in its hands when it dies.
THREADS = 2


@pytest.fixture
def server(tmp_path: Path, template: Path) -> LiveServer:
    return LiveServer(tmp_path, template)


def _appointments(school: School) -> list[str]:
    """An appointment for each learner; every third is cancelled and every third is moved."""

    def live(session: Session) -> list[str]:
        nadia = factories.nadia(session)
        factories.all_week(session, nadia, "09:00", "17:00")
        made = []
        for number in range(LEARNERS):
            learner = factories.learner(session, f"Learner {number}", email=f"learner{number}@example.be")
            hour = at(f"{9 + number % 8:02}:00", number // 8)
            booking = appointments.book(
                session, learner, learner, nadia.id, hour, Mode.VIDEO, now=clock.now(), zone=BRUSSELS
            )
            if number % 3 == 1:
                cancel_for_good(session, learner, booking, now=clock.now())
            if number % 3 == 2:
                appointments.move(
                    session,
                    learner,
                    booking,
                    hour + timedelta(days=14),
                    Mode.VIDEO,
                    now=clock.now(),
                    zone=BRUSSELS,
                )
            made.append(booking.id)
        # The night before has come: every reminder and every cancellation is due.
        session.execute(
            update(OutboxItem)
            .where(
                OutboxItem.kind.in_(("booking_reminder", "booking_cancelled")), OutboxItem.closed_at.is_(None)
            )
            .values(due_at=clock.now())
        )
        return made

    return school.write(live)


def _open(school: School) -> int:
    soon = select(OutboxItem).where(OutboxItem.closed_at.is_(None), OutboxItem.kind != "booking_soon")
    return school.read(lambda s: len(s.scalars(soon).all()))


def _post(server: SmtpServer) -> dict[str, str]:
    return {"LMS_MAIL_HOST": server.host, "LMS_MAIL_PORT": str(server.port), "LMS_MAIL_SECURITY": "none"}


def test_no_message_is_lost_and_a_repeat_is_recognised_by_its_id(server: LiveServer) -> None:
    school = server.school()
    made = _appointments(school)
    # Slow enough that every kill finds a letter on its way.
    with SmtpServer(delay=0.05) as post:
        server.environ.update(_post(post))
        for kill in range(1, KILLS + 1):
            server.start()
            try:
                post.wait_for(kill * 8)
            finally:
                server.kill()
            # The lease of the dead is over after ten minutes; nobody waits for that here.
            school.write(lambda s: s.execute(update(OutboxItem).values(claimed_until=None)))
        with server:
            wait_until(lambda: _open(school) == 0, "every letter has left", 60)
        letters = post.messages

    sent = school.read(
        lambda s: {
            row.dedupe: row for row in s.scalars(select(OutboxItem).where(OutboxItem.outcome == Outcome.SENT))
        }
    )
    seen = Counter(str(letter["Message-ID"]) for letter in letters)
    assert len(seen) == len(sent), "each message came, under one id"
    assert sum(seen.values()) - len(seen) <= KILLS * THREADS, "only a kill makes a repeat"
    bodies: dict[str, set[str]] = {}
    for letter in letters:
        bodies.setdefault(str(letter["Message-ID"]), set()).add(f"{letter['To']} {letter['Subject']}")
    assert all(len(told) == 1 for told in bodies.values()), "a repeat is the same letter"

    states = school.read(lambda s: {one.id: one for one in s.scalars(select(Booking))})
    reminded = [row.about_id for row in sent.values() if row.kind == "booking_reminder"]
    assert sorted(reminded) == sorted(id_ for id_ in made if states[id_].state == BookingState.BOOKED)
    assert all(row.sequence == states[row.about_id].sequence for row in sent.values())
    # What was said before a change is never said after it.
    cancelled = [row for row in sent.values() if states[row.about_id].state == BookingState.CANCELLED]
    assert {row.kind for row in cancelled} == {"booking_cancelled"}
    assert school.read(lambda s: consistency.find_faults(s, now=clock.now())) == []
