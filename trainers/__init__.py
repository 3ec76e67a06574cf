"""Training: packs of trials, their data, models and normalizers."""
