from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.domain.homework import files
from lms.domain.people import organisation
from lms.domain.stored_files import NamedFile, list_named_files, record_digests
from tests import factories
from tests.factories import NOW
from tests.factories.homework import ROOM
from tests.support.school import School


def test_every_row_with_a_stored_file_is_known_and_a_received_one_is_none(
    school: School, tmp_path: Path
) -> None:
    store = LocalStore(tmp_path / "store")

    def story(session: Session) -> None:
        work = factories.assignment(session)
        draft = factories.drafted(session, factories.samira(session), work)
        new = factories.stored(store)
        (made,) = new.renditions
        files.add_file(session, draft, work, new, now=NOW)
        files.receive_file(session, draft, factories.received(b"other"), room=ROOM, now=NOW)
        organisation.set_door_photo(session, factories.claire(session), "door.jpg", now=NOW)
        expected = {
            NamedFile(new.store_key, new.size, new.sha256),
            NamedFile(made.store_key, made.size, made.sha256),
            NamedFile("door.jpg", None, None),
        }
        assert set(list_named_files(session)) == expected
        record_digests(session, {"door.jpg": "1" * 64, made.store_key: "2" * 64})
        recorded = {file.key: file.sha256 for file in list_named_files(session)}
        assert recorded["door.jpg"] == "1" * 64
        assert recorded[made.store_key] == made.sha256, "a known one stays"

    school.write(story)
