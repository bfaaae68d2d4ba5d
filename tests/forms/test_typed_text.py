"""The forms clean a text to what the rate limits count."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from lms.forms import tidy, tidy_email, tidy_name
from lms.normal_forms import email_key, name_key

ADDRESS = "luc@service.example.be"
# Characters that have ended up in addresses and codes, among all others.
ODD = "\x00\x01\t\n\x7f\x85\u00a0\u2028\u200b\u200e\ufeff\u00ad\u3164@.aÉ١"
TYPED = st.text(st.one_of(st.sampled_from(ODD), st.characters()))


@given(TYPED, TYPED)
@example("\x01", "\x00")
@example("\u3164", "\u0301")
@example(" " * 300, "")
def test_what_logs_in_is_what_is_counted(before: str, after: str) -> None:
    for typed in (before + ADDRESS + after, before, f"{before}@{after}"):
        assert email_key(tidy_email(typed) or "") == email_key(typed)


@given(TYPED)
def test_a_cleaned_text_is_cleaned_once(typed: str) -> None:
    for clean in (tidy, tidy_name, tidy_email):
        assert clean(clean(typed)) == clean(typed)


@given(TYPED)
def test_a_name_and_its_cleaned_form_have_one_key(typed: str) -> None:
    name = tidy_name(typed) or ""
    assert name_key(tidy_name(f"\u200e {name}\u00a0") or "") == name_key(name)
