"""Optimizers of R replicas, clipping of gradients, and averages of weights."""
