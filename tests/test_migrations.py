"""The migrations and the models tell of the same tables, on both engines, in both directions."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import (
    CheckConstraint,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    inspect,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from config import BRUSSELS, ROOT
from lms import create_app, normal_forms, schema_version
from lms.adapters.store import LocalStore
from lms.clock import now
from lms.domain import outbox
from lms.domain.booking import appointments, consistency
from lms.domain.homework import attempts, correction, files, marks, queue, voices
from lms.domain.homework.consistency import find_homework_faults
from lms.domain.homework.returns import UNDOABLE
from lms.domain.people import short_names, staff
from lms.extensions import Base
from lms.models import (
    AppointmentRecord,
    Attachment,
    Attempt,
    Booking,
    BookingState,
    ErrorCount,
    FeedbackVoice,
    Level,
    MarkCode,
    MarkKind,
    Notice,
    Organisation,
    OutboxItem,
    Outcome,
    Person,
    PersonRole,
    QueuedAttempt,
    ReturnedFeedback,
    Room,
)
from tests import factories
from tests.support.appointments import at
from tests.support.engines import postgres_template
from tests.support.narrow import present
from tests.support.school import School, copy_static, copy_template, settings_for
from tests.support.servers import PostgresServer
from tools import schema_diagram

__all__ = ["postgres_template"]  # a fixture
MIGRATIONS = ROOT / "lms/migrations"


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path, template: Path) -> Iterator[School]:
    """A house whose database is empty: no table at all."""
    copy_static(template, tmp_path)
    settings = settings_for(tmp_path)
    if request.param == "postgresql":
        settings = settings_for(tmp_path, database_url=request.getfixturevalue("postgres_url"))
    school = School(create_app(settings))
    yield school
    school.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def newest(request: pytest.FixtureRequest, tmp_path: Path, template: Path) -> Iterator[School]:
    """A school whose empty database went through every migration: once a run, then copied."""
    if request.param == "sqlite":
        copy_template(template, tmp_path)
        school = School(create_app(settings_for(tmp_path)))
        yield school
        school.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.fresh_database(request.getfixturevalue("postgres_template"))
    copy_static(template, tmp_path)
    school = School(create_app(settings_for(tmp_path, database_url=url)))
    yield school
    school.close()
    server.drop(url)


def up(school: School, revision: str = "head") -> None:
    with school.app.app_context():
        upgrade(revision=revision)


def down(school: School, revision: str) -> None:
    with school.app.app_context():
        downgrade(revision=revision)


def tables(school: School) -> set[str]:
    return set(inspect(school.engine).get_table_names()) - {"alembic_version"}


def differences(school: School) -> list[object]:
    with school.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def scripts() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def test_the_migrations_make_what_the_models_say(newest: School) -> None:
    assert tables(newest) == set(Base.metadata.tables)
    assert differences(newest) == []


def names(school: School) -> dict[str, set[str]]:
    """Constraints and indexes of every table by name."""
    with school.engine.connect() as connection:
        made = MetaData()
        made.reflect(connection)
    return {name: names_of(table) for name, table in made.tables.items() if name != "alembic_version"}


def names_of(table: Table) -> set[str]:
    return {str(one.name) for one in table.constraints} | {str(one.name) for one in table.indexes}


def test_the_newest_version_is_known_without_alembic(newest: School) -> None:
    assert schema_version.newest_version() == scripts().get_current_head()
    with newest.engine.connect() as connection:
        assert schema_version.stored_version(connection) == schema_version.newest_version()


def test_an_empty_database_has_no_version(bare: School) -> None:
    with bare.engine.connect() as connection:
        assert schema_version.stored_version(connection) is None


def test_constraints_and_indexes_have_the_names_that_the_models_say(newest: School) -> None:
    """Alembic compares no CHECK and no name: without this test a rebuilt table could lose them in silence."""
    assert names(newest) == {name: names_of(table) for name, table in Base.metadata.tables.items()}


def test_appointments_of_the_first_house_keep_when_they_last_changed(bare: School) -> None:
    up(bare, "0001")
    with bare.engine.begin() as connection:
        connection.execute(text(A_PERSON), [{"who": "nadia"}, {"who": "samira"}])
        connection.execute(
            text(A_BOOKING),
            [
                {"uid": "first", "state": "booked", "starts": 3600, "cancelled": None},
                {"uid": "second", "state": "cancelled", "starts": 3600, "cancelled": 200},
            ],
        )
    up(bare)
    kept = bare.read(lambda s: {b.uid: b.changed_at.timestamp() for b in s.scalars(select(Booking))})
    assert kept == {"first": 100, "second": 200}
    down(bare, "0001")
    with bare.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM booking")) == 2


A_PERSON = """
    INSERT INTO person (id, name, language, text_size, shared_phone, made_at)
    VALUES (:who, :who, 'fr', 'normal', false, 0)
