"""Calendar feeds of appointments, and external calendars whose busy times hide slots."""
