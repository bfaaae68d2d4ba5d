"""The special days that are not over, for the page on which they are written."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Date, String, bindparam, or_, select
from sqlalchemy.orm import Session, joinedload

from lms.domain.paging import Cut, cut_page
from lms.models import Person, SpecialDay

# Built once. The ids of all that are not over, and what a page shows of those on it.
_COMING = (
    select(SpecialDay.id)
    .outerjoin(Person, Person.id == SpecialDay.teacher_id)
    .where(SpecialDay.date_until >= bindparam("today", type_=Date), Person.deactivated_at.is_(None))
    .order_by(
        SpecialDay.date_from,
        SpecialDay.start_wall.nulls_first(),
        Person.name_key.nulls_first(),
        SpecialDay.id,
    )
)
_COMING_TO_TEACHER = _COMING.where(
    or_(SpecialDay.teacher_id.is_(None), SpecialDay.teacher_id == bindparam("me", type_=String))
)
_OF_PAGE = (
    select(SpecialDay, Person.name)
    .outerjoin(Person, Person.id == SpecialDay.teacher_id)
    .where(SpecialDay.id.in_(bindparam("ids", expanding=True)))
    .options(joinedload(SpecialDay.room))
)


def specials_page(
    session: Session, person: Person, after: str | None, today: date
) -> tuple[Cut, list[tuple[SpecialDay, str]]]:
    """Return a page of the special days that are not over, each with the name of its teacher or "".

    A coordinator sees those of everybody; a teacher the own ones and those of the whole organisation.
    """
    coming = _COMING if person.is_coordinator else _COMING_TO_TEACHER
    values: dict[str, object] = {"today": today, "me": person.id}
    cut = cut_page(session.scalars(coming, values).all(), after)
    found = {special.id: (special, name) for special, name in session.execute(_OF_PAGE, {"ids": cut.ids})}
    named = [found[each] for each in cut.ids]
    return cut, [(special, (name or "") if person.is_coordinator else "") for special, name in named]
