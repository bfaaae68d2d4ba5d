"""People of the organisation: learners, team, cards, logins, and which people a person may see."""
