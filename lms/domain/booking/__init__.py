"""One-hour appointments: rules are computed, bookings are facts, claims keep them apart."""
