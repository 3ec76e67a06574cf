"""Mean ranks over data sets and their tests (Demsar 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.scores import Direction, Floats
from sweeps.errors import UsageError


@dataclass(frozen=True)
class Friedman:
    """Friedman's test (tie-corrected) that all columns rank alike, with the F form of Iman and Davenport 1980."""

    chi_square: float
    p: float
    f: float
    p_f: float


def ranks(values: Floats, direction: Direction = "min", tolerance: float = 1e-9) -> Floats:
    """(rows, columns, ...): each row's ranks, 1 the best; ties share their mean rank. NaN: missing.

    Values that agree to `tolerance` tie: means over seeds are not told apart by rounding.
    """
    from scipy.stats import rankdata

    steps = np.where(np.isfinite(values), np.round(values / tolerance), values)
    return np.asarray(rankdata(steps if direction == "min" else -steps, axis=1, nan_policy="omit"), dtype=np.float64)


def friedman(ranked: Floats) -> Friedman:
    """Of ranks (rows, columns), at least 2 rows and 3 columns; all-equal ranks give p = 1."""
    from scipy.stats import f as f_distribution
    from scipy.stats import friedmanchisquare

    n, k = ranked.shape
    if n < 2 or k < 3:
        raise UsageError(f"Friedman's test needs 2 rows and 3 methods, but got {n} and {k}")
    if not np.ptp(ranked, axis=1).any():
        return Friedman(0.0, 1.0, 0.0, 1.0)
    chi, p = (float(v) for v in friedmanchisquare(*ranked.T))
    limit = n * (k - 1)
    f = (n - 1) * chi / (limit - chi) if limit - chi > 1e-9 else float("inf")
    return Friedman(chi, p, f, float(f_distribution.sf(f, k - 1, (k - 1) * (n - 1))))


def nemenyi(ranked: Floats) -> Floats:
    """(columns, columns): p values that two mean ranks are equal, by the studentized range with infinite freedom."""
    from scipy.stats import studentized_range

    n, k = ranked.shape
    mean = ranked.mean(axis=0)
    q = np.abs(mean[:, None] - mean[None, :]) / np.sqrt(k * (k + 1) / (12 * n))
    found, back = np.unique(q.round(12), return_inverse=True)
    return np.asarray(studentized_range.sf(found, k, np.inf))[back].reshape(k, k)


def critical_difference(rows: int, columns: int, alpha: float = 0.05) -> float:
    """Mean ranks further apart than this differ significantly by Nemenyi's test."""
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, columns, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(columns * (columns + 1) / (6 * rows)))


def wilcoxon_holm(differences: Sequence[Floats]) -> Floats:
    """Holm-adjusted two-sided p values of Wilcoxon's signed-rank test of each comparison's differences, (rows,).

    NaN: a row that one of both methods lacks. Zero differences are split between both sides, as Demsar does.
    """
    from scipy.stats import wilcoxon

    p = np.ones(len(differences))
    for i, difference in enumerate(differences):
        rounded = difference[~np.isnan(difference)].round(12)
        if np.any(rounded):
            p[i] = np.asarray(wilcoxon(rounded, zero_method="zsplit"))[1]
    return holm(p)


def holm(p: Floats) -> Floats:
    """Holm's step-down adjustment of p values (1979)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def cliques(mean: Floats, difference: float) -> list[tuple[int, int]]:
    """Longest runs of columns, as positions in the order of mean rank, that lie within `difference` of each other."""
    ordered = np.sort(mean)
    ends = np.searchsorted(ordered, ordered + difference, side="right") - 1
    runs: list[tuple[int, int]] = []
    for start, end in enumerate(int(e) for e in ends):
        if end > start and (not runs or end > runs[-1][1]):
            runs.append((start, end))
    return runs
