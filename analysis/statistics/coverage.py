"""How often an interval that says 95 % holds the truth: simulated, and so the choice of the default decided."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from analysis.statistics.intervals import LEVEL, t_ends
from analysis.statistics.scores import Floats

SEEDS = (3, 5, 10, 30)
ERRORS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Floats]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: rng.exponential(size=shape) - 1.0,
}


def coverage(*, experiments: int = 2000, resamples: int = 1999, seed: int = 0) -> pd.DataFrame:
    """Share of `experiments` in which each kind of interval holds the true mean, 0, and its mean width.

    Columns: errors, seeds, kind, coverage, width. With 2,000 experiments a coverage is known to about 1 point.
    """
    lines: list[dict[str, object]] = []
    for errors, draw in ERRORS.items():
        for n in SEEDS:
            rng = np.random.default_rng([seed, n, len(errors)])
            samples = draw(rng, (experiments, n))
            for kind, (low, high) in ends(samples, rng, resamples).items():
                held = float(((low <= 0) & (high >= 0)).mean())
                lines.append(
                    {"errors": errors, "seeds": n, "kind": kind, "coverage": held, "width": float((high - low).mean())}
                )
    return pd.DataFrame(lines)


def ends(samples: Floats, rng: np.random.Generator, resamples: int) -> dict[str, tuple[Floats, Floats]]:
    """Both ends of each kind of interval for each experiment of `samples` (experiments, n)."""
    found = {"t": t_ends(samples, LEVEL)}
    for kind in ("percentile", "BCa"):
        interval = bootstrap(
            (samples,), np.mean, axis=1, method=kind, n_resamples=resamples, batch=100, confidence_level=LEVEL, rng=rng
        ).confidence_interval
        found[kind] = interval.low, interval.high
    return found
