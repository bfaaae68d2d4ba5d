"""People: learners, their cards, the team."""

from lms.blueprints.people import cards, labels, learners, team

bps = [learners.bp, cards.bp, team.bp]

for bp in bps:
    bp.context_processor(
        lambda: {
            "role_name": labels.role_name,
            "action_name": labels.action_name,
            "language_name": labels.language_name,
        }
    )
