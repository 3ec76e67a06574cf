"""Divergence and failure as outcomes: how many trainings of each method, with exact intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.statistics.intervals import LEVEL, Interval
from analysis.statistics.scores import Key, plain


@dataclass(frozen=True)
class Outcomes:
    """Trainings of one method that came to an end: `trials` of them, those that diverged and those that failed."""

    trials: int
    diverged: int
    failed: int

    def shares(self, level: float = LEVEL) -> tuple[Interval, Interval]:
        """Of those that did not fail the share that diverged, and of all the share that failed."""
        return share(self.diverged, self.trials - self.failed, level), share(self.failed, self.trials, level)


def share(count: int, of: int, level: float = LEVEL) -> Interval:
    """A share with its exact interval (Clopper and Pearson 1934); NaN without interval where there is nothing."""
    from scipy.stats import binomtest

    if of == 0:
        return Interval(float("nan"), None, None, 0)
    low, high = binomtest(count, of).proportion_ci(level, "exact")
    return Interval(count / of, float(low), float(high), of)


def outcomes(frame: pd.DataFrame, names: Sequence[str], columns: Sequence[Key]) -> list[Outcomes]:
    """Of each of `columns` (combinations of the columns `names` of the table), all its trials, selected or not."""
    state = frame["state"].to_numpy(dtype=object) if "state" in frame else np.full(len(frame), "done", dtype=object)
    keys = frame[list(names)].assign(state=state).value_counts(dropna=False)
    found: dict[tuple[Key, str], int] = {}
    for key, count in keys.items():
        *method, ended = (plain(v) for v in (key if isinstance(key, tuple) else (key,)))
        found[tuple(method), str(ended)] = int(count)
    counts = [{s: found.get((c, s), 0) for s in ("done", "diverged", "failed")} for c in columns]
    return [Outcomes(sum(n.values()), n["diverged"], n["failed"]) for n in counts]
