"""Dolan-More performance profiles: how often a method is nearly the best."""

from __future__ import annotations

import numpy as np

from analysis.scores import Floats

TAUS = np.linspace(1.0, 0.95, 501)
TOLERANCE = 1e-9


def profile(accuracy: Floats, taus: Floats = TAUS, tolerance: float = TOLERANCE) -> Floats:
    """Share of rows on which accuracy >= tau * (the row's best accuracy) - tolerance: (taus, columns).

    `accuracy` is (rows, columns); minus infinity for a diverged trial. Dolan and More 2002, with the ratio turned as
    in Littwin and Wolf 2018, Fig. 3.
    """
    best = accuracy.max(axis=1, keepdims=True)
    return np.stack([(accuracy >= tau * best - tolerance).mean(axis=0) for tau in taus])


def area(shares: Floats, taus: Floats = TAUS) -> Floats:
    """Area below each column of `shares` (taus, columns), divided by the range of tau: 1 is the best on every row."""
    return np.abs(np.trapezoid(shares, taus, axis=0)) / float(np.ptp(taus))
