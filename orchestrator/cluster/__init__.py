"""Sweeps on SLURM: submissions, what runs in an allocation, what SLURM says of jobs."""
