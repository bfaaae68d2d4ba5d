"""One-hour appointments: rules are computed, bookings are facts, claims keep them apart."""

from lms.domain.booking.claims import broken as claims_broken
from lms.domain.booking.finders import (
    already_claimed,
    between,
    booking_for,
    coming,
    door_is_open,
    door_opens,
    learner_for,
    next_for,
    past,
    session_for,
    still_ahead,
    video_address,
)
from lms.domain.booking.hours import (
    FreeHour,
    PickerPage,
    Wish,
    free_hour,
    free_hours,
    nearest,
    picker_page,
    timetable,
    week_of,
)
from lms.domain.booking.verbs import book, cancel, move, swap

__all__ = [
    "FreeHour",
    "PickerPage",
    "Wish",
    "already_claimed",
    "between",
    "book",
    "booking_for",
    "cancel",
    "claims_broken",
    "coming",
    "door_is_open",
    "door_opens",
    "free_hour",
    "free_hours",
    "learner_for",
    "move",
    "nearest",
    "next_for",
    "past",
    "picker_page",
    "session_for",
    "still_ahead",
    "swap",
    "timetable",
    "video_address",
    "week_of",
]
