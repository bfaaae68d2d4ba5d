from __future__ import annotations

from dataclasses import replace

import pytest
from werkzeug.routing import BuildError

from lms.links import absolute_url
from tests.support.school import School


def test_an_address_is_that_of_the_page_under_the_name_of_the_instance(school: School) -> None:
    settings = replace(school.settings, base_url="https://cours.example.be")
    with school.app.app_context():
        assert absolute_url(settings, "bookings.door", id="k3f9") == "https://cours.example.be/s/k3f9"
        assert absolute_url(settings, "bookings.new") == "https://cours.example.be/bookings/new"
        assert absolute_url(settings, "auth.link", token="a ç") == "https://cours.example.be/card/a%20%C3%A7"


def test_the_host_of_a_request_is_never_trusted_for_an_address(school: School) -> None:
    with school.app.test_request_context("/", base_url="https://evil.test"):
        assert absolute_url(school.settings, "bookings.new") == f"{school.settings.base_url}/bookings/new"


def test_a_page_that_does_not_exist_has_no_address(school: School) -> None:
    with school.app.app_context():
        with pytest.raises(BuildError):
            absolute_url(school.settings, "bookings.nothing")
        with pytest.raises(BuildError):
            absolute_url(school.settings, "bookings.door")