"""
A_BOOKING = """
    INSERT INTO booking (id, uid, teacher_id, learner_id, starts, ends, free_at, wall_start, time_zone, week,
                         mode, state, sequence, video_key, booked_by_id, booked_at, cancelled_at,
                         late_cancel, reason)
    VALUES (:uid, :uid, 'nadia', 'samira', :starts, :starts + 3600, :starts + 3600, '1970-01-01T02:00',
            'Europe/Brussels', '1970-W01', 'video', :state, 0, :uid, 'samira', 100, :cancelled, false, '')
"""


def test_who_booked_in_the_first_house_is_reminded_two_hours_before_too(bare: School) -> None:
    quarter = int(now().timestamp()) // 900 * 900
    up(bare, "0001")
    with bare.engine.begin() as connection:
        connection.execute(text(A_PERSON), [{"who": "nadia"}, {"who": "samira"}])
        connection.execute(
            text(A_BOOKING),
            [
                {"uid": "ahead", "state": "booked", "starts": quarter + 3 * 86400, "cancelled": None},
                {"uid": "nearer", "state": "booked", "starts": quarter + 3600, "cancelled": None},
                {"uid": "given back", "state": "cancelled", "starts": quarter + 86400, "cancelled": 200},
                {"uid": "over", "state": "booked", "starts": 3600, "cancelled": None},
            ],
        )
    up(bare)
    reminders = bare.read(lambda s: s.scalars(select(OutboxItem).order_by(OutboxItem.due_at)).all())
    assert [(one.kind, one.about_id, one.person_id) for one in reminders] == [
        ("booking_soon", "nearer", "samira"),
        ("booking_soon", "ahead", "samira"),
    ]
    assert reminders[-1].due_at.timestamp() == quarter + 3 * 86400 - 2 * 3600
    faults = bare.read(lambda s: consistency.find_faults(s, now=now()))
    assert [fault for fault in faults if "booking_soon" in fault] == []


def test_marks_questions_and_notes_become_one_record_and_part_again(bare: School) -> None:
    up(bare, "0003")
    people = [{"who": "nadia"}, {"who": "samira"}]
    rows = [
        {"uid": "held", "state": "booked", "starts": 3600, "cancelled": None},
        {"uid": "late", "state": "cancelled", "starts": 7200, "cancelled": 200},
        {"uid": "excused", "state": "cancelled", "starts": 10800, "cancelled": 300},
        {"uid": "ahead", "state": "booked", "starts": 14400, "cancelled": None},
    ]
    changes = (
        "UPDATE booking SET attendance = 'done', marked_at = 9, marked_by_id = 'nadia' WHERE id = 'held'",
        "UPDATE booking SET late_cancel = true, cancelled_by_id = 'samira' WHERE state = 'cancelled'",
        "UPDATE booking SET attendance = 'excused', marked_at = 9, marked_by_id = NULL WHERE id = 'excused'",
        "UPDATE booking SET question = 'Les mois ?' WHERE id = 'ahead'",
        "INSERT INTO session_note VALUES ('held', 'Fatiguée', 'Relire', 'nadia', 10)",
        "INSERT INTO audit_event VALUES (1, NULL, 'x', 'person', 'p', '', 1, 'h', 'e')",
    )
    with bare.engine.begin() as connection:
        connection.execute(text(A_PERSON), people)
        connection.execute(text(A_BOOKING_OF_0003), rows)
        for change in changes:
            connection.execute(text(change))
        before = state_of_0003(connection)
    up(bare)
    records = bare.read(lambda s: {one.booking_id: one for one in s.scalars(select(AppointmentRecord))})
    assert {name: one.attendance for name, one in records.items()} == {
        "held": "done",
        "late": "late_cancel",
        "excused": "excused",
        "ahead": None,
    }
    assert (records["late"].marked_at, records["late"].marked_by_id) == (instant(200), "samira")
    assert (records["held"].private_note, records["held"].next_step) == ("Fatiguée", "Relire")
    assert (records["held"].noted_by_id, records["held"].noted_at) == ("nadia", instant(10))
    assert records["ahead"].question == "Les mois ?"
    assert bare.read(lambda s: s.get_one(Booking, "held").blocked_until) == instant(7200)
    down(bare, "0003")
    with bare.engine.connect() as connection:
        assert state_of_0003(connection) == before
        assert connection.scalar(text("SELECT count(*) FROM audit_event")) == 1


A_BOOKING_OF_0003 = """
    INSERT INTO booking (id, uid, teacher_id, learner_id, starts, ends, free_at, wall_start, time_zone, week,
                         mode, state, sequence, video_key, booked_by_id, booked_at, cancelled_at,
                         late_cancel, reason, changed_at)
    VALUES (:uid, :uid, 'nadia', 'samira', :starts, :starts + 3600, :starts + 3600, '1970-01-01T02:00',
            'Europe/Brussels', '1970-W01', 'video', :state, 0, :uid, 'samira', 100, :cancelled, false, '',
            100)
