"""DELF points: a scale of four numbers a criterion, one a band. Only staff who want them see them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.models import AuditAction, Criterion, Level, Person

Scale = Sequence[float]
_BANDS, _HIGHEST = 4, 100


@dataclass(frozen=True)
class Points:
    """The points of some bands, and the most that the criteria with a scale give."""

    points: float
    most: float


def parse_scale(text: str) -> list[float] | None:
    """Return the four points of a typed scale such as "0 / 0,5 / 2 / 3"; None for an empty one.

    Raises ValueError unless they are four rising numbers, from 0 to 100, in halves.
    """
    if not text.strip():
        return None
    scale = [float(part.strip().replace(",", ".")) for part in text.split("/")]
    if len(scale) != _BANDS or not all(math.isfinite(each) for each in scale):
        raise ValueError("not four numbers")
    if sorted(scale) != scale or scale[0] < 0 or scale[-1] > _HIGHEST or any(each * 2 % 1 for each in scale):
        raise ValueError("the numbers do not rise from 0 in halves")
    return scale


def write_scale(scale: Scale | None) -> str:
    """Return a scale as it is typed: "0 / 0,5 / 2 / 3"; empty without one."""
    return " / ".join(f"{each:g}".replace(".", ",") for each in scale or ())


def list_criteria(session: Session, level_id: str) -> Sequence[Criterion]:
    """Return the criteria of a level in their order."""
    return session.scalars(
        select(Criterion).where(Criterion.level_id == level_id).order_by(Criterion.position)
    ).all()


def set_scales(
    session: Session, actor: Person, level: Level, scales: Mapping[str, Scale | None], *, now: datetime
) -> None:
    """Store the scales by id of their criterion; what was returned before keeps its points."""
    is_changed = False
    for criterion in list_criteria(session, level.id):
        scale = scales.get(criterion.id)
        if criterion.points != (None if scale is None else list(scale)):
            criterion.points, is_changed = None if scale is None else list(scale), True
    session.flush()
    if is_changed:
        audit_log.record(
            session, actor, AuditAction.LEVEL_RENAMED, "level", level.id, detail="points", now=now
        )


def count_points(rows: Sequence[tuple[Scale | None, int | None]]) -> Points | None:
    """Return the points of chosen bands; None where no criterion has a scale.

    `rows`: the scale of each criterion, and its band, None for none.
    """
    scales = [(scale, band) for scale, band in rows if scale]
    if not scales:
        return None
    points = sum(scale[band] for scale, band in scales if band is not None)
    return Points(points, sum(scale[-1] for scale, _band in scales))
