"""Decisions of a person: retry, cancel, and the drill, which interrupts on purpose."""

# The modules that other rooms may import from.
PUBLIC = ("cancel", "drill", "retry")
