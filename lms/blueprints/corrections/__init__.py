"""À corriger: the queue of submissions, the page on which a teacher corrects one, its marks, voice and undo."""

from lms.blueprints.corrections import desk, marks, undo, voices

bps = [desk.bp, marks.bp, undo.bp, voices.bp]
