"""Probes: what a trial records beside its errors. Each is one file; the vocabulary is `sweeps.probes`."""
