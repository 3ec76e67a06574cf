"""What a sweep's results say about a question: every number of the report, computed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.frame import named_methods, of_every_activation, refuse_dependent, with_fields
from analysis.question import Question
from analysis.statistics.intervals import Interval, t_interval
from analysis.statistics.profiles import TAUS, Band, accuracy_of, area, band, profile
from analysis.statistics.ranks import ranks
from analysis.statistics.robustness import Robustness, robustness
from analysis.statistics.scores import Floats, Key, Scores, short
from analysis.statistics.win_table import WinTable, skipped_rows, tally
from sweeps.errors import UsageError


@dataclass(frozen=True)
class Difference:
    """A method's mean minus its baseline's, paired: over seeds (on these rows) and over rows (on others like them)."""

    baseline: Key
    seeds: Interval | None
    rows: Interval


class Findings:
    """All that is computed from a table of trials and a question, each thing when it is first asked for.

    `scores` holds complete blocks only, without skipped rows. `amounts` are the same with the majority-class error
    in the place of a diverged trial: what means and differences are taken over.
    """

    def __init__(self, frame: pd.DataFrame, question: Question) -> None:
        self.frame = named_methods(with_fields(frame, question.named)).reset_index(drop=True)
        self.question = question.resolved(self.frame)
        refuse_dependent(self.question.rows)
        self.trained = self.frame  # one line a training
        self.frame = of_every_activation(self.frame, (*self.question.rows, *self.question.average))
        self.every = self.question.scores(self.frame)
        self.wins: WinTable = self.wins_within(())
        self.scores: Scores = self.every.without(skipped_rows(self.every.rows, question.skip)).complete_blocks()
        if not self.scores.rows:
            raise UsageError("`skip` leaves no row to compare: skip fewer")
        self.columns: list[Key] = self.scores.columns
        self.names: list[str] = [short(c) for c in self.columns]

    def wins_within(self, axes: Sequence[str]) -> WinTable:
        """Wins among the methods that agree in `axes` (some of the question's columns)."""
        q = self.question
        groups = [tuple(c[q.columns.index(a)] for a in axes) for c in self.every.columns]
        return tally(self.every, groups, ties=q.ties, constant=q.constant, skip=q.skip)

    @cached_property
    def amounts(self) -> Scores:
        return self.amounts_of(self.scores)

    def amounts_of(self, scores: Scores) -> Scores:
        """By seed, with the majority-class error (missing where there is none) for what diverged."""
        if np.isinf(scores.values).any():
            known = "majority_error" in self.frame
            nothing = np.full(scores.values.shape, np.nan)
            scores = scores.filled(scores.pick(self.frame["majority_error"].to_numpy()) if known else nothing)
        return self.by_seed(scores)

    def by_seed(self, scores: Scores) -> Scores:
        """Replicates merged so that each is one seed: means over whatever else is averaged (splits share samples).

        Where no seed is averaged all are one: without seeds there are no replicates.
        """
        average = self.question.average
        if average in ((), ("seed",)):
            return scores
        own = [r[average.index("seed")] if "seed" in average else "" for r in scores.replicates]
        seeds = sorted(set(own))
        parts = [scores.part([k for k, o in enumerate(own) if o == seed]) for seed in seeds]
        values = np.stack([p.mean() for p in parts], axis=2)
        chosen = np.stack([p.chosen.max(axis=2) for p in parts], axis=2)
        return Scores(scores.rows, scores.columns, [(s,) for s in seeds], values, chosen, scores.direction)

    @cached_property
    def replicated(self) -> bool:
        """Whether there are two or more seeds: without them there is no interval over seeds."""
        return "seed" in self.question.average and int(self.whole_seeds.sum()) > 1

    @cached_property
    def whole_seeds(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Seeds in which every row is complete: a mean over rows must not change its rows from seed to seed."""
        return np.asarray(self.amounts.complete.all(axis=0))

    @cached_property
    def row_means(self) -> Floats:
        """(rows, columns): mean over seeds."""
        return self.amounts.mean()

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """(rows,): the unit that each row belongs to, see `Question.unit`."""
        place = [self.question.rows.index(name) for name in self.question.unit]
        keys = [tuple(row[i] for i in place) for row in self.scores.rows]
        known = {key: u for u, key in enumerate(dict.fromkeys(keys))}
        return np.array([known[key] for key in keys])

    def by_unit(self, values: Floats) -> Floats:
        """(units, columns): mean of (rows, columns) over the rows of each unit."""
        return np.stack([values[self.units == u].mean(axis=0) for u in range(self.units.max() + 1)])

    @cached_property
    def unit_means(self) -> Floats:
        """(units, columns): what tests and intervals over rows are taken over."""
        return self.by_unit(self.row_means)

    @cached_property
    def seed_means(self) -> Floats:
        """(columns, seeds): mean over rows, of the whole seeds."""
        return self.amounts.values[:, :, self.whole_seeds].mean(axis=0)

    @cached_property
    def means(self) -> list[Interval]:
        """Each column's mean over rows and seeds, with its t interval over seeds."""
        if self.replicated:
            return [t_interval(seeds, self.question.level) for seeds in self.seed_means]
        return [Interval(float(m), None, None, 1) for m in self.row_means.mean(axis=0)]

    @cached_property
    def cells(self) -> list[list[Interval]]:
        """(rows, columns): mean with t interval over seeds."""
        level = self.question.level
        return [[t_interval(seeds, level) for seeds in row] for row in self.amounts.values]

    @cached_property
    def differences(self) -> list[Difference | None]:
        return [self.difference(j, self.question.baseline_of(c, self.columns)) for j, c in enumerate(self.columns)]

    def difference(self, j: int, baseline: Key | None) -> Difference | None:
        if baseline is None:
            return None
        b = self.columns.index(baseline)
        level = self.question.level
        seeds = t_interval(self.seed_means[j] - self.seed_means[b], level) if self.replicated else None
        return Difference(baseline, seeds, t_interval(self.unit_means[:, j] - self.unit_means[:, b], level))

    @cached_property
    def accuracy(self) -> Floats:
        """(rows, columns): 1 - error (or the metric itself where higher is better); minus infinity if diverged."""
        return accuracy_of(self.by_seed(self.scores).mean(), self.question.direction)

    @cached_property
    def profile(self) -> Floats:
        return profile(self.accuracy, TAUS)

    @cached_property
    def profile_area(self) -> Floats:
        return area(self.profile, TAUS)

    @cached_property
    def profile_band(self) -> Band | None:
        q = self.question
        return band(self.by_seed(self.scores).values, self.units, q.direction, seed=q.seed, level=q.level)

    @cached_property
    def ranked(self) -> Floats:
        """(units, columns): ranks of the means over seeds, 1 the best, diverged last."""
        return ranks(self.by_unit(self.by_seed(self.scores).mean()), self.question.direction)

    @cached_property
    def robustness(self) -> Robustness | None:
        """Curves over batch sizes; from all blocks, as a method that is undefined somewhere makes blocks incomplete."""
        every = self.every.without(skipped_rows(self.every.rows, self.question.skip))
        return robustness(self.amounts_of(every), self.question.rows, self.question.level)

    @cached_property
    def order(self) -> list[int]:
        """Columns from the best mean to the worst."""
        mean = np.array([m.mean for m in self.means])
        return [int(j) for j in np.argsort(mean if self.question.direction == "min" else -mean, kind="stable")]

    @cached_property
    def alike(self) -> list[list[int]]:
        """Groups of columns whose metric and validation error agree in every cell to the last digit."""
        measured = [self.scores.values]
        if "val_error" in self.frame:
            measured.append(self.scores.pick(self.frame["val_error"].to_numpy()))
        groups: dict[tuple[bytes, ...], list[int]] = {}
        for j in range(len(self.columns)):
            if np.isfinite(self.scores.values[:, j]).any():
                groups.setdefault(tuple(m[:, j].tobytes() for m in measured), []).append(j)
        return [group for group in groups.values() if len(group) > 1]

    @cached_property
    def states(self) -> Counter[str]:
        """Trials by state; a table without states holds results only."""
        if "state" not in self.trained:
            return Counter(done=len(self.trained))
        return Counter(str(s) for s in self.trained["state"])
