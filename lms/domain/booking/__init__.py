"""Appointments of one hour: slots are computed, bookings are stored, claims prevent double bookings."""
