"""Verbs for methods of one's own."""
