"""Claim: where all methods are equal, at most 6 % of reports call any of them better or worse.

python benchmarks/false_alarms.py [--experiments 2000] [--json]
Prints, for 2, 9 and 20 equal methods with 12 data sets, how often each kind of answer is wrong: `here` and `elsewhere`
of the declared comparisons, `best` (called clearly the best), any of these (`called`), and two p values that are
printed beside them, signed-rank and Nemenyi's. `interaction`: the methods differ on each data set, by chance, and are
equal over all of them, so that answers about these sets are right.
"""

from __future__ import annotations

import argparse
import json
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from analysis.comparing.families import Family, all_pairs
from analysis.statistics.intervals import t_ends
from analysis.statistics.ranks import critical_difference, holm, ranks

DATASETS = 12
NOISE = 0.01
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def results(rng: np.random.Generator, experiments: int, methods: int, seeds: int, interaction: float) -> Floats:
    """Errors of equal methods, (experiments, data sets, methods, seeds): a level of each data set, and normal noise."""
    level = rng.uniform(0.1, 0.4, size=(experiments, DATASETS, 1, 1))
    level = level + interaction * rng.normal(size=(experiments, DATASETS, methods, 1))
    return level + NOISE * rng.normal(size=(experiments, DATASETS, methods, seeds))


def claims(errors: Floats) -> dict[str, Bools]:
    """By kind of answer, (experiments,): whether it calls some method better or worse than the first, or the best."""
    experiments, rows, methods, _ = errors.shape
    level = Family([(j, 0) for j in range(1, methods)]).each
    by_seed, by_row = errors.mean(axis=1), np.moveaxis(errors.mean(axis=3), 1, 2)  # (experiments, methods, ...)
    p = np.asarray(wilcoxon(by_row[:, 1:] - by_row[:, :1], axis=2, zero_method="zsplit")[1])
    order, each = by_seed.mean(axis=2).argsort(axis=1), np.arange(experiments)
    leaders = by_seed[each, order[:, 0]] - by_seed[each, order[:, 1]]
    mean_ranks = np.stack([ranks(one.T).mean(axis=0) for one in by_row])
    here, over_rows = (sides(found[:, 1:] - found[:, :1], level) for found in (by_seed, by_row))
    return {
        "here": here.any(axis=1),
        "elsewhere": ((over_rows == here) & (here != 0)).any(axis=1),
        "best": sides(leaders[:, None], all_pairs(methods, 0.95).each).any(axis=1),
        "signed_rank": np.stack([holm(one) for one in p]).min(axis=1) < 0.05,
        "nemenyi": np.ptp(mean_ranks, axis=1) > critical_difference(rows, methods),
    }


def sides(differences: Floats, level: float) -> NDArray[np.int64]:
    """(experiments, comparisons): on which side of zero each interval over the last axis lies; 0: it holds zero."""
    low, high = t_ends(differences.reshape(-1, differences.shape[-1]), level)
    return ((low > 0).astype(np.int64) - (high < 0)).reshape(differences.shape[:2])


def false_alarms(methods: int, seeds: int, interaction: float, experiments: int) -> dict[str, float]:
    """The share of experiments in which each kind of answer is wrong."""
    rng = np.random.default_rng([methods, seeds])
    found = claims(results(rng, experiments, methods, seeds, interaction))
    if interaction:
        del found["here"], found["best"]  # these are right
    called = np.stack([wrong for kind, wrong in found.items() if kind in ("here", "elsewhere", "best")]).any(axis=0)
    return {kind: float(wrong.mean()) for kind, wrong in {**found, "called": called}.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    for seeds, interaction, methods in product((5, 10), (0.0, 0.02), (2, 9, 20)):
        line = {"methods": methods, "seeds": seeds, "interaction": interaction}
        line |= false_alarms(methods, seeds, interaction, given.experiments)
        print(json.dumps(line) if given.json else "  ".join(f"{k} {v:g}" for k, v in line.items()), flush=True)


if __name__ == "__main__":
    main()
