"""Trains the packs that the ledger lacks: Ray Tune, one Tune trial a pack."""

# The modules that other rooms may import from.
PUBLIC = ("driver", "local", "run")
