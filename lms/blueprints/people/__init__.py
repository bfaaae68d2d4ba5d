"""People: the list, one person, her card, and the team."""

from lms.blueprints.people import cards, learners, team, words

bps = [learners.bp, cards.bp, team.bp]

for bp in bps:
    bp.context_processor(lambda: {"role_name": words.role_name, "deed": words.deed, "tongue": words.tongue})
