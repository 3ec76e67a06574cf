"""What is going on: states of trials, failures, logs, spending. Reads only."""

# The modules that other rooms may import from.
PUBLIC = ("failures", "logs", "states", "status", "why")