"""


def state_of_0003(connection: Connection) -> list[object]:
    asked = (
        "SELECT id, free_at, wall_start, week, question FROM booking ORDER BY id",
        "SELECT id, attendance, marked_at, marked_by_id, late_cancel FROM booking ORDER BY id",
        "SELECT * FROM session_note",
        "SELECT id, made_at FROM person ORDER BY id",
    )
    return [tuple(row) for sql in asked for row in connection.execute(text(sql))]


def instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_a_foreign_key_that_deletes_or_empties_rows_has_an_index() -> None:
    offenders = []
    for table in Base.metadata.tables.values():
        leading = {
            next(iter(one.columns)).name
            for one in table.indexes
            if one.dialect_options["sqlite"]["where"] is None
        }
        leading |= {
            next(iter(one.columns)).name
            for one in table.constraints
            if isinstance(one, UniqueConstraint | PrimaryKeyConstraint)
        }
        offenders += [
            f"{table.name}.{key.parent.name}"
            for key in table.foreign_keys
            if key.ondelete in ("CASCADE", "SET NULL") and key.parent.name not in leading
        ]
    assert offenders == []


def test_no_check_holds_a_list_that_grows() -> None:
    held = {
        f"{table.name}.{column}"
        for table in Base.metadata.tables.values()
        for one in table.constraints
        if isinstance(one, CheckConstraint)
        for column in re.findall(r"(\w+) IN \(", str(one.sqltext))
    }
    assert held == {
        "appointment_record.attendance",
        "attachment.state",
        "availability.mode",
        "booking.mode",
        "booking.state",
        "inbound_mail.state",
        "organisation.onsite_buffer_minutes",
        "person.text_size",
        "person_role.role",
        "special_day.kind",
        "special_day.mode",
        "waitlist_entry.mode",
        "waitlist_entry.outcome",
    }


def test_the_picture_of_the_tables_is_that_of_the_models() -> None:
    assert (ROOT / "docs/schema.md").read_text() == schema_diagram.draw(), "python -m tools.schema_diagram"


def test_there_is_one_newest_revision() -> None:
    assert len(scripts().get_heads()) == 1


def test_the_way_down_leaves_nothing_and_the_way_up_works_again(newest: School) -> None:
    down(newest, "base")
    assert tables(newest) == set()
    up(newest)
    assert differences(newest) == []
    assert newest.write(lambda s: factories.samira(s).name) == "Samira"


def test_each_step_can_be_taken_back_and_taken_again(bare: School) -> None:
    for script in reversed(list(scripts().walk_revisions())):
        up(bare, script.revision)
        before = tables(bare)
        down(bare, "-1")
        up(bare, script.revision)
        assert tables(bare) == before
    assert differences(bare) == []


REBUILD = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "{head}", None, None


def upgrade():
    recreate = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("person", recreate=recreate) as batch:
        batch.add_column(sa.Column("extra", sa.String(20), nullable=True))
        {more}


def downgrade():
    with op.batch_alter_table("person") as batch:
        batch.drop_column("extra")
"""


def next_migration(folder: Path, more: str = "pass") -> str:
    """The folder of migrations as it will be one day: with one more that rebuilds the table of people."""
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = REBUILD.format(head=scripts().get_current_head(), more=more)
    (folder / "versions" / "9999_rebuild.py").write_text(text)
    return str(folder)


