"""Pages of appointments: of learners, of the team, of the waitlist."""

from lms.blueprints.booking import agenda, appointments, availability, conflicts, team, tickets, waitlist

bps = [appointments.bp, waitlist.bp, tickets.bp, agenda.bp, availability.bp, conflicts.bp, team.bp]
