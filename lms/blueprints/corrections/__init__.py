"""À corriger: the queue of submissions, and the page on which a teacher corrects one."""

from lms.blueprints.corrections import desk

bps = [desk.bp]
