"""At which address an appointment by video takes place."""

from __future__ import annotations

import pytest

from lms.domain.booking import video_rooms
from lms.models import Booking, Organisation, Person

TEAMS = "https://teams.example.org/l/1?context=2"


@pytest.mark.parametrize(
    ("own", "base", "address"),
    [
        (TEAMS, "", TEAMS),
        (TEAMS, "https://video.example.be", TEAMS),
        (None, "https://video.example.be", "https://video.example.be/key"),
        (None, "https://video.example.be/rooms/", "https://video.example.be/rooms/key"),
        (None, "", None),
    ],
)
def test_the_link_of_a_teacher_goes_before_the_rooms_of_the_organisation(
    own: str | None, base: str, address: str | None
) -> None:
    organisation, teacher = Organisation(video_base=base), Person(name="Nadia", video_address=own)
    booking = Booking(teacher=teacher, video_key="key")
    assert video_rooms.video_url(organisation, booking) == address
    assert video_rooms.has_address(organisation, teacher) == (address is not None)
