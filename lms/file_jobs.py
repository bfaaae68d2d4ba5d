"""Background job: check and clean received files, copy voices, in threads of their own (ADR 26).

Each thread waits for a child process (`lms/adapters/sandbox.py`). There is one thread more than children; it
writes files while the children of the others work. Neither a page nor a message ever waits for them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from flask import Flask

from lms.adapters.media import decode
from lms.adapters.media.intake import may_copy_voices
from lms.adapters.media.types import RejectedFile
from lms.adapters.store import StoreFull, UnknownKey
from lms.adapters.uploads import delete_keys, fetch_received, prepare_file, store_played_copy
from lms.adapters.work_folder import work_folder
from lms.clock import now
from lms.current import received_store_of, settings_of, store_of
from lms.domain import stored_files
from lms.domain.homework import played_copies, preparation, voices
from lms.domain.homework.files import StoredFile
from lms.domain.homework.played_copies import DueCopy
from lms.domain.homework.preparation import ClaimedFile
from lms.extensions import db, write
from lms.refusal_codes import RefusalCode

log = logging.getLogger("lms.jobs")

# A file is received before its row is written, so a recent one may not have a row yet.
ORPHAN_AGE = timedelta(hours=1)
DIGESTS_A_NIGHT = 5000


def record_digests(app: Flask, limit: int | None = None) -> int:
    """Read the files whose SHA-256 no row says, because they are older than the column; return how many.

    One of another size than its row says is damaged already: `flask doctor` names it.
    """
    store = store_of(app)
    with app.app_context():
        named = stored_files.list_named_files(db.session())
        db.session().rollback()
        unread = [file for file in named if file.sha256 is None][:limit]
        for batch in (unread[at : at + 100] for at in range(0, len(unread), 100)):
            digests = {}
            for file in batch:
                with suppress(UnknownKey):
                    if store.size(file.key) == (file.size or store.size(file.key)) > 0:
                        digests[file.key] = store.digest(file.key)
            write(partial(stored_files.record_digests, digests=digests))
    return len(unread)


class FileJobs:
    """The work on the received files of an instance.

    `call_worker`: put a task into the queue that calls `wake` in the process of a worker.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.call_worker: Callable[[], object] | None = None
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._copying = threading.Lock()

    def start(self) -> None:
        """Start the threads; they begin with what waits."""
        self._stop.clear()
        for number in range(decode.CHILDREN + 1):
            thread = threading.Thread(target=self._work, name=f"files-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Stop the threads after the file that each has in hand; call `meanwhile` before waiting for them.

        What is not finished after ten seconds is done again later.
        """
        self._stop.set()
        self._wake.set()
        meanwhile()
        for thread in self._threads:
            thread.join(10)
        self._threads = []

    def wake(self) -> None:
        """Let the threads of this process look for received files."""
        self._wake.set()

    def announce(self) -> None:
        """Tell a worker of new received files. If this fails, the periodic job finds them within a minute."""
        if self._threads:
            self.wake()
        elif self.call_worker is not None:
            try:
                self.call_worker()
            except Exception:
                log.exception("the queue did not take the received files; the periodic job will")

    def prepare_due(self) -> int:
        """Prepare every file that is due in this process, instead of waiting for a worker."""
        count = 0
        while self._prepare_next():
            count += 1
        return count

    def copy_due(self) -> int:
        """Make every copy that is due in this process, instead of waiting for a worker."""
        count = 0
        while self._copy_next():
            count += 1
        return count

    def delete_unused_voices(self) -> None:
        """Delete what teachers said in a return that was taken back, and then removed."""
        with self.app.app_context():
            delete_keys(store_of(self.app), write(voices.delete_unused_voices))

    def delete_orphans(self) -> int:
        """Delete the received files of no row: a process was killed before it had one, or after its end.

        They are photos as they were sent, with the place where they were taken. Returns how many.
        """
        received, old = received_store_of(self.app), now() - ORPHAN_AGE
        keys = [key for key, changed_at in dict(received.keys()).items() if changed_at < old]
        with self.app.app_context():
            known = preparation.list_waiting(db.session()) if keys else {}
            db.session().rollback()
        orphans = [key for key in keys if key not in known]
        delete_keys(received, orphans)
        return len(orphans)

    def _work(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()  # before looking: what comes meanwhile sets it again
            try:
                while not self._stop.is_set() and (self._prepare_next() or self._copy_next()):
                    pass
            except Exception:
                log.exception("the received files could not be looked at; the periodic job tries again")
            if not self._stop.is_set():
                self._wake.wait()

    def _prepare_next(self) -> bool:
        """Claim the oldest file that is due and prepare it; return whether there was one."""
        claimed = self._claim_next()
        if claimed is not None:
            self._prepare(claimed)
        return claimed is not None

    def _copy_next(self) -> bool:
        """Make one copy of a voice that plays everywhere; return whether there may be another one to make.

        Received files come first, and one copy is made at a time: voices play, or can be opened, without it.
        """
        if not may_copy_voices() or not self._copying.acquire(blocking=False):
            return False
        try:
            with self.app.app_context():
                due = played_copies.next_due(db.session())
                db.session().rollback()
                return due is not None and self._copy(due)
        finally:
            self._copying.release()

    def _copy(self, due: DueCopy) -> bool:
        """Make a copy with no transaction open and record it; return False to try again in a minute."""
        made = None
        try:
            with work_folder(settings_of(self.app).temp) as folder:
                made = store_played_copy(store_of(self.app), due.store_key, folder)
        except RejectedFile as refusal:
            if refusal.code == RefusalCode.FILE_BUSY:
                return False
        except (StoreFull, OSError):
            log.exception("the copy of the voice %s waits: the disk", due.id)
            return False
        except UnknownKey:
            log.warning("the voice %s is not in the store", due.id)
        if not write(partial(played_copies.record_copy, due=due, made=made)) and made is not None:
            delete_keys(store_of(self.app), [made.store_key])
        return True

    def _claim_next(self) -> ClaimedFile | None:
        with self.app.app_context():
            due = preparation.due_files(db.session(), now=now())
            db.session().rollback()
            for attachment_id in due:
                claimed = write(partial(preparation.claim_file, attachment_id=attachment_id, now=now()))
                if claimed is not None:
                    return claimed
        return None

    def _prepare(self, claimed: ClaimedFile) -> None:
        """Prepare one file with no transaction open, then write its rows and delete the sent bytes."""
        with self.app.app_context():
            try:
                self._end(claimed)
            except Exception:  # the claim ends by itself, and another one tries again
                log.exception("the received file %s could not be prepared", claimed.attachment_id)

    def _end(self, claimed: ClaimedFile) -> None:
        found = self._read(claimed)
        if found is None:
            write(partial(preparation.postpone_file, claimed=claimed, now=now()))
            return
        if isinstance(found, RejectedFile):
            write(
                partial(preparation.refuse_file, claimed=claimed, code=found.code, kind=found.kind, now=now())
            )
        elif not write(partial(preparation.finish_file, claimed=claimed, new=found, now=now())):
            delete_keys(store_of(self.app), found.keys)
        delete_keys(received_store_of(self.app), [claimed.received_key])

    def _read(self, claimed: ClaimedFile) -> StoredFile | RejectedFile | None:
        """Return the cleaned file, the reason why there is none, or None to try again later."""
        if claimed.claims > preparation.MOST_CLAIMS:
            return RejectedFile(RefusalCode.FILE_TOO_HEAVY)
        with work_folder(settings_of(self.app).temp) as folder:
            source = folder / "sent"
            try:
                if not fetch_received(
                    received_store_of(self.app), claimed.received_key, claimed.sha256, source
                ):
                    return RejectedFile(RefusalCode.FILE_LOST)
                return prepare_file(store_of(self.app), source, claimed.shown_name, folder)
            except RejectedFile as refusal:
                return None if refusal.code == RefusalCode.FILE_BUSY else refusal
            except (StoreFull, OSError):
                log.exception("the received file %s waits: the disk", claimed.attachment_id)
                return None
