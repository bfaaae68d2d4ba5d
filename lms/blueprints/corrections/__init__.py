"""À corriger: the queue of copies, and the desk on which one copy is answered."""

from lms.blueprints.corrections import desk

bps = [desk.bp]
