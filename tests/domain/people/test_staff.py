"""The team: invitations, passwords, roles, leaving."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.errors import Refused
from lms.domain.people import logins, staff
from lms.models import AuditEvent, OutboxItem, PasswordLink, Person, Role
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.school import School


def actions(school: School) -> list[str]:
    return sorted(school.read(lambda s: s.scalars(select(AuditEvent.action)).all()))


def invite(
    school: School, email: str = "Eva@Service.example.be", roles: tuple[str, ...] = ("teacher",)
) -> tuple[str, str]:
    token = staff.new_token()
    person_id = school.write(
        lambda s: (
            staff.invite_colleague(s, factories.claire(s), "Eva Martin", email, roles, token, now=NOW).id
        )
    )
    return person_id, token


def test_an_invitation_makes_a_person_without_a_password_and_posts_one_mail(school: School) -> None:
    person_id, token = invite(school)
    person = school.read(lambda s: s.get_one(Person, person_id))
    assert (person.login_email, person.password_hash) == ("eva@service.example.be", None)
    item = school.read(lambda s: s.scalars(select(OutboxItem)).one())
    assert (item.kind, item.person_id, item.secret) == ("password_link", person_id, token)
    assert school.read(lambda s: s.scalars(select(PasswordLink.token_hash)).one()) != token


@pytest.mark.parametrize(("roles", "code"), [((), "role_missing"), (("learner",), "role_missing")])
def test_a_colleague_has_a_role_of_the_team(school: School, roles: tuple[str, ...], code: str) -> None:
    with pytest.raises(Refused, match=code):
        invite(school, roles=roles)


def test_an_address_belongs_to_one_person_whatever_its_case(school: School) -> None:
    invite(school)
    with pytest.raises(Refused, match="email_taken"):
        invite(school, "EVA@service.example.be")


def test_a_link_is_spent_by_choosing_and_not_by_looking(school: School) -> None:
    person_id, token = invite(school)
    for _ in range(3):
        assert school.read(lambda s: staff.find_active_link(s, token, now=NOW))
    school.write(lambda s: staff.choose_password(s, token, "hash", now=NOW))
    assert school.read(lambda s: s.get_one(Person, person_id).password_hash) == "hash"
    assert school.read(lambda s: staff.find_active_link(s, token, now=NOW)) is None
    with pytest.raises(Refused, match="link_dead"):
        school.write(lambda s: staff.choose_password(s, token, "other", now=NOW))
    assert actions(school) == ["password_changed", "person_made"]


def test_a_reset_link_lives_an_hour_and_an_invitation_three_days(school: School) -> None:
    _, invitation = invite(school)
    token = staff.new_token()
    school.write(
        lambda s: staff.request_reset(s, present(factories.luc(s).login_email).upper(), token, now=NOW)
    )
    for link, lasts in ((token, timedelta(hours=1)), (invitation, timedelta(days=3))):
        before = NOW + lasts - timedelta(seconds=1)
        assert school.read(partial(staff.find_active_link, token=link, now=before))
        assert school.read(partial(staff.find_active_link, token=link, now=NOW + lasts)) is None


def send_to_luc(session: Session, token: str) -> None:
    staff.send_link(session, factories.luc(session), token, now=NOW)


def test_a_new_link_kills_the_earlier_one_and_its_mail(school: School) -> None:
    tokens = [staff.new_token(), staff.new_token()]
    for token in tokens:
        school.write(partial(send_to_luc, token=token))
    assert school.read(lambda s: staff.find_active_link(s, tokens[0], now=NOW)) is None
    assert school.read(lambda s: staff.find_active_link(s, tokens[1], now=NOW))
    open_items = select(OutboxItem).where(OutboxItem.closed_at.is_(None))
    assert [item.secret for item in school.read(lambda s: s.scalars(open_items).all())] == [tokens[1]]


def test_a_second_request_within_five_minutes_leaves_the_link_alone(school: School) -> None:
    """A mail that is slow to arrive must not bring a dead link."""
    first, second, third = (staff.new_token() for _ in range(3))

    def ask(token: str, minutes: int) -> None:
        moment = NOW + timedelta(minutes=minutes)
        address = school.write(lambda s: present(factories.luc(s).login_email))
        school.write(lambda s: staff.request_reset(s, address, token, now=moment))

    ask(first, 0)
    ask(second, 4)
    assert school.read(lambda s: staff.find_active_link(s, first, now=NOW))
    assert school.read(lambda s: staff.find_active_link(s, second, now=NOW)) is None
    ask(third, 5)
    assert school.read(lambda s: staff.find_active_link(s, first, now=NOW)) is None
    assert school.read(lambda s: staff.find_active_link(s, third, now=NOW))


@pytest.mark.parametrize("address", ["nobody@example.be", "samira@learners.example.be"])
def test_nothing_is_posted_to_an_address_that_cannot_log_in(school: School, address: str) -> None:
    school.write(factories.samira)
    school.write(lambda s: staff.request_reset(s, address, staff.new_token(), now=NOW))
    assert school.read(lambda s: s.scalars(select(OutboxItem)).all()) == []


def test_a_new_password_ends_every_entry(school: School) -> None:
    token = school.write(lambda s: factories.entered(s, factories.luc(s)))
    school.write(lambda s: staff.change_password(s, factories.luc(s), "hash", now=NOW))
    assert school.read(lambda s: logins.find_active(s, token, now=NOW)) is None


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("court", "password_short"),
        ("azertyuiop", "password_common"),
        ("Charleroi2024!", "password_common"),
        ("BONJOUR123", "password_common"),
        ("aaaaaaaaaaaa", "password_common"),
        ("Lambert1975", "password_common"),
    ],
)
def test_an_easy_password_is_refused(password: str, code: str) -> None:
    with pytest.raises(Refused, match=code):
        staff.check_password(password, "Luc Lambert", "luc@service.example.be")


@pytest.mark.parametrize("password", ["trois-vélos-verts", "كلمة سر طويلة جدا", "Xk9#mqP2"])
def test_a_good_password_of_any_script_is_taken(password: str) -> None:
    staff.check_password(password, "Luc Lambert", "luc@service.example.be")


def test_entering_looks_again_under_the_lock(school: School) -> None:
    def enter(stored: str) -> str | None:
        return school.write(
            lambda s: staff.log_in_staff(s, factories.luc(s).id, stored, device="", old_token=None, now=NOW)
        )

    school.write(lambda s: staff.change_password(s, factories.luc(s), "hash", now=NOW))
    assert enter("hash")
    assert enter("an older hash") is None
    school.write(lambda s: staff.deactivate(s, factories.claire(s), factories.luc(s), now=NOW))
    assert enter("hash") is None


def test_other_roles_end_her_entries(school: School) -> None:
    token = school.write(lambda s: factories.entered(s, factories.luc(s)))

    def change(roles: set[str]) -> bool:
        return school.write(
            lambda s: staff.update_colleague(
                s,
                factories.claire(s),
                factories.luc(s),
                "Luc Lambert",
                "luc@service.example.be",
                roles,
                now=NOW,
            )
        )

    assert change({"teacher"}) is False
    assert school.read(lambda s: logins.find_active(s, token, now=NOW))
    assert change({"teacher", "coordinator"}) is True
    assert school.read(lambda s: logins.find_active(s, token, now=NOW)) is None
    assert school.read(lambda s: factories.luc(s).roles) == {Role.TEACHER, Role.COORDINATOR}
    assert actions(school) == ["roles_changed"]


def test_the_last_coordinator_stays(school: School) -> None:
    def lose_it(session: Session) -> None:
        claire = factories.claire(session)
        email = present(claire.login_email)
        staff.update_colleague(session, claire, claire, claire.name, email, {"teacher"}, now=NOW)

    with pytest.raises(Refused, match="last_coordinator"):
        school.write(lose_it)
    with pytest.raises(Refused, match="last_coordinator"):
        school.write(lambda s: staff.deactivate(s, factories.luc(s), factories.claire(s), now=NOW))
    school.write(lambda s: factories.person(s, "Rita", "coordinator", login_email="rita@service.example.be"))
    school.write(lose_it)
    assert school.read(lambda s: factories.claire(s).roles) == {Role.TEACHER}


def test_nobody_deactivates_herself(school: School) -> None:
    with pytest.raises(Refused, match="not_yourself"):
        school.write(lambda s: staff.deactivate(s, factories.claire(s), factories.claire(s), now=NOW))


def test_who_left_is_out_everywhere_and_her_link_is_dead(school: School) -> None:
    person_id, link = invite(school)
    token = school.write(lambda s: factories.entered(s, s.get_one(Person, person_id)))
    school.write(lambda s: staff.deactivate(s, factories.claire(s), s.get_one(Person, person_id), now=NOW))
    assert school.read(lambda s: logins.find_active(s, token, now=NOW)) is None
    assert school.read(lambda s: staff.find_active_link(s, link, now=NOW)) is None
    assert school.read(lambda s: staff.staff_by_email(s, "eva@service.example.be")) is None
    with pytest.raises(Refused, match="person_deactivated"):
        school.write(lambda s: staff.send_link(s, s.get_one(Person, person_id), "x", now=NOW))
    school.write(lambda s: staff.reactivate(s, factories.claire(s), s.get_one(Person, person_id), now=NOW))
    assert school.read(lambda s: present(staff.staff_by_email(s, "eva@service.example.be")).id) == person_id
    assert actions(school) == ["person_deactivated", "person_made", "person_reactivated"]


def test_leaving_twice_is_one_line(school: School) -> None:
    for _ in range(2):
        school.write(lambda s: staff.deactivate(s, factories.nadia(s), factories.samira(s), now=NOW))
    for _ in range(2):
        school.write(lambda s: staff.reactivate(s, factories.nadia(s), factories.samira(s), now=NOW))
    assert actions(school) == ["person_deactivated", "person_reactivated"]
