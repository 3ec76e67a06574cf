"""Sweeps on SLURM: submissions, what runs in an allocation, what SLURM says of jobs."""

# The modules that other rooms may import from.
PUBLIC = ("allocation", "jobs", "site", "submissions", "submit")
