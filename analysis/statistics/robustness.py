"""How methods bear small batches: error against batch size, one number a method, and where the baseline loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.statistics.intervals import LEVEL, Interval, t_interval
from analysis.statistics.scores import Floats, Key, Scores

AXIS = "batch_size"


@dataclass(frozen=True)
class Robustness:
    """`loss[b, j, k]`: mean over rows at batch size b of column j in replicate k; NaN where the cell is not defined.

    Lower is better (the negated metric where higher is better). Only rows and replicates that are complete at every
    batch size enter, so that neither changes along a curve.
    """

    batch_sizes: list[int]
    columns: list[Key]
    loss: Floats
    rows: list[Key]
    level: float = LEVEL

    @cached_property
    def mean(self) -> Floats:
        """(batch sizes, columns)."""
        return self.loss.mean(axis=2)

    def interval(self, b: int, j: int) -> Interval | None:
        return None if np.isnan(self.mean[b, j]) else t_interval(self.loss[b, j], self.level)

    def index(self, j: int) -> Interval:
        """The column's `excess` with its interval over seeds; its own best batch size is that of the mean curve."""
        there = np.flatnonzero(~np.isnan(self.mean[:, j]))
        if there.size < 2:
            return Interval(float("nan"), None, None, 0)
        sizes = [self.batch_sizes[b] for b in there]
        best = int(np.argmin(self.mean[there, j]))
        return t_interval([excess(sizes, curve, best) for curve in self.loss[there, j].T], self.level)

    def crossover(self, baseline: int, j: int) -> float:
        both = np.flatnonzero(~np.isnan(self.mean[:, [baseline, j]]).any(axis=1))
        return crossover([self.batch_sizes[b] for b in both], self.mean[both, baseline], self.mean[both, j])


def excess(batch_sizes: Sequence[int], error: Floats, best: int | None = None) -> float:
    """Mean, over log2 of the batch size, of the error's excess over its value at the best batch size.

    The curve is taken as straight between the sizes measured (trapezoids). 0: the batch size does not matter.
    One batch size only: NaN.
    """
    x = np.log2(np.asarray(batch_sizes, dtype=np.float64))
    if len(x) < 2:
        return float("nan")
    best = int(np.argmin(error)) if best is None else best
    return float(np.trapezoid(error - error[best], x) / (x[-1] - x[0]))


def crossover(batch_sizes: Sequence[int], baseline: Floats, other: Floats) -> float:
    """The batch size below which the baseline's error is the larger: straight lines in log2 between sizes measured.

    Counted from the smallest size up to the first crossing. 0: the baseline does not lose at the smallest size;
    infinity: it loses at all; NaN: no size is common to both.
    """
    if not batch_sizes:
        return float("nan")
    gap = baseline - other
    if gap[0] <= 0:
        return 0.0
    held = np.flatnonzero(gap <= 0)
    if not held.size:
        return float("inf")
    b = int(held[0])
    x = np.log2(np.asarray(batch_sizes, dtype=np.float64))
    return float(2 ** (x[b - 1] + (x[b] - x[b - 1]) * gap[b - 1] / (gap[b - 1] - gap[b])))


def robustness(scores: Scores, rows: Sequence[str], level: float = LEVEL) -> Robustness | None:
    """The curves of scores whose rows include the batch size; None where it does not vary or nothing is complete.

    A cell is not defined where the column has no score at all at that batch size (batch statistics of one sample).
    """
    if AXIS not in rows:
        return None
    place = list(rows).index(AXIS)
    sizes = sorted({int(row[place]) for row in scores.rows})
    others = sorted({row[:place] + row[place + 1 :] for row in scores.rows}, key=str)
    index = {row: i for i, row in enumerate(scores.rows)}
    values = np.full((len(sizes), len(others), *scores.values.shape[1:]), np.nan)
    for b, size in enumerate(sizes):
        for o, other in enumerate(others):
            row = (*other[:place], size, *other[place:])
            if row in index:
                values[b, o] = scores.values[index[row]]
    defined = np.asarray(~np.isnan(values).all(axis=(1, 3)))
    whole = np.asarray((~np.isnan(values) | ~defined[:, None, :, None]).all(axis=(0, 2)))  # (others, replicates)
    kept = np.asarray(whole.any(axis=1))
    shared = np.asarray(whole[kept].all(axis=0))
    if len(sizes) < 2 or not kept.any() or not shared.any():
        return None
    loss = values[:, kept][..., shared].mean(axis=1)
    loss = loss if scores.direction == "min" else -loss
    return Robustness(sizes, scores.columns, loss, [o for o, k in zip(others, kept, strict=True) if k], level)
