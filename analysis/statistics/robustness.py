"""How methods bear small batches, on the batch sizes that all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from analysis.statistics.intervals import LEVEL, Interval
from analysis.statistics.paired import LEAST, over_seeds, seed_errors
from analysis.statistics.scores import Floats, Key, Scores, listed, nanmean
from sweeps.errors import UsageError

AXIS = "batch_size"
STEPS = 64  # of a cross-over's interval, in each octave of the batch size
Undefined = Literal["drop", "majority"]


@dataclass(frozen=True)
class Crossover:
    """The batch size below which the baseline loses, with the ends of its interval (None: none can be given).

    0: it does not lose at the smallest size; infinity: it loses at every size.
    """

    size: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Robustness:
    """`loss[b, r, j, k]`: at batch size b on row r (a data set) of column j with seed k; NaN where there is no result.

    Lower is better (the negated metric where higher is better). A diverged training is charged, whatever the rule for
    diverged trials; `diverged`, of the same shape, tells which ones. `common`: the places, in `batch_sizes`, of the
    sizes at which every column has results: curves are compared there alone. `reference` is the place of the size
    that changes are taken from, the largest of `common` unless another is asked for. Only `rows` are there in which no
    column lacks all results at a size that it knows: rows do not change along a curve.
    """

    batch_sizes: list[int]
    columns: list[Key]
    rows: list[Key]
    loss: Floats
    diverged: Floats
    common: list[int]
    reference: int
    level: float = LEVEL

    @property
    def least(self) -> int:
        """The place of the smallest size that all columns share."""
        return self.common[0]

    @property
    def sizes(self) -> list[int]:
        """The sizes that all columns share."""
        return [self.batch_sizes[b] for b in self.common]

    @cached_property
    def mean(self) -> Floats:
        """(batch sizes, columns): over rows, of each row's mean over its seeds."""
        return nanmean(nanmean(self.loss, axis=3), axis=1)

    @cached_property
    def shares(self) -> Floats:
        """(batch sizes, columns): of trainings that diverged, mean over rows; NaN where there is no result."""
        return nanmean(nanmean(self.diverged, axis=3), axis=1)

    @cached_property
    def steady(self) -> NDArray[np.bool_]:
        """(columns,): whether no training at a common size diverged. One that did is never robust."""
        return ~np.any(self.diverged[self.common] > 0, axis=(0, 1, 3))

    def lacks(self, j: int) -> list[int]:
        """The batch sizes at which column j has no result."""
        return [b for b, mean in zip(self.batch_sizes, self.mean[:, j], strict=True) if np.isnan(mean)]

    def interval(self, b: int, j: int) -> Interval | None:
        """Of `mean`, over seeds."""
        return None if np.isnan(self.mean[b, j]) else over_seeds(self.loss[b, :, j], self.level)

    def change(self, j: int) -> Interval:
        """Column j's loss at the smallest common size less that of the same seed at the reference."""
        return over_seeds(self.loss[self.least, :, j] - self.loss[self.reference, :, j], self.level)

    def index(self, j: int) -> Interval:
        """Column j's mean change from the reference over log2 of the common sizes (`octaves`), seed by seed.

        0: the batch size does not matter; above 0 it loses by leaving the reference, below 0 it gains. Linear in the
        losses, so unbiased, which the excess over the best of noisy means is not.
        """
        change = self.loss[self.common, :, j] - self.loss[self.reference, :, j]
        return over_seeds(np.tensordot(octaves(self.sizes), change, axes=1), self.level)

    def crossover(self, baseline: int, j: int) -> Crossover:
        """Where the baseline's curve of mean losses crosses that of column j, on the common sizes.

        Its interval holds every size at which a t test over seeds of the difference between both curves (straight in
        log2 between sizes) leaves open who is better (Fieller 1954): it begins where the baseline, from the smallest
        size on, no longer loses for certain, and ends where it first wins for certain.
        """
        gap = self.loss[self.common, :, baseline] - self.loss[self.common, :, j]
        point = crossover(self.sizes, over_rows(gap))
        x = np.log2(self.sizes)
        fine = np.unique(np.append(x, np.arange(x[0], x[-1], 1 / STEPS)))
        after = np.clip(np.searchsorted(x, fine, side="left"), 1, len(x) - 1)
        part = ((fine - x[after - 1]) / (x[after] - x[after - 1]))[:, None, None]
        mean, error, seeds = seed_errors(gap[after - 1] * (1 - part) + gap[after] * part)
        if not np.all(seeds >= LEAST):
            return Crossover(point, None, None)
        half = stdtrit(seeds - 1, (1 + self.level) / 2) * error
        open_ = np.flatnonzero(mean - half <= 0)
        won = np.flatnonzero(mean + half < 0)
        low = 0.0 if open_.size and open_[0] == 0 else 2 ** fine[open_[0]] if open_.size else np.inf
        high = np.inf if not won.size else 0.0 if won[0] == 0 else 2 ** fine[won[0]]
        return Crossover(point, min(float(low), point), max(float(high), point))


