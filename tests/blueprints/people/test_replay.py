"""A form whose answer shows a secret: once."""

from __future__ import annotations

from flask_login import login_user

from lms.blueprints.people.replay import first_time
from lms.forms.people import PressForm
from lms.models import Person
from tests import make
from tests.house import House


def test_the_verb_runs_for_the_first_sending_only(house: House) -> None:
    nadia = house.write(lambda s: make.nadia(s).id)
    runs = []
    with house.app.test_request_context("/", method="POST", data={"request_id": "same-key-12345"}):
        form = PressForm()

        def verb(session) -> str:
            runs.append(1)
            return "shown once"

        login_user(house.app.extensions["sqlalchemy"].session.get(Person, nadia))
        assert first_time(form, verb, "/people") == "shown once"
        assert first_time(form, verb, "/people") is None
    assert runs == [1]
