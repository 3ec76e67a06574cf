"""What is selected among: how many candidates each method has, and what it would score with fewer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import comb

from analysis.statistics.scores import Floats, Key, Scores, plain


def candidates(frame: pd.DataFrame, columns: Sequence[str], keys: Sequence[Key], select: Sequence[str]) -> list[int]:
    """Of each column, by its key, the combinations of `select` that the table holds: 1 where nothing is selected."""
    if not select:
        return [1] * len(keys)
    there = frame[[*columns, *select]].drop_duplicates()
    chosen: dict[Key, set[Key]] = {}
    for row in there.itertuples(index=False, name=None):
        values = tuple(map(plain, row))
        chosen.setdefault(values[: len(columns)], set()).add(values[len(columns) :])
    return [len(chosen[key]) for key in keys]


def expected_best(values: Floats, judged: Floats, draws: int) -> Floats:
    """The expected value of the candidate with the least `judged` among `draws` of the last axis' candidates.

    Each candidate is drawn at most once, and ties go to the first. NaN: no candidate; where fewer than `draws` are
    there the best of all counts, and where none is the result is NaN. Dodge et al. 2019, Sec. 3, there with
    replacement, which is biased (Tang et al. 2020).
    """
    there = ~(np.isnan(values) | np.isnan(judged))
    order = np.argsort(np.where(there, judged, np.inf), axis=-1, kind="stable")
    # A candidate that is not there sorts behind one whose validation is infinite.
    order = np.take_along_axis(order, np.argsort(~np.take_along_axis(there, order, -1), axis=-1, kind="stable"), -1)
    count = there.sum(axis=-1, keepdims=True)
    worse = count - 1 - np.arange(values.shape[-1])
    drawn = np.minimum(draws, count)
    weight = np.where(worse >= 0, comb(worse, drawn - 1), 0.0)
    total = weight.sum(axis=-1, keepdims=True)
    ordered = np.take_along_axis(values, order, -1)
    share = np.divide(weight, total, out=np.zeros(weight.shape), where=total > 0)
    found = np.where(share > 0, share * np.where(share > 0, ordered, 0.0), 0.0).sum(axis=-1)
    return np.where(count[..., 0] > 0, found, np.nan)


def best_of(values: Scores, judged: Scores, selected: Scores, averaged: int, draws: int) -> Floats:
    """`expected_best` of each cell of `selected` that has a result, in its shape.

    `values` and `judged` hold all candidates: their replicates are those of `selected`, which have `averaged` parts,
    each with the candidate's own settings behind it.
    """
    options = {option: o for o, option in enumerate(dict.fromkeys(r[averaged:] for r in values.replicates))}
    replicates = {replicate: k for k, replicate in enumerate(selected.replicates)}
    rows = [values.rows.index(row) for row in selected.rows]
    shape = (*selected.values.shape, len(options))
    table = np.full((2, *shape), np.nan)
    sign = 1.0 if selected.direction == "min" else -1.0
    for k, replicate in enumerate(values.replicates):
        place = replicates[replicate[:averaged]], options[replicate[averaged:]]
        table[(0, ..., *place)] = values.values[rows, :, k]
        # A diverged candidate is never selected while another is left.
        table[(1, ..., *place)] = np.where(judged.diverged > 0, np.inf, sign * judged.values)[rows, :, k]
    return np.where(np.isnan(selected.values), np.nan, expected_best(table[0], table[1], draws))
