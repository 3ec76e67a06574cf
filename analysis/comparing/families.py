"""What is tested together: a family of comparisons with one error rate, and the answer to each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, log2
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from analysis.statistics.intervals import LEVEL, Interval
from analysis.statistics.scores import Floats
from sweeps.errors import UsageError
from sweeps.file.sections import ALL, BASELINE, VERSUS
from sweeps.words.near import one_of

Answer = Literal["better", "worse", "equivalent", "open"]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Family:
    """Comparisons, (column, the column it is compared with), of which none may be wrong with probability `level`.

    The error is shared out evenly (Bonferroni), which holds for any correlation, any variances, and any kind of
    interval; with standard errors of each pair's own a max-t quantile would be 3 % smaller (9 methods, one baseline).
    """

    pairs: Sequence[Pair]
    level: float = LEVEL

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def each(self) -> float:
        """The level of each interval, such that all hold together at `level`."""
        return 1 - (1 - self.level) / max(1, len(self))

    @property
    def equivalence(self) -> float:
        """The level of the interval that must lie inside the region of equivalence: two one-sided tests."""
        return 1 - 2 * (1 - self.each)

    @property
    def least_rows(self) -> int:
        """The rows without which no Wilcoxon signed-rank p, which is 2^(1 - rows) at least, stays significant."""
        return ceil(1 + log2(max(1, len(self)) / (1 - self.level)) - 1e-9)


def declared(compare: Sequence[str], names: Sequence[str], baselines: Sequence[int | None], level: float) -> Family:
    """The family that `compare` declares: `baseline`, `all`, and pairs `vcl vs bn` of the columns' names.

    `baselines`: of each column the one that is its baseline. Where no column has one, `baseline` means `all`: what is
    seen is then the difference of any two. UsageError for a name that no column has, or one against itself.
    """
    pairs: list[Pair] = []
    with_baseline = [(j, b) for j, b in enumerate(baselines) if b is not None]
    for word in compare:
        if word == ALL or (word == BASELINE and not with_baseline):
            pairs += [(j, b) for b, j in combinations(range(len(names)), 2)]
        elif word == BASELINE:
            pairs += with_baseline
        else:
            one, versus, other = word.partition(VERSUS)
            if not versus:
                raise UsageError(f"`compare` is {BASELINE}, {ALL} or pairs such as `vcl vs bn`, not {word!r}")
            first, second = (names.index(one_of("method", name.strip(), names)) for name in (one, other))
            if first == second:
                raise UsageError(f"`compare`: {word!r} compares a method with itself")
            pairs.append((first, second))
    once = {frozenset(pair): pair for pair in reversed(pairs)}
    return Family(list(once.values())[::-1], level)


def all_pairs(columns: int, level: float) -> Family:
    """Also for what the results picked, such as the best: whichever two are named, the interval was one of these."""
    return Family([(j, b) for b, j in combinations(range(columns), 2)], level)


def answer(difference: Interval | None, narrow: Interval | None, rope: float, sign: float = 1.0) -> Answer:
    """What an interval of a `Family.each` and one of its `Family.equivalence` say; `sign`: -1 if higher is better.

    Equivalent: two one-sided tests (Schuirmann 1987) place the difference within `rope`, be it 0 or not. Better and
    worse: the interval leaves out 0. Open: neither, or no interval.
    """
    if difference is None or narrow is None or difference.low is None or difference.high is None:
        return "open"
    assert narrow.low is not None
    assert narrow.high is not None
    if -rope < narrow.low and narrow.high < rope:
        return "equivalent"
    if difference.low <= 0 <= difference.high:
        return "open"
    return "better" if sign * difference.mean < 0 else "worse"


def untold(values: Floats, best: NDArray[np.intp], level: float) -> NDArray[np.bool_]:
    """(rows, columns): whether a column of (rows, columns, seeds) cannot be told from the row's `best` one, (rows,).

    Paired over the seeds that both have, by t intervals that hold together for all pairs of columns of one row, as the
    results picked the best. False for the best itself, and without two seeds.
    """
    rows = np.arange(len(values))
    difference = values - values[rows, best][:, None]
    count = (~np.isnan(difference)).sum(axis=2)
    mean = np.nansum(difference, axis=2) / np.maximum(count, 1)
    squares = np.nansum((difference - mean[..., None]) ** 2, axis=2)
    error = np.sqrt(squares / np.maximum(count - 1, 1) / np.maximum(count, 1))
    half = stdtrit(np.maximum(count - 1, 1), (1 + all_pairs(values.shape[1], level).each) / 2) * error
    found = (count > 1) & (np.abs(mean) <= half)
    found[rows, best] = False
    return found
