"""Trains the packs that the ledger lacks: Ray Tune, one Tune trial a pack."""
