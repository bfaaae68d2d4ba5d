"""Pages of appointments: the learner's own, the team's, the waitlist."""

from lms.blueprints.booking import agenda, appointments, availability, team, tickets, waitlist

bps = [appointments.bp, waitlist.bp, tickets.bp, agenda.bp, availability.bp, team.bp]
