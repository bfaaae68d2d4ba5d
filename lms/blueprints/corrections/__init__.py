"""À corriger: the queue, the page on which a teacher corrects a copy, its marks, its voice, the undo."""

from lms.blueprints.corrections import desk, marks, undo, voices

bps = [desk.bp, marks.bp, undo.bp, voices.bp]
