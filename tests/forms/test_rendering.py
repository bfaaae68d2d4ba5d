"""The HTML of fields is that of WTForms, attribute by attribute."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Field, Form
from wtforms.meta import DefaultMeta

from lms.forms.booking import SpecialForm
from lms.forms.rendering import render_quickly
from tests.support.school import School

ODD = """<b>"Salle" & 'co'</b>"""


@pytest.mark.parametrize("name", ["whose", "first", "last", "start", "reason", "room"])
@pytest.mark.parametrize(
    "attributes",
    [{}, {"class": "input", "aria-invalid": "true", "list": ODD, "disabled": True}],
)
def test_a_field_is_written_as_wtforms_writes_it(
    school: School, name: str, attributes: dict[str, Any]
) -> None:
    typed = MultiDict({"whose": "luc", "first": "2026-12-01", "start": "09:15", "reason": ODD, "room": ODD})
    with school.app.test_request_context("/", method="POST", data=typed):
        field: Field = SpecialForm().for_one_of({"nadia": "Nadia <3", "luc": ODD}, "luc")[name]
        quick = render_quickly(field, attributes)
        slow = DefaultMeta.render_field(Form.Meta(), field, attributes)
    assert quick is not None
    assert quick.replace("&#34;", "&quot;") == slow.replace("&#34;", "&quot;")
