"""Sweeps: what is to be trained. Imports nothing of ours, and neither torch, ray, mlflow nor pandas."""
