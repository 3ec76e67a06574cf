"""What the ledger keeps beside its parts: a merged copy of them, and what probes saw."""