def roles(school: School) -> list[str]:
    return sorted(school.read(lambda s: s.scalars(select(PersonRole.role)).all()))


def test_people_and_what_hangs_on_them_survive_a_table_that_is_rebuilt(
    newest: School, tmp_path: Path
) -> None:
    """SQLite drops the old table: with foreign keys on, that would delete the roles of everybody."""
    newest.write(lambda s: (factories.samira(s), factories.nadia(s)))
    folder = next_migration(tmp_path / "migrations")
    with newest.app.app_context():
        upgrade(directory=folder)
    assert roles(newest) == ["learner", "teacher"]
    with newest.app.app_context():
        downgrade(directory=folder)
    assert roles(newest) == ["learner", "teacher"]
    assert differences(newest) == []


def test_a_migration_that_leaves_rows_pointing_to_nothing_is_undone(newest: School, tmp_path: Path) -> None:
    newest.write(lambda s: (factories.samira(s), factories.nadia(s)))
    folder = next_migration(tmp_path / "migrations", "op.execute(sa.text('DELETE FROM person'))")
    with newest.app.app_context():
        if newest.engine.dialect.name == "sqlite":
            with pytest.raises(SystemExit):  # Flask-Migrate logs the reason
                upgrade(directory=folder)
            assert roles(newest) == ["learner", "teacher"]
        else:  # PostgreSQL keeps its guard during a migration: the roles go with their people
            upgrade(directory=folder)
            assert roles(newest) == []


def test_a_migration_that_breaks_half_way_changes_nothing(newest: School, tmp_path: Path) -> None:
    newest.write(lambda s: (factories.samira(s), factories.nadia(s)))
    folder = next_migration(tmp_path / "migrations", "op.execute('a sentence that is no SQL')")
    with newest.app.app_context(), pytest.raises(DBAPIError):
        upgrade(directory=folder)
    assert differences(newest) == []
    assert roles(newest) == ["learner", "teacher"]


def test_foreign_keys_are_guarded_again_after_a_migration(bare: School) -> None:
    """The connection that migrated goes back to the pool, and a page gets it next."""
    up(bare)
    if bare.engine.dialect.name == "sqlite":
        with bare.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    with pytest.raises(IntegrityError):
        bare.write(lambda s: s.add(PersonRole(person_id="nobody", role="learner")))


def test_names_get_their_keys_and_two_spellings_of_one_name_are_told_apart(bare: School) -> None:
    rooms = ["École", "école", "ECOLE", "École (2)", "Salle 1", "SALLE  1"]
    levels = ["Débutants", "debutants", "x" * 60, "X" * 60]
    up(bare, "0004")
    with bare.engine.begin() as connection:
        for number, name in enumerate(rooms):
            closed = 9 if name == "École" else None
            connection.execute(text(A_ROOM), {"id": f"r{number}", "name": name, "closed": closed})
        for number, name in enumerate(levels):
            connection.execute(text(A_LEVEL), {"id": f"l{number}", "name": name, "position": number})
        connection.execute(text(A_PERSON_OF_0004), people_of_0004("Émile", "Zoé", "Ayşe", "aïcha"))
    up(bare)
    keys = bare.read(lambda s: {room.name: room.name_key for room in s.scalars(select(Room))})
    assert keys == {
        "ECOLE": "ecole",
        "École (2)": "ecole (2)",
        "école (3)": "ecole (3)",
        "École (4)": "ecole (4)",  # closed: the open ones come first
        "SALLE  1": "salle 1",
        "Salle 1 (2)": "salle 1 (2)",
    }
    kept = bare.read(lambda s: s.scalars(select(Level.name).order_by(Level.position)).all())
    assert kept == ["Débutants", "debutants (2)", "x" * 60, f"{'X' * 56} (2)"]
    by_name = bare.read(lambda s: s.scalars(select(Person.name).order_by(Person.name_key)).all())
    assert by_name == ["aïcha", "Ayşe", "Émile", "Zoé"]
    assert differences(bare) == []
    down(bare, "0004")
    with bare.engine.connect() as connection:
        assert set(connection.scalars(text("SELECT name FROM room"))) == set(keys)
    up(bare)
    assert keys == bare.read(lambda s: {room.name: room.name_key for room in s.scalars(select(Room))})


