"""Plug-ins: Python files that declare methods of a user's own. Reading one runs it; records of one are plain data."""
