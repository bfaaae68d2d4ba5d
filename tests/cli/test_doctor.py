"""`flask doctor`: a whole house is well; each fault is named and makes the exit code 1."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from lms import create_app
from lms.adapters.partial_files import PartialFiles
from lms.adapters.store import LocalStore
from lms.cli.doctor import CHECKS
from lms.clock import now
from lms.domain import audit_log
from lms.domain.homework import files, uploads
from lms.domain.people.organisation import set_door_photo
from lms.extensions import new_id
from lms.models import (
    Assignment,
    Attachment,
    Attempt,
    AuditAction,
    Booking,
    Claim,
    FileKind,
    OutboxItem,
    Rendition,
)
from tests import factories
from tests.support.engines import postgres_template, school, shared_postgres_school
from tests.support.school import School, settings_for

__all__ = ["postgres_template", "school", "shared_postgres_school"]


def doctor(school: School, *options: str) -> Result:
    return school.app.test_cli_runner().invoke(args=["doctor", *options])


def ills(result: Result) -> dict[str, list[str]]:
    """The faults by the name of their check; a house with faults ends with 1, a whole one with 0."""
    found: dict[str, list[str]] = {}
    engine, *lines = result.output.splitlines()
    assert engine.strip().startswith(("SQLite ", "PostgreSQL"))
    for line in lines:
        if line.startswith("      "):
            found[list(found)[-1]].append(line.strip())
        else:
            found[line[6:]] = []
    assert list(found) == [check.__name__.replace("_", " ") for check in CHECKS]
    ill = {name: faults for name, faults in found.items() if faults}
    assert result.exit_code == (1 if ill else 0), result.output
    return ill


@pytest.fixture(autouse=True)
def lived_in(school: School) -> None:
    """A school with a copy and its files, an appointment, a delivered mail and an audit event."""
    store: LocalStore = school.app.extensions["lms_store"]
    monday = factories.coming_monday().isoformat()

    def live(session: Session) -> None:
        samira, nadia = factories.samira(session), factories.nadia(session)
        factories.claire(session)  # somebody can change the school
        assignment = factories.assignment(session)
        draft = factories.drafted(session, samira, assignment, "Lundi")
        files.add_file(session, draft, assignment, factories.stored(store), now=now())
        factories.all_week(session, nadia)
        factories.booked(session, samira, nadia, factories.wall(monday, "10:00"), now=now())
        audit_log.record(session, nadia, AuditAction.PERSON_CHANGED, "person", samira.id, now=now())

    school.write(live)
    school.deliver()
    school.settings.instance.chmod(0o700)
    (school.settings.instance / "secret.key").write_text("a secret of this house")
    (school.settings.instance / "secret.key").chmod(0o600)


def store(school: School) -> LocalStore:
    found: LocalStore = school.app.extensions["lms_store"]
    return found


def aged(school: School, key: str, age: timedelta, folder: str = "") -> None:
    moment = (now() - age).timestamp()
    os.utime(school.settings.uploads / folder / key[:2] / key, (moment, moment))


def the_key(school: School, kind: type[Attachment] | type[Rendition] = Attachment) -> str:
    """The key of the one file of this kind."""
    key = school.read(lambda s: s.scalars(select(kind.store_key)).one())
    assert key is not None
    return key


def test_a_whole_house_is_well(school: School) -> None:
    result = doctor(school)
    assert ills(result) == {}
    assert "well  bookings" in result.output


@pytest.mark.parametrize("kind", [Attachment, Rendition])
def test_a_row_without_its_file_is_named(school: School, kind: type[Attachment] | type[Rendition]) -> None:
    key = the_key(school, kind)
    store(school).delete(key)
    assert ills(doctor(school)) == {"files": [f"row without file: {key}"]}


def test_an_old_file_without_a_row_is_named_and_a_young_one_is_on_its_way(school: School) -> None:
    key = store(school).put(BytesIO(b"left over"), suffix=".jpg")
    assert ills(doctor(school)) == {}
    aged(school, key, timedelta(hours=2))
    assert ills(doctor(school)) == {"files": [f"file without row: {key}"]}


def stored_path(school: School, key: str) -> Path:
    return school.settings.uploads / key[:2] / key


@pytest.mark.parametrize("kind", [Attachment, Rendition])
def test_a_file_that_was_emptied_is_named(school: School, kind: type[Attachment] | type[Rendition]) -> None:
    key = the_key(school, kind)
    stored_path(school, key).write_bytes(b"")
    assert ills(doctor(school)) == {"files": [f"file of another size than its row says: {key}"]}


def hang_door(school: School, *, digest: bool = True) -> str:
    key = store(school).put(BytesIO(b"the door"), suffix=".jpg")
    sha256 = store(school).digest(key) if digest else None
    school.write(lambda s: set_door_photo(s, factories.claire(s), key, sha256, now=now()))
    return key


def flip(path: Path) -> None:
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


@pytest.mark.parametrize("kind", ["attachment", "rendition", "door"])
def test_a_byte_that_flipped_is_found_by_reading_every_file(school: School, kind: str) -> None:
    door = hang_door(school)
    keys = {"attachment": the_key(school), "rendition": the_key(school, Rendition), "door": door}
    assert "well  content" in doctor(school, "--deep").output
    flip(stored_path(school, keys[kind]))
    found = doctor(school, "--deep")
    assert found.exit_code == 1
    assert f"file with other content than its row says: {keys[kind]}" in found.output


@pytest.mark.parametrize("by_night", [False, True])
def test_a_picture_older_than_its_digest_gets_one(school: School, by_night: bool) -> None:
    door, picture = hang_door(school, digest=False), the_key(school, Rendition)
    school.write(lambda s: s.execute(update(Rendition).values(sha256=None)))
    flip(stored_path(school, the_key(school)))
    if by_night:
        school.app.extensions["lms_jobs"].every_night()
    else:
        assert "recorded, digests of older pictures: 2" in doctor(school, "--fix").output
        assert "recorded" not in doctor(school, "--fix").output
    for key in (door, picture):
        flip(stored_path(school, key))
    output = doctor(school, "--deep").output
    for key in (door, picture, the_key(school)):
        assert f"file with other content than its row says: {key}" in output


def test_a_damaged_picture_gets_no_digest(school: School) -> None:
    picture = the_key(school, Rendition)
    school.write(lambda s: s.execute(update(Rendition).values(sha256=None)))
    stored_path(school, picture).write_bytes(b"")
    doctor(school, "--fix")
    assert school.read(lambda s: s.scalars(select(Rendition.sha256)).one()) is None


def received(school: School, age: timedelta) -> str:
    """Receive a file for the draft of Samira; return its key."""
    received_store: LocalStore = school.app.extensions["lms_received_store"]
    key = received_store.put(BytesIO(b"as sent"))

    def receive(session: Session) -> None:
        draft = session.scalars(select(Attempt)).one()
        new = files.ReceivedFile(FileKind.PHOTO, "a.jpg", key, 7, received_store.digest(key))
        files.receive_file(session, draft, new, room=7, now=now() - age)

    school.write(receive)
    return key


def test_received_files_are_looked_at_too(school: School) -> None:
    received_store: LocalStore = school.app.extensions["lms_received_store"]
    key = received(school, timedelta(minutes=14))
    orphan = received_store.put(BytesIO(b"no row"))
    assert ills(doctor(school)) == {}
    aged(school, orphan, timedelta(days=2), ".received")
    assert ills(doctor(school)) == {"received": [f"received file without row: {orphan}"]}
    assert f"deleted, a file without row: {orphan}" in doctor(school, "--fix").output
    path = school.settings.uploads / ".received" / key[:2] / key
    path.write_bytes(b"as Sent")
    assert f"received file with other content than its row says: {key}" in doctor(school, "--deep").output
    path.write_bytes(b"cut")
    assert ills(doctor(school)) == {"received": [f"received file of another size than its row says: {key}"]}
    received_store.delete(key)
    assert ills(doctor(school)) == {"received": [f"row without received file: {key}"]}


def test_a_received_file_that_waits_is_named_with_how_long(school: School) -> None:
    received(school, timedelta(hours=3))
    (fault,) = ills(doctor(school))["received"]
    assert fault.startswith("a received file has waited for 3:00:0")


def test_a_fix_deletes_what_was_left_over_for_a_day_and_nothing_else(school: School) -> None:
    named = the_key(school)
    old, young = (store(school).put(BytesIO(b"left over"), suffix=".jpg") for _ in range(2))
    for key, age in ((named, 3), (old, 2), (young, 0)):
        aged(school, key, timedelta(days=age))
    work = school.settings.temp / "killed"
    school.settings.temp.mkdir(mode=0o700, exist_ok=True)
    work.mkdir()
    (work / "photo").write_bytes(b"where it was taken")
    os.utime(work, (0, 0))
    assert f"temporary file of no running process: {work}" in doctor(school).output
    assert f"deleted, a file without row: {old}\n" in doctor(school, "--fix").output
    assert not work.exists()
    assert {named, young} <= set(dict(store(school).keys()))
    assert not stored_path(school, old).exists()
    assert ills(doctor(school)) == {}


@pytest.mark.own_school
def test_a_fix_deletes_nothing_beside_a_database_of_another_version(school: School) -> None:
    key = store(school).put(BytesIO(b"of a row that is not restored yet"), suffix=".jpg")
    aged(school, key, timedelta(days=2))
    school.write(lambda s: s.execute(text("UPDATE alembic_version SET version_num = '0000'")))
    assert doctor(school, "--fix").exit_code == 1
    assert stored_path(school, key).exists()


def test_the_folder_of_a_fresh_clone_is_closed_at_start(tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads").chmod(0o755)
    create_app(settings_for(tmp_path))
    assert (tmp_path / "uploads").stat().st_mode & 0o077 == 0


def test_the_picture_of_the_door_belongs_to_the_house(school: School) -> None:
    key = hang_door(school)
    aged(school, key, timedelta(hours=2))
    assert ills(doctor(school)) == {}
    store(school).delete(key)
    assert ills(doctor(school)) == {"files": [f"row without file: {key}"]}


def test_a_missing_claim_is_named(school: School) -> None:
    booking = school.read(lambda s: s.query(Booking).one().id)
    school.write(lambda s: s.execute(delete(Claim)))
    (faults,) = ills(doctor(school)).values()
    assert any(booking in fault for fault in faults)


def test_a_claim_that_was_left_over_is_named(school: School) -> None:
    booking = school.read(lambda s: s.query(Booking).one().id)

    def forget_to_free(session: Session) -> None:
        values = {"state": "cancelled", "cancelled_at": now(), "cancelled_by_id": factories.nadia(session).id}
        session.execute(update(Booking).values(**values))

    school.write(forget_to_free)
    (faults,) = ills(doctor(school)).values()
    assert any(booking in fault for fault in faults)


def late_mail(school: School, due: datetime) -> None:
    values = {"due_at": due, "closed_at": None, "outcome": None}
    made = OutboxItem.kind == "booking_made"
    school.write(lambda s: s.execute(update(OutboxItem).where(made).values(**values)))


def test_a_mail_that_waits_is_named_with_how_long(school: School) -> None:
    late_mail(school, now() - timedelta(minutes=14))
    assert ills(doctor(school)) == {}
    late_mail(school, now() - timedelta(hours=3))
    (fault,) = ills(doctor(school))["mail"]
    assert fault.startswith("a mail has waited for 3:00:0")


@pytest.mark.own_school
def test_a_database_of_another_version_is_named_with_the_way_out(school: School) -> None:
    school.write(lambda s: s.execute(text("UPDATE alembic_version SET version_num = '0000'")))
    (fault,) = ills(doctor(school))["versions"]
    assert "the database is at 0000" in fault
    assert "flask db upgrade" in fault


@pytest.mark.own_school
def test_a_check_that_cannot_be_made_is_a_fault_and_hides_no_other(school: School) -> None:
    """An old database may lack a whole table."""
    school.write(lambda s: s.execute(text("DROP TABLE rendition")))
    school.write(lambda s: s.execute(text("UPDATE alembic_version SET version_num = '0000'")))
    found = ills(doctor(school))
    assert set(found) == {"files", "versions"}
    assert found["files"][0].startswith("this could not be looked at: ")
    assert "rendition" in found["files"][0]


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_secret_that_others_can_read_is_named(school: School, mode: int) -> None:
    key = school.settings.instance / "secret.key"
    key.chmod(mode)
    assert ills(doctor(school)) == {"permissions": [f"{key} can be read by others (mode {mode:o})"]}


@pytest.mark.parametrize("folder", ["instance", "uploads"])
def test_a_folder_that_strangers_may_enter_is_named(school: School, folder: str) -> None:
    path: Path = getattr(school.settings, folder)
    path.chmod(0o755)
    assert ills(doctor(school)) == {"permissions": [f"{path} can be read by others (mode 755)"]}
    path.chmod(0o750)
    assert ills(doctor(school)) == {}


def test_a_row_that_points_to_nothing_is_named(school: School) -> None:
    """Only SQLite can be brought there: its guard is a switch of the connection."""
    if school.engine.dialect.name != "sqlite":
        with school.engine.connect() as connection, pytest.raises(Exception, match="foreign key"):
            connection.execute(text("INSERT INTO person_role VALUES ('nobody', 'learner')"))
        return
    with school.engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        connection.execute(text("INSERT INTO person_role (person_id, role) VALUES ('nobody', 'learner')"))
        connection.commit()
        connection.connection.cursor().execute("PRAGMA foreign_keys=ON")
    assert ills(doctor(school)) == {"integrity": ["person_role: a row points to nothing"]}


def test_a_database_whose_pages_were_damaged_is_named(school: School) -> None:
    if school.engine.dialect.name != "sqlite":
        assert "well  integrity" in doctor(school).output
        return
    with school.engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    school.engine.dispose()
    path = Path(str(school.engine.url.database))
    content = bytearray(path.read_bytes())
    content[-4096:] = os.urandom(4096)
    path.write_bytes(content)
    result = doctor(school)
    assert result.exit_code == 1
    assert "ill   integrity" in result.output


def test_an_upload_and_its_partial_file_belong_together(school: School) -> None:
    partials: PartialFiles = school.app.extensions["lms_partial_files"]

    def begin(session: Session) -> str:
        task = session.scalars(select(Assignment.id)).one()
        new = uploads.NewUpload(task, "k1", "photo", "IMG_1.jpg", 7)
        return uploads.begin(
            session, factories.samira(session), new, new_id(), allowance=uploads.Allowance(99, 99), now=now()
        ).id

    upload_id = school.write(begin)
    assert ills(doctor(school)) == {"unfinished uploads": [f"upload without partial file: {upload_id}"]}
    assert f"made empty, the partial file of an upload: {upload_id}" in doctor(school, "--fix").output
    partials.create("left")
    assert ills(doctor(school)) == {}, "a young one is on its way"
    moment = (now() - timedelta(days=2)).timestamp()
    for name in (upload_id, "left"):
        os.utime(partials.root / name, (moment, moment))
    assert ills(doctor(school)) == {"unfinished uploads": ["partial file without upload: left"]}
    assert "deleted, a partial file without upload: left" in doctor(school, "--fix").output
    assert ills(doctor(school)) == {}
    assert partials.size(upload_id) == 0
