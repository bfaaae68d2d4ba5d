"""Lessons: who sees which, how far she is, and how they are made. Import from here."""
