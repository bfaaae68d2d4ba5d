"""À corriger: the queue, the page on which a teacher corrects a copy, its marks, its voice, the undo."""

from lms.blueprints.corrections import checks, desk, marks, phrases, undo, voices

bps = [desk.bp, marks.bp, phrases.bp, checks.bp, undo.bp, voices.bp]