def test_login_addresses_get_their_normal_form_and_who_is_active_keeps_it(bare: School) -> None:
    before = {
        "Luc": "luc@école.be",
        "Nadia": "\u200bnadia@example.be",
        "Another Nadia": "nadia@example.be",
        "René": "rené@example.be",
        "Mistyped": "a..b@école.be",
    }
    up(bare, "0004")
    with bare.engine.begin() as connection:
        rows = people_of_0004(*before)
        connection.execute(text(A_PERSON_OF_0004), [{**row, "email": before[row["name"]]} for row in rows])
    up(bare)
    kept = bare.read(lambda s: {person.name: person.login_email for person in s.scalars(select(Person))})
    assert kept == {**before, "Luc": "luc@xn--cole-9oa.be"}
    for name in ("Luc", "Another Nadia", "René", "Mistyped"):
        found = bare.read(partial(staff.staff_by_email, email=before[name].upper()))
        assert present(found).name == name


def test_a_draft_with_a_text_has_a_version_and_an_empty_one_has_none(newest: School) -> None:
    """0 stands for no text: two pages that were opened on it do not overwrite each other."""

    def story(session: Session) -> None:
        samira = factories.samira(session)
        for words in ("", "Lundi", "Lundi, mardi"):
            draft = factories.drafted(session, samira, factories.assignment(session), words)
            draft.version = 9

    newest.write(story)
    down(newest, "0007")
    up(newest)
    found = newest.read(lambda s: {attempt.text: attempt.version for attempt in s.scalars(select(Attempt))})
    assert found == {"": 0, "Lundi": 1, "Lundi, mardi": 1}


def test_the_frozen_normal_forms_are_those_of_the_application() -> None:
    """When the forms change, a new migration writes the keys anew, and this test goes with the old one."""
    frozen = present(scripts().get_revision("0005")).module
    names = [
        "École",
        "SALLE\u00a0١",
        "L’Œuvre",
        "ışık İzmir",
        "☀️",
        "علی",
        "نـادية",
        "´",
        "が",
        "O´Neill",
        "ﬁn Їжак گلی",
    ]
    assert list(map(frozen.name_key, names)) == list(map(normal_forms.name_key, names))
    addresses = ["Luc@École.be", " \u200bluc@a.be ", "rené@école.be", "a..b@école.be", "x", "a@b@c", "a@é.1"]
    assert list(map(frozen.email_key, addresses)) == list(map(normal_forms.email_key, addresses))


def test_what_was_still_to_be_told_becomes_a_notice(newest: School) -> None:
    before = present(scripts().get_revision("0011")).down_revision
    assert isinstance(before, str)

    def tell(session: Session) -> None:
        samira, nadia = factories.samira(session), factories.nadia(session)
        factories.organisation(session).horizon_days = 90
        factories.all_week(session, nadia)
        starts = factories.wall(factories.coming_monday().isoformat(), "10:00")
        factories.booked(session, samira, nadia, starts, by=nadia, now=now())
        other = factories.booked(session, samira, nadia, starts + timedelta(hours=1), by=nadia, now=now())
        appointments.cancel(session, nadia, other, "", now=now(), zone=factories.BRUSSELS)
        cancelled = select(OutboxItem).where(OutboxItem.kind == "booking_cancelled")
        for item in session.scalars(cancelled.where(OutboxItem.person_id == samira.id)):
            outbox.close_item(session, item.id, Outcome.NO_ADDRESS, now=now())

    def notices(session: Session) -> set[tuple[object, ...]]:
        rows = session.execute(
            select(Notice.dedupe, Notice.kind, Notice.due_at, Notice.expires_at).where(
                or_(Notice.expires_at.is_(None), Notice.expires_at > now())
            )
        )
        return {tuple(row) for row in rows}

    newest.write(tell)
    posted = newest.read(notices)
    assert {kind for _, kind, _, _ in posted} == {
        "booking_made",
        "booking_cancelled",
        "booking_reminder",
        "booking_soon",
    }
    newest.close()
    down(newest, before)
    up(newest)
    assert newest.read(notices) == posted
    assert differences(newest) == []


NAMES = [
    "Nadia Benali",
    "Nadia Bekaert",
    "Nadia",
    "Élise  De Smet",
    "elise D’Or",
    "نادية بنعلي",
    "نادية دوبوا",
]