def over_rows(values: Floats) -> Floats:
    """(...): mean over rows, of each row's mean over seeds, of (..., rows, seeds)."""
    return nanmean(nanmean(values, axis=-1), axis=-1)


def octaves(batch_sizes: Sequence[int]) -> Floats:
    """Weights, of sum 1, with which a curve's mean over log2 of the batch size is taken (trapezoids)."""
    steps = np.diff(np.log2(np.asarray(batch_sizes, dtype=np.float64)))
    return np.convolve(steps, [0.5, 0.5]) / steps.sum()


def crossover(batch_sizes: Sequence[int], gap: Floats) -> float:
    """The batch size below which `gap`, the baseline's loss less the other's, is above 0.

    `gap` is straight in log2 between sizes. Counted from the smallest size up to the first crossing. 0: the
    baseline does not lose at the smallest size; infinity: it loses at all.
    """
    if gap[0] <= 0:
        return 0.0
    held = np.flatnonzero(gap <= 0)
    if not held.size:
        return float("inf")
    b = int(held[0])
    x = np.log2(np.asarray(batch_sizes, dtype=np.float64))
    return float(2 ** (x[b - 1] + (x[b] - x[b - 1]) * gap[b - 1] / (gap[b - 1] - gap[b])))


def robustness(
    scores: Scores,
    rows: Sequence[str],
    level: float = LEVEL,
    *,
    reference: int = 0,
    undefined: Undefined = "drop",
) -> Robustness | None:
    """The curves of scores whose rows include the batch size; None where it does not vary or no row is whole.

    `reference`: the batch size that changes are taken from; 0: the largest common one; UsageError where it is not
    common. `undefined`: a size at which some column has no result at all (batch statistics of one sample) is left out
    of the comparison (`drop`), or the column is charged there as if it had diverged (`majority`).
    """
    if AXIS not in rows:
        return None
    place = list(rows).index(AXIS)
    sizes = sorted({int(row[place]) for row in scores.rows})
    others = sorted({row[:place] + row[place + 1 :] for row in scores.rows}, key=str)
    if len(sizes) < 2:
        return None
    at = [[sizes.index(int(row[place])) for row in scores.rows]]
    at.append([others.index(row[:place] + row[place + 1 :]) for row in scores.rows])
    loss, diverged, penalty = (np.full((len(sizes), len(others), *scores.values.shape[1:]), np.nan) for _ in range(3))
    loss[*at] = np.where(scores.diverged > 0, charged(scores), scores.values)
    diverged[*at], penalty[*at] = scores.diverged, scores.penalty
    known = np.asarray(~np.isnan(loss).all(axis=(1, 3)))  # (sizes, columns)
    if undefined == "majority":
        absent = np.broadcast_to(~known[:, None, :, None], loss.shape)
        loss, diverged = np.where(absent, penalty, loss), np.where(absent, 1.0, diverged)
        known = np.ones_like(known)
    whole = (~np.isnan(loss).all(axis=3) | ~known[:, None, :]).all(axis=(0, 2))
    if not whole.any():
        return None
    loss, diverged = loss[:, whole], diverged[:, whole]
    common = [int(b) for b in np.flatnonzero(known.all(axis=1))]
    shared = [sizes[b] for b in common]
    if reference and reference not in shared:
        there = listed(shared) or "they share none"
        raise UsageError(
            f"the reference batch size {reference} is none that all methods share ({there}): "
            "name one that is, as `analysis.reference`"
        )
    return Robustness(
        sizes,
        scores.columns,
        [others[o] for o in np.flatnonzero(whole)],
        loss if scores.direction == "min" else -loss,
        diverged,
        common,
        sizes.index(reference) if reference else (common or [0])[-1],
        level,
    )


def charged(scores: Scores) -> Floats:
    """Scores of what diverged, under every rule: by what they were charged, else by what they would have been."""
    return np.where(np.isnan(scores.values), scores.penalty, scores.values)
