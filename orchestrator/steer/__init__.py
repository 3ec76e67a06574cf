"""Decisions of a person: retry, cancel, and the drill, which interrupts on purpose."""