def test_the_team_gets_short_names_and_learners_their_first_names(newest: School) -> None:
    def live(session: Session) -> None:
        for name in NAMES:
            factories.person(session, name, "teacher")
        factories.learner(session, "Nadia Haddad")

    newest.write(live)
    down(newest, "0011")
    up(newest)
    named = newest.read(lambda s: {one.name: one.short_name for one in s.scalars(select(Person))})
    assert named.pop("Nadia Haddad") == "Nadia"
    assert named["Nadia Bekaert"] == "Nadia Bek."
    assert newest.read(short_names.wrong_short_names) == {}
    assert named == {**named, **short_names.distinguish(dict(zip(NAMES, NAMES, strict=True)))}
    assert differences(newest) == []


def test_learners_of_who_is_no_social_worker_any_more_have_none(newest: School) -> None:
    def live(session: Session) -> None:
        workers = [factories.farid(session), factories.luc(session)]
        workers.append(factories.person(session, "Gone", "social_worker"))
        workers[-1].deactivated_at = now()
        for worker in workers:
            factories.learner(session, f"of {worker.short_name}").social_worker_id = worker.id

    newest.write(live)
    down(newest, "0011")
    up(newest)
    assigned = select(Person.name).where(Person.social_worker_id.is_not(None))
    assert newest.read(lambda s: s.scalars(assigned).all()) == ["of Farid"]


def test_a_slot_kept_for_who_cancelled_is_free_before_0010_and_quiet_hours_come_with_it(
    newest: School,
) -> None:
    """Before 0010 nothing would ever free what is kept."""

    def cancelled(session: Session) -> str:
        samira = factories.samira(session)
        factories.all_week(session, factories.nadia(session), "09:00", "12:00")
        booking = factories.booked(session, samira, factories.nadia(session), at("10:00", 8), now=now())
        appointments.cancel(session, samira, booking, "", now=now(), zone=BRUSSELS)
        assert booking.is_kept
        return booking.id

    made = newest.write(cancelled)
    down(newest, "0009")
    with newest.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM claim")) == 0
    up(newest)
    booking = newest.read(lambda s: s.get_one(Booking, made))
    assert (booking.state, booking.kept_until) == (BookingState.CANCELLED, None)
    hours = newest.read(lambda s: s.get_one(Organisation, 1))
    assert (hours.quiet_from, hours.quiet_until) == (20, 8)
    assert newest.read(lambda s: consistency.find_faults(s, now=now())) == []


def test_files_are_ready_and_what_was_sent_is_in_the_queue(newest: School, tmp_path: Path) -> None:
    """There and back: what waits for a worker has no place before 0009."""
    store = LocalStore(tmp_path / "store")

    def live(session: Session) -> dict[str, str]:
        samira, made = factories.samira(session), {}
        for name in ("ready", "waiting", "refused"):
            work = factories.assignment(session)
            draft = factories.drafted(session, samira, work, "Lundi" if name == "refused" else "")
            if name == "ready":
                files.add_file(session, draft, work, factories.stored(store), now=now())
            else:
                files.receive_file(session, draft, factories.received(name.encode()), room=99, now=now())
            attempts.send_attempt(session, draft, work, now=now())
            made[name] = draft.id
        session.execute(
            update(Attachment)
            .where(Attachment.attempt_id == made["refused"])
            .values(state="refused", refusal="file_broken")
        )
        return made

    made = newest.write(live)
    down(newest, "0007")
    with newest.engine.connect() as connection:
        sent = set(connection.scalars(text("SELECT id FROM attempt WHERE sent_at IS NOT NULL")))
        assert sent == {made["ready"], made["refused"]}
        assert connection.scalar(text("SELECT count(*) FROM attachment")) == 1
        assert connection.scalar(text("SELECT count(*) FROM rendition")) == 1
    up(newest)
    queued = newest.read(lambda s: {each.attempt_id: each.sent_at for each in queue.list_queue(s)})
    assert queued.keys() == sent
    assert newest.read(lambda s: s.scalars(select(Attachment)).one()).is_ready
    assert (
        newest.read(lambda s: s.scalars(select(Attempt.queued_at == Attempt.sent_at)).all()).count(True) == 2
    )


