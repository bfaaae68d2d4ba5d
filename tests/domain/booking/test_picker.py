from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.orm import Session

from lms.domain.booking import picker
from lms.domain.booking.availability_search import SearchTerms
from lms.models import Booking, Organisation, Person
from tests import factories
from tests.domain.booking.test_availability_search import TUESDAY, hours, told
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import School


def test_pages_of_two_weeks_reach_to_the_horizon_and_no_further(school: School) -> None:
    school.write(lambda s: factories.all_week(s, factories.nadia(s)))
    seen: list[date] = []
    wanted: date | None = None
    for _page in range(10):

        def ask(session: Session, wanted: date | None = wanted) -> picker.PickerPage:
            service = session.get_one(Organisation, 1)
            return picker.load_picker_page(
                session, service, SearchTerms(factories.samira(session).id, BRUSSELS), wanted, now=NOW
            )

        page = school.write(ask)
        seen += [hour.starts.astimezone(BRUSSELS).date() for hour in page.hours]
        wanted = page.later
        if wanted is None:
            break
    assert seen == sorted(seen)
    assert seen[0] == TUESDAY
    assert seen[-1] <= NOW.date() + timedelta(days=60)
    assert seen[-1] >= NOW.date() + timedelta(days=55)


def test_the_nearest_hours_come_first(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "09:00", "13:00"))
    found = picker.nearest_slots(hours(school), wall("2026-11-24", "11:00"))
    assert [line[0] for line in told(found)] == ["11:00", "10:00", "12:00", "09:00"]


def opened(
    school: School, wanted: date | None = None, moving: Booking | None = None, teacher_id: str | None = None
) -> picker.PickerPage:
    def ask(session: Session) -> picker.PickerPage:
        terms = SearchTerms(factories.samira(session).id, BRUSSELS, moving=moving)
        return picker.load_picker_page(
            session, session.get_one(Organisation, 1), terms, wanted, teacher_id=teacher_id, now=NOW
        )

    return school.write(ask)


def days(page: picker.PickerPage) -> set[date]:
    return {hour.starts.astimezone(BRUSSELS).date() for hour in page.hours}


def test_a_week_in_which_she_has_her_two_appointments_is_not_offered(school: School) -> None:
    school.write(lambda s: factories.all_week(s, factories.nadia(s)))

    def book_two(session: Session) -> Booking:
        first = factories.booked(
            session, factories.samira(session), factories.nadia(session), wall("2026-11-24", "09:00")
        )
        factories.booked(
            session, factories.samira(session), factories.nadia(session), wall("2026-11-25", "09:00")
        )
        return first

    made = school.write(book_two)
    assert min(days(opened(school))) == date(2026, 11, 30)
    # Moving one of the two, its own week is open again.
    assert min(days(opened(school, moving=made))) == TUESDAY


def test_with_all_her_appointments_taken_the_picker_says_so(school: School) -> None:
    school.write(lambda s: factories.all_week(s, factories.nadia(s)))

    def book_four(session: Session) -> None:
        for day in ("2026-11-24", "2026-11-25", "2026-12-01", "2026-12-02"):
            factories.booked(session, factories.samira(session), factories.nadia(session), wall(day, "09:00"))

    school.write(book_four)
    page = opened(school)
    assert (page.full, page.hours) == (True, [])


def six_teachers(session: Session, *free: int) -> list[Person]:
    """Six teachers by name; those with these numbers have hours on Tuesday, the others in three weeks."""
    made = []
    for number, name in enumerate(("Anne", "Bilal", "Chloé", "David", "Elsa", "Farah")):
        teacher = factories.person(session, f"{name} Martin", "teacher")
        begins = TUESDAY if number in free else TUESDAY + timedelta(days=21)
        factories.rule(session, teacher, 1, "09:00", "10:00", valid_from=begins)
        made.append(teacher)
    return made


def names(page: picker.PickerPage) -> tuple[list[str], list[str]]:
    shown = dict.fromkeys(hour.teacher for hour in page.hours)
    return list(shown), [teacher.name for teacher in page.others]


def test_of_many_teachers_four_are_shown_and_the_others_can_be_chosen(school: School) -> None:
    people = school.write(lambda s: [teacher.id for teacher in six_teachers(s, *range(6))])
    assert names(opened(school)) == (["Anne", "Bilal", "Chloé", "David"], ["Elsa", "Farah"])
    chosen = names(opened(school, teacher_id=people[5]))
    assert chosen == (["Farah"], ["Anne", "Bilal", "Chloé", "David", "Elsa"])
    assert names(opened(school, teacher_id="nobody"))[0] == ["Anne", "Bilal", "Chloé", "David"]


def test_whom_the_learner_met_comes_first(school: School) -> None:
    def meet(session: Session) -> None:
        farah = six_teachers(session, *range(6))[5]
        factories.all_week(session, farah)
        factories.booked(session, factories.samira(session), farah, wall("2026-11-26", "09:00"))

    school.write(meet)
    assert sorted(names(opened(school))[0]) == ["Anne", "Bilal", "Chloé", "Farah"]


def test_where_the_four_have_no_hour_those_who_have_one_are_shown(school: School) -> None:
    school.write(lambda s: six_teachers(s, 4))
    page = opened(school)
    assert (names(page)[0], page.first) == (["Elsa"], NOW.date())


def test_where_nobody_has_an_hour_soon_the_first_weeks_with_one_are_shown(school: School) -> None:
    school.write(six_teachers)
    page = opened(school)
    assert names(page) == (["Anne", "Bilal", "Chloé", "David"], ["Elsa", "Farah"])
    assert page.first == TUESDAY + timedelta(days=21)


def test_who_gives_no_hours_takes_no_place(school: School) -> None:
    def more(session: Session) -> None:
        six_teachers(session, *range(6))
        factories.person(session, "Aaron Petit", "teacher")

    school.write(more)
    assert "Aaron" not in [*names(opened(school))[0], *names(opened(school))[1]]
