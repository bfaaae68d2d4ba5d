from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask_babel import force_locale

from lms.i18n import dates
from tests.support.school import School

BRUSSELS = ZoneInfo("Europe/Brussels")
THURSDAY = datetime(2026, 11, 26, 13, 30, tzinfo=UTC)


def test_days_and_hours_stand_as_on_a_letter_of_the_service() -> None:
    assert dates.day(THURSDAY, BRUSSELS) == "jeudi 26 novembre"
    assert dates.full_day(THURSDAY, BRUSSELS) == "jeudi 26 novembre 2026"
    assert dates.hour(THURSDAY, BRUSSELS) == "14\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}30"
    assert dates.hour(time(9), BRUSSELS) == "9\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}00"


def test_the_team_reads_dates_in_the_language_of_its_pages() -> None:
    assert dates.short_day(THURSDAY, BRUSSELS) == "jeu. 26 nov."
    assert dates.short_day(THURSDAY, BRUSSELS, "en") == "Thu 26 Nov"
    assert dates.full_day(THURSDAY, BRUSSELS, "en") == "Thursday 26 November 2026"
    assert dates.full_day(THURSDAY, BRUSSELS, "tr") == "26 Kasım 2026 Perşembe"
    for language in ("ar", "uk"):
        assert "2026" in dates.full_day(THURSDAY, BRUSSELS, language)


def test_the_first_of_a_month_is_said_as_the_french_say_it() -> None:
    assert dates.day(date(2026, 12, 1), BRUSSELS) == "mardi 1er décembre"
    assert dates.day(date(2026, 12, 11), BRUSSELS) == "vendredi 11 décembre"


def test_an_hour_before_midnight_in_belgium_is_still_that_day() -> None:
    assert dates.day(datetime(2026, 7, 1, 22, 30, tzinfo=UTC), BRUSSELS) == "jeudi 2 juillet"
    assert dates.day(datetime(2026, 7, 1, 21, 30, tzinfo=UTC), BRUSSELS) == "mercredi 1er juillet"


@pytest.mark.parametrize(
    ("language", "word"), [("ar", "الخميس"), ("uk", "четвер"), ("tr", "Perşembe"), ("en", "Thursday")]
)
def test_the_same_day_in_the_persons_language_with_digits_that_match_the_card(
    language: str, word: str
) -> None:
    told = dates.day(THURSDAY, BRUSSELS, language)
    assert word in told
    assert "26" in told


@pytest.mark.parametrize(
    ("language", "told"),
    [("fr", ["1 min", "5 h", "2 j"]), ("tr", ["1 dk", "5 saat", "2 gün"]), ("en", ["1 min", "5 h", "2 d"])],
)
def test_how_long_a_copy_waits_is_said_in_its_largest_unit(
    school: School, language: str, told: list[str]
) -> None:
    waited = (timedelta(seconds=5), timedelta(hours=5), timedelta(days=2))
    with school.app.app_context(), force_locale(language):
        assert [
            dates.ago(THURSDAY - one, THURSDAY).replace("\N{NO-BREAK SPACE}", " ") for one in waited
        ] == told
