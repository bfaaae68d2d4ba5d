"""Entries: how long they last, and that an end is an end."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, select

from lms.domain.errors import Absent
from lms.domain.people import logins
from lms.models import LoginSession
from lms.models.people import LoginKind
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.school import School


def opened(school: School, kind: LoginKind) -> str:
    return school.write(lambda s: logins.open_login(s, factories.samira(s), kind, now=NOW))


def active(school: School, token: str) -> LoginSession:
    return present(school.read(lambda s: logins.find_active(s, token, now=NOW)))


def test_the_token_is_kept_by_the_cookie_alone(school: School) -> None:
    token = school.write(lambda s: factories.entered(s, factories.samira(s)))
    stored = school.read(lambda s: s.scalars(select(LoginSession.token_hash)).one())
    assert len(token) >= 43  # 32 bytes are 256 bits
    assert stored == logins.digest(token) != token


@pytest.mark.parametrize(
    ("kind", "lasts"),
    [("own", timedelta(days=180)), ("shared", timedelta(minutes=30)), ("staff", timedelta(hours=12))],
)
def test_an_entry_lasts_as_long_as_its_kind(school: School, kind: LoginKind, lasts: timedelta) -> None:
    token = opened(school, kind)
    assert school.read(lambda s: logins.find_active(s, token, now=NOW + lasts - timedelta(seconds=1)))
    assert school.read(lambda s: logins.find_active(s, token, now=NOW + lasts)) is None


def test_a_shared_phone_in_use_stays_in_and_another_kind_is_not_prolonged(school: School) -> None:
    kinds = {LoginKind.SHARED: True, LoginKind.STAFF: False}
    for kind, alive in kinds.items():
        token = opened(school, kind)
        entry = active(school, token)
        later = entry.expires_at - timedelta(minutes=1)
        assert logins.needs_touch(entry, now=later)
        school.write(partial(logins.record_use, login_id=entry.id, now=later))
        after = entry.expires_at + timedelta(minutes=1)
        assert bool(school.read(partial(logins.find_active, token=token, now=after))) is alive


def test_a_page_is_not_worth_a_write_every_time(school: School) -> None:
    token = school.write(lambda s: factories.entered(s, factories.samira(s)))
    entry = active(school, token)
    assert not logins.needs_touch(entry, now=NOW + timedelta(minutes=59))
    assert logins.needs_touch(entry, now=NOW + timedelta(hours=1))


def test_an_entry_that_ended_is_not_touched_back_to_life(school: School) -> None:
    token = opened(school, LoginKind.SHARED)
    entry_id = active(school, token).id
    school.write(lambda s: logins.log_out(s, token, now=NOW))
    school.write(lambda s: logins.record_use(s, entry_id, now=NOW))
    assert school.read(lambda s: logins.find_active(s, token, now=NOW)) is None


def test_nobody_ends_the_entry_of_another(school: School) -> None:
    token = school.write(lambda s: factories.entered(s, factories.samira(s)))
    entry_id = active(school, token).id
    with pytest.raises(Absent):
        school.write(lambda s: logins.end_login(s, factories.oksana(s), entry_id, now=NOW))
    school.write(lambda s: logins.end_login(s, factories.samira(s), entry_id, now=NOW))
    assert school.read(lambda s: logins.find_active(s, token, now=NOW)) is None


def test_all_end_but_the_one_in_hand_and_the_list_shows_it(school: School) -> None:
    tokens = [school.write(lambda s: factories.entered(s, factories.samira(s))) for _ in range(3)]
    here = active(school, tokens[0]).id
    school.write(lambda s: logins.end_all_logins(s, factories.samira(s).id, but=here, now=NOW))
    assert [
        entry.id for entry in school.read(lambda s: logins.active_logins(s, factories.samira(s), now=NOW))
    ] == [here]


def test_what_ended_a_month_ago_is_forgotten(school: School) -> None:
    opened(school, LoginKind.SHARED)
    school.write(lambda s: logins.delete_old_logins(s, now=NOW + timedelta(days=29)))
    assert school.read(lambda s: s.scalar(select(func.count(LoginSession.id)))) == 1
    school.write(lambda s: logins.delete_old_logins(s, now=NOW + timedelta(days=31)))
    assert school.read(lambda s: s.scalar(select(func.count(LoginSession.id)))) == 0
