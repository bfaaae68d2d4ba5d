"""Calendars that people subscribe to, and external calendars that hide hours."""
