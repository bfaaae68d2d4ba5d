"""Entries: how long they last, and that an end is an end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from lms.domain.errors import Absent
from lms.domain.people import logins
from lms.models import AccessSession
from tests import factories
from tests.factories import NOW
from tests.support.school import House


def test_the_token_is_kept_by_the_cookie_alone(house: House) -> None:
    token = house.write(lambda s: factories.entered(s, factories.samira(s)))
    stored = house.read(lambda s: s.scalars(select(AccessSession.token_hash)).one())
    assert len(token) >= 43  # 32 bytes are 256 bits
    assert stored == logins.digest(token) != token


@pytest.mark.parametrize(
    ("kind", "lasts"),
    [("own", timedelta(days=180)), ("shared", timedelta(minutes=30)), ("staff", timedelta(hours=12))],
)
def test_an_entry_lasts_as_long_as_its_kind(house: House, kind, lasts: timedelta) -> None:
    token = house.write(lambda s: logins.open_session(s, factories.samira(s), kind, now=NOW))
    assert house.read(lambda s: logins.living(s, token, NOW + lasts - timedelta(seconds=1)))
    assert house.read(lambda s: logins.living(s, token, NOW + lasts)) is None


def test_a_shared_phone_in_use_stays_in_and_another_kind_is_not_prolonged(house: House) -> None:
    for kind, alive in (("shared", True), ("staff", False)):
        token = house.write(lambda s, kind=kind: logins.open_session(s, factories.samira(s), kind, now=NOW))
        entry = house.read(lambda s, token=token: logins.living(s, token, NOW))
        later = entry.expires_at - timedelta(minutes=1)
        assert logins.wants_touch(entry, later)
        house.write(lambda s, found=entry.id, at=later: logins.touch(s, found, at))
        after = entry.expires_at + timedelta(minutes=1)
        assert bool(house.read(lambda s, token=token, at=after: logins.living(s, token, at))) is alive


def test_a_page_is_not_worth_a_write_every_time(house: House) -> None:
    token = house.write(lambda s: factories.entered(s, factories.samira(s)))
    entry = house.read(lambda s: logins.living(s, token, NOW))
    assert not logins.wants_touch(entry, NOW + timedelta(minutes=59))
    assert logins.wants_touch(entry, NOW + timedelta(hours=1))


def test_an_entry_that_ended_is_not_touched_back_to_life(house: House) -> None:
    token = house.write(lambda s: logins.open_session(s, factories.samira(s), "shared", now=NOW))
    entry_id = house.read(lambda s: logins.living(s, token, NOW).id)
    house.write(lambda s: logins.end_token(s, token, NOW))
    house.write(lambda s: logins.touch(s, entry_id, NOW))
    assert house.read(lambda s: logins.living(s, token, NOW)) is None


def test_nobody_ends_the_entry_of_another(house: House) -> None:
    token = house.write(lambda s: factories.entered(s, factories.samira(s)))
    entry_id = house.read(lambda s: logins.living(s, token, NOW).id)
    with pytest.raises(Absent):
        house.write(lambda s: logins.end(s, factories.oksana(s), entry_id, NOW))
    house.write(lambda s: logins.end(s, factories.samira(s), entry_id, NOW))
    assert house.read(lambda s: logins.living(s, token, NOW)) is None


def test_all_end_but_the_one_in_hand_and_the_list_shows_it(house: House) -> None:
    tokens = [house.write(lambda s: factories.entered(s, factories.samira(s))) for _ in range(3)]
    here = house.read(lambda s: logins.living(s, tokens[0], NOW).id)
    house.write(lambda s: logins.end_all(s, factories.samira(s).id, NOW, but=here))
    assert [entry.id for entry in house.read(lambda s: logins.of(s, factories.samira(s), NOW))] == [here]


def test_what_ended_a_month_ago_is_forgotten(house: House) -> None:
    house.write(lambda s: logins.open_session(s, factories.samira(s), "shared", now=NOW))
    house.write(lambda s: logins.forget_old(s, NOW + timedelta(days=29)))
    assert house.read(lambda s: s.scalar(select(func.count(AccessSession.id)))) == 1
    house.write(lambda s: logins.forget_old(s, NOW + timedelta(days=31)))
    assert house.read(lambda s: s.scalar(select(func.count(AccessSession.id)))) == 0
