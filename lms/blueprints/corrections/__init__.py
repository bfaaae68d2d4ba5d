"""À corriger: the queue of submissions, the page on which a teacher corrects one, its marks, the undo."""

from lms.blueprints.corrections import desk, marks, undo

bps = [desk.bp, marks.bp, undo.bp]
