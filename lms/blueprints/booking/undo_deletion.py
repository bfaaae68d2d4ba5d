"""The button that takes the deletion of hours back: for ten minutes on the pages of the hours (ADR 31)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import session as browser
from itsdangerous import BadData, URLSafeSerializer

from lms.access import me
from lms.clock import now
from lms.current import settings
from lms.domain.booking.deleted_hours import DeletedHours
from lms.domain.booking.stored_hours import may_restore
from lms.domain.errors import Refused
from lms.forms.booking import UndoForm
from lms.models import Availability, SpecialDay
from lms.refusal_codes import RefusalCode

_KEPT = "deleted_hours"


@dataclass(frozen=True)
class UndoOffer:
    """The deleted row, and the form that writes it again."""

    row: Availability | SpecialDay
    form: UndoForm

    @property
    def is_rule(self) -> bool:
        return isinstance(self.row, Availability)


def keep_deleted(deleted: DeletedHours) -> None:
    """Keep what was just deleted in the signed cookie of the browser, in place of an earlier deletion."""
    browser[_KEPT] = _signer().dumps(
        {"table": deleted.table, "values": dict(deleted.values), "until": deleted.until.timestamp()}
    )


def forget_deleted(signed: str) -> None:
    """Take the button away from the pages, if it is that of this deletion."""
    if browser.get(_KEPT) == signed:
        del browser[_KEPT]


def read_deleted(signed: str) -> DeletedHours:
    """Return what a form says was deleted.

    Refusals: `deletion_final`, when we did not write it.
    """
    try:
        found: Mapping[str, Any] = _signer().loads(signed)
    except BadData:
        raise Refused(RefusalCode.DELETION_FINAL) from None
    return DeletedHours(found["table"], found["values"], datetime.fromtimestamp(found["until"], UTC))


def undo_offer() -> UndoOffer | None:
    """Return the last deletion in this browser while this person may take it back, else None."""
    signed = browser.get(_KEPT)
    if signed is None:
        return None
    deleted = read_deleted(signed)
    row = deleted.row()
    if deleted.until <= now() or not may_restore(me(), row):
        return None
    return UndoOffer(row, UndoForm(formdata=None, deleted=signed))


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt="deleted-hours")