def test_what_waits_and_the_last_visits_come_with_0013(newest: School) -> None:
    def live(session: Session) -> None:
        samira, work = factories.samira(session), factories.assignment(session)
        factories.answered(session, factories.sent(session, samira, work), redo=True)
        factories.sent(session, samira, work, "Mieux")
        factories.drafted(session, factories.learner(session, "Elif"), work, "Lundi")
        factories.sent(session, factories.learner(session, "Yusuf"), work)
        for days in (2, 1, 3):
            factories.entered(session, samira, now=now() - timedelta(days=days))

    def found(session: Session) -> tuple[list[Any], dict[str, datetime | None]]:
        rows = list(session.execute(select(*QueuedAttempt.__table__.c).order_by("since")))
        return rows, {one.name: one.seen_at for one in session.scalars(select(Person))}

    newest.write(live)
    waiting, _seen = newest.read(found)
    assert sorted((row.is_follow_up, row.is_first) for row in waiting) == [(False, True), (True, False)]
    down(newest, "0013")
    up(newest)
    assert sorted(newest.read(found)[0]) == sorted(waiting)
    down(newest, "0012")
    assert "queued_attempt" not in tables(newest)
    up(newest)
    again, seen = newest.read(found)
    assert sorted(again) == sorted(waiting)
    last = now() - timedelta(days=1)
    assert abs(present(seen["Samira"]) - last) < timedelta(minutes=1)
    assert seen["Yusuf"] is None
    assert newest.read(find_homework_faults) == []
    assert differences(newest) == []


def test_each_return_has_a_row_of_its_own_from_0016_on_and_the_last_one_stays_before(newest: School) -> None:
    def live(session: Session) -> dict[str, str]:
        task = factories.criteria(session)[0].id
        nadia, work = factories.nadia(session), factories.assignment(session)
        made = {}
        for name in ("once", "twice", "opened", "draft"):
            sent = factories.sent(session, factories.learner(session, name), work)
            made[name] = sent.id
            copy = attempts.queued_attempt_for(session, nadia, sent.id)
            first = correction.FeedbackDraft(f"Bravo {name}", "Lire", {task: 2})
            give = partial(correction.return_feedback, session, copy, nadia, redo=False, now=now())
            save = partial(correction.save_feedback, session, copy, nadia, now=now())
            if name == "draft":
                save(first, {})
                continue
            give(first, {})
            read_at = now() + UNDOABLE
            attempts.mark_feedback_seen(session, sent.submission.learner, sent.submission_id, now=read_at)
            more = correction.FeedbackDraft(f"Encore {name}", "", {task: 3})
            if name == "twice":
                give(more, first.stamps(), returns=1)
            elif name == "opened":
                save(more, first.stamps(), returns=1)
        return made

    def found(session: Session) -> list[tuple[Any, ...]]:
        rows = session.scalars(select(ReturnedFeedback).order_by(ReturnedFeedback.comment))
        return [(row.comment, row.next_step, row.bands, row.seen_at is None, row.number) for row in rows]

    made = newest.write(live)
    before = newest.read(found)
    down(newest, "0015")
    with newest.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT comment, band, seen_at IS NULL, outbox_item.id IS NOT NULL FROM feedback"
                " JOIN score ON feedback_id = feedback.id"
                " LEFT JOIN outbox_item ON about_id = feedback.id ORDER BY comment"
            )
        ).all()
        assert [tuple(row) for row in rows] == [
            ("Bravo draft", 2, True, False),
            ("Bravo once", 2, False, True),
            ("Bravo opened", 2, False, True),
            ("Encore twice", 3, True, True),
        ]
    up(newest)
    label = before[0][2][0].label
    assert newest.read(found) == [
        ("Bravo once", "Lire", [(label, 2)], False, 1),
        ("Bravo opened", "Lire", [(label, 2)], False, 1),
        ("Encore twice", "", [(label, 3)], True, 1),
    ]
    waiting = newest.read(lambda s: [each.attempt_id for each in queue.list_queue(s)])
    assert waiting == [made["draft"]]
    assert newest.read(find_homework_faults) == []
    assert differences(newest) == []


A_ROOM = "INSERT INTO room (id, name, closed_at) VALUES (:id, :name, :closed)"
A_LEVEL = """
    INSERT INTO level (id, code, name, cefr, blurb, position) VALUES (:id, :id, :name, '', '', :position)
"""


def test_an_organisation_without_a_video_address_has_one_before_0015(newest: School) -> None:
    newest.write(lambda s: setattr(factories.organisation(s), "video_base", ""))
    newest.write(lambda s: setattr(factories.nadia(s), "video_address", "https://teams.example.org/x"))
    down(newest, "0014")
    with newest.engine.connect() as connection:
        assert connection.scalar(text("SELECT video_base FROM organisation")) == "https://meet.jit.si"
    up(newest)
    assert newest.read(lambda s: factories.nadia(s).video_address) is None


