"""What a sweep's results say about a question: every number of the report, computed once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.comparing.families import Answer, Family, answer, declared
from analysis.frame import named_methods, of_every_activation, refuse_dependent, with_fields
from analysis.question import Question
from analysis.statistics.divergence import Outcomes, outcomes
from analysis.statistics.intervals import Interval, t_interval
from analysis.statistics.paired import over_seeds, seed_values
from analysis.statistics.profiles import HALF, TAUS, Band, Score, accuracy_of, area, band, inverse_of, profile
from analysis.statistics.ranks import ranks
from analysis.statistics.robustness import Robustness, robustness
from analysis.statistics.scores import Floats, Key, Scores, nanmean, short
from analysis.statistics.selection import best_of, candidates
from analysis.statistics.win_table import WinTable, skipped_rows, tally
from sweeps.errors import UsageError


@dataclass(frozen=True)
class Difference:
    """A method's score minus its baseline's on the seeds that both have, averaged in each row, then over rows.

    `seeds`: its interval on these rows. `rows`: on others like them, seeds' chance included, as every row's mean holds
    its seeds' chance; its mean is over units, see `Question.unit`.
    """

    baseline: Key
    seeds: Interval | None
    rows: Interval


@dataclass(frozen=True)
class Comparison:
    """One of the family: `difference` holds together with all others; `here`: on these rows, `elsewhere`: on others
    like them.

    Better or worse elsewhere it is called only where it is so here, if seeds tell: tested in this order, both kinds of
    answer have one error rate (Westfall and Krishen 2001). `waits`: it would be called so elsewhere, but not yet here.
    """

    column: int
    against: int
    difference: Difference
    here: Answer
    elsewhere: Answer
    waits: bool


class Findings:
    """All that is computed from a table of trials and a question, each thing when it is first asked for.

    `scores` holds the rows on which every method has a result, without skipped ones. `amounts` are the same by seed:
    what means and differences are taken over. A missing cell is left out of its own mean alone.
    """

    def __init__(self, frame: pd.DataFrame, question: Question) -> None:
        self.frame = named_methods(with_fields(frame, question.named), question.pooled).reset_index(drop=True)
        self.question = question.resolved(self.frame)
        refuse_dependent(self.question.rows)
        self.trained = self.frame  # one line a training
        self.frame = of_every_activation(self.frame, (*self.question.rows, *self.question.average))
        self.every = self.question.scores(self.frame)
        self.wins: WinTable = self.wins_within(())
        self.scores: Scores = self.every.without(skipped_rows(self.every.rows, question.skip)).compared()
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
        return self.by_seed(self.scores)

    def by_seed(self, scores: Scores) -> Scores:
        """Replicates merged so that each is one seed: means over whatever else is averaged (splits share samples).

        Where no seed is averaged all are one: without seeds there are no replicates.
        """
        average = self.question.average
        if average in ((), ("seed",)):
            return scores
        return scores.merged([(r[average.index("seed")],) if "seed" in average else ("",) for r in scores.replicates])

    @cached_property
    def replicated(self) -> bool:
        """Whether there are two or more seeds: without them there is no interval over seeds."""
        return any(mean.low is not None for mean in self.means)

    @cached_property
    def row_means(self) -> Floats:
        """(rows, columns): mean over the seeds that the column has."""
        return self.amounts.mean()

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """(rows,): the unit that each row belongs to, see `Question.unit`."""
        place = [self.question.rows.index(name) for name in self.question.unit]
        keys = [tuple(row[i] for i in place) for row in self.scores.rows]
        known = {key: u for u, key in enumerate(dict.fromkeys(keys))}
        return np.array([known[key] for key in keys])

    def by_unit(self, values: Floats) -> Floats:
        """(units, ...): mean of (rows, ...) over the rows of each unit."""
        return np.stack([nanmean(values[self.units == u], axis=0) for u in range(self.units.max() + 1)])

    @cached_property
    def unit_means(self) -> Floats:
        """(units, columns): what tests and intervals over rows are taken over."""
        return self.by_unit(self.row_means)

    @cached_property
    def seed_means(self) -> Floats:
        """(columns, seeds): mean over rows, see `seed_values`; NaN for a seed that the column lacks."""
        return np.stack([seed_values(column) for column in np.moveaxis(self.amounts.values, 1, 0)])

    @cached_property
    def means(self) -> list[Interval]:
        """Each column's mean over rows of `row_means`, with its interval over seeds."""
        level = self.question.level
        return [over_seeds(column, level) for column in np.moveaxis(self.amounts.values, 1, 0)]

    @cached_property
    def converged(self) -> Floats:
        """(columns,): the mean like `means`, of the trials that converged, on the rows where any did."""
        values = np.where(self.amounts.diverged > 0, np.nan, self.amounts.values)
        return nanmean(nanmean(values, axis=2), axis=0)

    @cached_property
    def outcomes(self) -> list[Outcomes]:
        """Of each column, over all its trials: those that diverged and those that failed."""
        return outcomes(self.frame, self.question.columns, self.columns)

    @cached_property
    def cells(self) -> list[list[Interval]]:
        """(rows, columns): mean with t interval over seeds."""
        level = self.question.level
        return [[t_interval(seeds, level) for seeds in row] for row in self.amounts.values]

    @cached_property
    def candidates(self) -> list[int]:
        """(columns,): among how many trials of a cell each one's was selected."""
        q = self.question
        return candidates(self.frame, q.columns, self.columns, q.select)

    @cached_property
    def equal_candidates(self) -> Floats | None:
        """(columns,): the mean if each method had as many candidates as the one with fewest; None where all do."""
        q = self.question
        if len(set(self.candidates)) == 1:
            return None
        every = replace(q, average=(*q.average, *q.select), select=())
        values, judged = every.scores(self.frame), replace(every, metric=q.by).scores(self.frame)
        best = best_of(values, judged, self.scores, len(q.average), min(self.candidates))
        return nanmean(nanmean(best, axis=2), axis=0)

    @cached_property
    def baselines(self) -> list[int | None]:
        """(columns,): the column that each is compared with: the same with the baseline's normalizer."""
        keys = [self.question.baseline_of(c, self.columns) for c in self.columns]
        return [None if key is None else self.columns.index(key) for key in keys]

    def paired(self, j: int, other: int) -> Floats:
        """(rows, seeds): column j's amount minus the other's; NaN where one of both is missing."""
        return self.amounts.values[:, j] - self.amounts.values[:, other]

    def unit_differences(self, j: int, other: int) -> Floats:
        """(units,): `paired`, averaged over the seeds that both have, then over the rows of a unit; NaN where none."""
        return self.by_unit(nanmean(self.paired(j, other), axis=1))

    @cached_property
    def family(self) -> Family:
        q = self.question
        return declared(q.compare, self.names, self.baselines, q.level)

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """All that is declared, in the family's order."""
        return [self.comparison(j, b) for j, b in self.family.pairs]

    def comparison(self, j: int, b: int) -> Comparison:
        q, family = self.question, self.family
        sign = 1.0 if q.direction == "min" else -1.0
        wide, narrow = (self.difference(j, b, level) for level in (family.each, family.equivalence))
        here = answer(wide.seeds, narrow.seeds, q.rope, sign)
        elsewhere = answer(wide.rows, narrow.rows, q.rope, sign)
        waits = wide.seeds is not None and elsewhere in ("better", "worse") and elsewhere != here
        return Comparison(j, b, wide, here, "open" if waits else elsewhere, waits)

    @cached_property
    def differences(self) -> list[Difference | None]:
        """(columns,): from the baseline, as far as that is declared to be compared and both have a seed in common."""
        declared = {(c.column, c.against): c.difference for c in self.comparisons if c.difference.rows.n}
        return [None if b is None else declared.get((j, b)) for j, b in enumerate(self.baselines)]

    def difference(self, j: int, b: int, level: float) -> Difference:
        """Of column j from column b, each interval at `level`: see `Family`."""
        seeds, units = over_seeds(self.paired(j, b), level), self.unit_differences(j, b)
        rows = Interval(math.nan, None, None, 0) if np.isnan(units).all() else t_interval(units, level)
        return Difference(self.columns[b], seeds if seeds.low is not None else None, rows)

    @cached_property
    def accuracy(self) -> Floats:
        """(rows, columns): what profiles compare, see `Question.share`; minus infinity if lost."""
        return self.score(self.scores.standing(), self.question.direction)

    @property
    def score(self) -> Score:
        return accuracy_of if self.question.share else inverse_of

    @cached_property
    def profile(self) -> Floats:
        return profile(self.accuracy, TAUS)

    @cached_property
    def profile_area(self) -> Floats:
        return area(self.accuracy)

    @cached_property
    def ratio_area(self) -> Floats:
        """(columns,): area of the profile of the error itself, up to twice the best."""
        q = self.question
        means = self.scores.standing()
        return area(inverse_of(1 - means if q.share and q.direction == "max" else means, "min"), HALF)

    @cached_property
    def profile_band(self) -> Band | None:
        q, found = self.question, self.amounts
        return band(
            found.values, self.units, q.direction, seed=q.seed, level=q.level, diverged=found.lost, score=self.score
        )

    @cached_property
    def ranked(self) -> Floats:
        """(units, columns): ranks of the means over seeds, 1 the best, lost last."""
        return ranks(self.by_unit(self.scores.standing()), self.question.direction)

    @cached_property
    def normalized_ranks(self) -> Floats:
        """(rows, columns, seeds): each row's ranks in each seed, from 0, the best, to 1; NaN where missing."""
        found, direction = self.amounts, self.question.direction
        values = found.values
        if found.lost is not None:
            values = np.where(found.lost > 0.5, np.inf if direction == "min" else -np.inf, values)
        return (ranks(values, direction) - 1) / max(1, len(self.columns) - 1)

    @cached_property
    def robustness(self) -> Robustness | None:
        """Curves over batch sizes, from all rows: at some a method may not be defined."""
        q = self.question
        every = self.every.without(skipped_rows(self.every.rows, q.skip))
        return robustness(self.by_seed(every), q.rows, q.level, reference=q.reference, undefined=q.undefined)

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
