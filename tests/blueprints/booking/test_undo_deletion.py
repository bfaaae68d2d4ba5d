"""Deleted hours: one button writes them again, for ten minutes, without script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from lms import clock
from lms.domain.booking.deleted_hours import UNDO_LASTS
from lms.models import Availability, SpecialDay
from tests import factories
from tests.support.appointments import MONDAY, at, booked, token, visitor
from tests.support.narrow import present
from tests.support.pages import Page
from tests.support.school import School

UNDO = "/agenda/deletion/undo"


def rule(school: School) -> str:
    return school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:00").id)


def day_off(school: School) -> str:
    return school.write(
        lambda s: factories.closed(s, factories.nadia(s), str(MONDAY), str(MONDAY), factories.nadia(s)).id
    )


def ids(school: School) -> list[str]:
    return school.read(lambda s: [*s.scalars(select(Availability.id)), *s.scalars(select(SpecialDay.id))])


def has_button(page: Page) -> bool:
    return "Annuler la suppression" in page.text


@pytest.mark.parametrize(
    ("add", "address", "named"),
    [
        (rule, "/agenda/availability", "lundi , 9 h 00 – 12 h 00"),
        (day_off, "/agenda/exceptions", "lundi"),
    ],
)
def test_one_button_writes_the_hours_again(
    school: School, add: Callable[[School], str], address: str, named: str
) -> None:
    made = add(school)
    browser = visitor(school, factories.nadia)
    page = browser.submit(browser.get(address), action=f"/{made}/deletion")
    assert ids(school) == []
    told = page.text.replace("\u00a0", " ").partition("Supprimé : ")[2]
    assert told.startswith(named)
    # It stays on the page after a look elsewhere.
    assert has_button(browser.get(address))
    done = browser.submit(page, action=UNDO)
    assert ids(school) == [made]
    assert "C’est de nouveau là." in done.text
    assert not has_button(done)
    # The old page, sent again.
    assert "C’est de nouveau là." in browser.submit(page, action=UNDO).text
    assert ids(school) == [made]


def test_a_rule_that_ends_before_it_begins_is_deleted_and_can_come_back(school: School) -> None:
    made = school.write(
        lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:00", valid_from=MONDAY).id
    )
    browser = visitor(school, factories.nadia)
    last = str(MONDAY - timedelta(days=1))
    page = browser.submit(browser.get("/agenda/availability"), {"last": last}, action=f"/{made}/end")
    assert ids(school) == []
    browser.submit(page, action=UNDO)
    assert ids(school) == [made]


def test_the_button_is_also_on_the_page_of_the_appointments_that_no_longer_fit(school: School) -> None:
    made = rule(school)
    booked(school, at("10:00"))
    browser = visitor(school, factories.nadia)
    browser.submit(browser.get("/agenda/availability"), action=f"/{made}/deletion")
    page = browser.get("/agenda/conflicts")
    assert "décider" not in browser.submit(page, action=UNDO).text


def test_nobody_else_at_the_same_browser_sees_the_button_or_uses_it(school: School) -> None:
    made = rule(school)
    browser = visitor(school, factories.nadia)
    page = browser.submit(browser.get("/agenda/availability"), action=f"/{made}/deletion")
    luc = visitor(school, factories.luc)
    cookie = school.app.config["SESSION_COOKIE_NAME"]
    luc.client.set_cookie(cookie, present(browser.client.get_cookie(cookie)).value)
    assert not has_button(luc.get("/agenda/availability"))
    own = {"csrf_token": token(luc.get("/agenda/availability"))}
    assert luc.submit(page, own, action=UNDO).status == 404
    assert ids(school) == []


def test_after_ten_minutes_the_button_is_gone_and_an_old_page_says_what_to_do(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = rule(school)
    browser = visitor(school, factories.nadia)
    page = browser.submit(browser.get("/agenda/availability"), action=f"/{made}/deletion")
    later = clock.now() + UNDO_LASTS
    monkeypatch.setattr("lms.blueprints.booking.undo_deletion.now", lambda: later)
    assert not has_button(browser.get("/agenda/availability"))
    monkeypatch.setattr("lms.blueprints.booking.availability.now", lambda: later)
    assert "trop tard" in browser.submit(page, action=UNDO).text
    assert ids(school) == []


@pytest.mark.parametrize("sent", ["", "x", "{}", "W10.aaaa"])
def test_what_we_did_not_sign_is_nothing(school: School, sent: str) -> None:
    made = rule(school)
    browser = visitor(school, factories.nadia)
    page = browser.submit(browser.get("/agenda/availability"), action=f"/{made}/deletion")
    assert "trop tard" in browser.submit(page, {"deleted": sent}, action=UNDO).text
    assert ids(school) == []
