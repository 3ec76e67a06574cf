"""Methods that act on weights, or by moments known beforehand."""