def test_the_keys_of_a_letter_act_for_everybody_who_was_there_before(newest: School) -> None:
    newest.write(lambda s: setattr(factories.nadia(s), "letter_keys", False))
    down(newest, "0015")
    up(newest)
    assert newest.read(factories.nadia).letter_keys
    assert differences(newest) == []


def test_marks_that_were_returned_before_0026_are_counted(newest: School) -> None:
    def live(session: Session) -> None:
        work, nadia = factories.assignment(session), factories.nadia(session)
        copy = factories.sent(session, factories.samira(session), work)
        copy = attempts.queued_attempt_for(session, nadia, copy.id)
        feedback = correction.open_feedback(session, copy, nadia, returns=0, now=now())
        codes = (MarkCode.AGREEMENT, MarkCode.AGREEMENT, MarkCode.GOOD)
        for number, code in enumerate(codes):
            content = marks.MarkContent(MarkKind.RANGE, code, quote="mardi")
            marks.add_mark(session, copy, feedback.id, nadia, str(number), content, now=now())
        factories.answered(session, copy)

    def counted() -> set[tuple[str, int, str]]:
        columns = select(ErrorCount.code, ErrorCount.number, ErrorCount.learner_id)
        return {
            (row.code, row.number, row.learner_id) for row in newest.read(lambda s: s.execute(columns).all())
        }

    newest.write(live)
    samira = newest.read(lambda s: factories.samira(s).id)
    before = counted()
    assert before == {(MarkCode.AGREEMENT, 2, samira), (MarkCode.GOOD, 1, samira)}
    down(newest, "0025")
    up(newest)
    assert counted() == before
    assert differences(newest) == []


def test_voices_that_are_there_wait_for_a_copy_and_returns_stay_frozen(
    newest: School, tmp_path: Path
) -> None:
    """There and back over 0023 and 0024: the voices of teachers are new, what was returned never changes."""
    store = LocalStore(tmp_path / "store")

    def live(session: Session) -> str:
        nadia, work = factories.nadia(session), factories.assignment(session)
        draft = factories.drafted(session, factories.samira(session), work)
        files.add_file(session, draft, work, factories.stored(store), now=now())
        spoken = replace(factories.stored(store, b"a voice", "voice"), renditions=())
        voice = files.add_file(session, draft, work, spoken, now=now())
        voice.copy_due_at = None
        attempts.send_attempt(session, draft, work, now=now())
        copy = attempts.queued_attempt_for(session, nadia, draft.id)
        feedback = correction.open_feedback(session, copy, nadia, returns=0, now=now())
        said = replace(factories.stored(store, b"an answer", "voice"), renditions=())
        voices.keep_voice(session, feedback, nadia, said, "", now=now())
        shown = session.scalars(select(FeedbackVoice.id)).one()
        correction.return_feedback(
            session, copy, nadia, correction.FeedbackDraft("Bravo"), {}, voice_id=shown, redo=False, now=now()
        )
        return voice.id

    def change(column: str) -> None:
        with newest.engine.begin() as connection:
            connection.execute(text(f"UPDATE returned_feedback SET {column} = NULL"))  # noqa: S608

    voice = newest.write(live)
    for column in ("voice_id", "comment"):
        with pytest.raises(DBAPIError, match="never changes"):
            change(column)
    down(newest, "0022")
    with pytest.raises(DBAPIError, match="never changes"):
        change("comment")
    up(newest)
    with pytest.raises(DBAPIError, match="never changes"):
        change("voice_id")
    waiting = select(Attachment.id).where(Attachment.copy_due_at.is_not(None))
    assert newest.read(lambda s: s.scalars(waiting).all()) == [voice]
    assert newest.read(lambda s: s.scalars(select(ReturnedFeedback.comment)).one()) == "Bravo"
    assert differences(newest) == []


A_PERSON_OF_0004 = """
    INSERT INTO person (id, name, language, text_size, reach, shared_phone, login_email, created_at)
    VALUES (:id, :name, 'fr', 'normal', 'auto', false, :email, 0)
"""


def people_of_0004(*names: str) -> list[dict[str, Any]]:
    return [{"id": f"p{number}", "name": name, "email": None} for number, name in enumerate(names)]
