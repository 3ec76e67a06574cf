"""Sweep files: from YAML to a checked `SweepSpec`, with the place of every mistake."""
