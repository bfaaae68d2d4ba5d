"""iCalendar: events, feeds and time zones as other calendars read them."""
