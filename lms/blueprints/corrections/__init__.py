"""À corriger: the queue of submissions, the page on which a teacher corrects one, and the marks on it."""

from lms.blueprints.corrections import checks, desk, marks, phrases

bps = [desk.bp, marks.bp, phrases.bp, checks.bp]
