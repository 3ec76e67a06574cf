"""The command line. No rule lives here: verbs read their arguments, call a room, print what it says."""

# The modules that other rooms may import from.
PUBLIC: tuple[str, ...] = ()
