"""SLURM: jobs, hosts and Ray clusters; knows nothing of machine learning."""
