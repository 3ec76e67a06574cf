"""Claim: what is printed about robustness, differences, divergence and aggregates covers, at 5 and 10 seeds, with and
without gaps; where it covers less than 93 %, the report says so.

python benchmarks/robust_figures.py [--experiments 2000] [--json]
A line a figure: how often its 95 % interval holds the truth (known to half a point), its mean error, and that in
standard errors. Errors are normal with an effect of the seed; gaps: 1 % of results are missing. `cross-over,
percentile bootstrap` is not printed: it is there to show why. The truth of an interquartile mean is what many seeds on
the same data sets give, of a profile area what many data sets give.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from analysis.statistics.bootstrap import iqm, iqm_intervals, percentiles
from analysis.statistics.divergence import share
from analysis.statistics.intervals import Interval, t_interval
from analysis.statistics.paired import over_seeds
from analysis.statistics.profiles import accuracy_of, area, band, standing
from analysis.statistics.ranks import ranks
from analysis.statistics.robustness import Robustness, crossover, over_rows, robustness
from analysis.statistics.scores import Floats, Scores, nanmean

SIZES = (1, 2, 4, 8, 16)
DATASETS = 4
ROWS = 44  # data sets of a difference
NOISE, OF_SEED = 0.02, 0.01
FALLING = np.array([0.30, 0.26, 0.22, 0.18, 0.14])  # crosses 0.20 half way from 4 to 8
RARE, TRAININGS = 0.05, 60
RESAMPLES = 399
ENDLESS = 1000  # seeds whose chance is none


@dataclass(frozen=True)
class Held:
    """Of one figure in one experiment: whether its interval holds the truth, and its error."""

    figure: str
    holds: bool
    error: float = float("nan")


def noise(rng: np.random.Generator, shape: tuple[int, ...], gaps: float) -> Floats:
    """(..., columns, seeds) errors with an effect of the seed that all share, and NaN in gaps."""
    found = NOISE * rng.normal(size=shape) + OF_SEED * rng.normal(size=shape[-1])
    return np.where(rng.random(shape) < gaps, np.nan, found)


def curves(errors: Floats) -> Robustness:
    """Of (sizes, data sets, 2 columns, seeds), through the code that a report uses."""
    rows = [(d, b) for b in SIZES for d in range(DATASETS)]
    values = errors.reshape(len(rows), *errors.shape[2:])
    nothing = np.zeros(values.shape)
    seeds = [(k,) for k in range(values.shape[2])]
    found = robustness(
        Scores(rows, [("bn",), ("ln",)], seeds, values, nothing, nothing, nothing.astype(np.int64)),
        ("dataset", "batch_size"),
    )
    assert found is not None
    return found


def flat(rng: np.random.Generator, seeds: int, gaps: float) -> Iterator[Held]:
    found = curves(0.2 + noise(rng, (len(SIZES), DATASETS, 2, seeds), gaps))
    yield held("change, flat curve", found.change(0), 0.0)
    yield held("index, flat curve", found.index(0), 0.0)
    level = found.interval(found.least, 0)
    assert level is not None
    yield held("error at the smallest size", level, 0.2)
    cross = found.crossover(0, 1)
    yield Held("cross-over, identical curves", cross.low == 0)


def crossing(rng: np.random.Generator, seeds: int, gaps: float) -> Iterator[Held]:
    level = np.stack([FALLING, np.full(len(SIZES), 0.2)], axis=1)[:, None, :, None]
    found = curves(level + noise(rng, (len(SIZES), DATASETS, 2, seeds), gaps))
    truth, cross = 2**2.5, found.crossover(0, 1)
    assert cross.low is not None
    assert cross.high is not None
    yield Held("cross-over", cross.low <= truth <= cross.high, float(np.log2(cross.size / truth)))
    gap = found.loss[:, :, 0] - found.loss[:, :, 1]
    drawn = np.moveaxis(gap[..., rng.integers(0, seeds, size=(RESAMPLES, seeds))], 2, 0)
    low, high = percentiles(np.array([crossover(SIZES, mean) for mean in over_rows(drawn)]), 0.95)
    yield Held("cross-over, percentile bootstrap", bool(low <= truth <= high))


def differences(rng: np.random.Generator, seeds: int, gaps: float) -> Iterator[Held]:
    levels = rng.normal(0.3, 0.1, size=(ROWS, 1, 1))
    values = levels + noise(rng, (ROWS, 2, seeds), gaps)
    yield held("mean on these data sets", over_seeds(values[:, 0]), float(levels.mean()))
    paired = values[:, 1] - values[:, 0]
    yield held("difference on these data sets", over_seeds(paired), 0.0)
    others = paired[:10] + 0.01 * rng.normal(size=(10, 1))  # 10 data sets, each with an effect of its own
    yield held("difference on others like these 10", t_interval(nanmean(others, axis=1)), 0.0)


def shares(rng: np.random.Generator, seeds: int, gaps: float) -> Iterator[Held]:
    trainings = int(rng.binomial(seeds * TRAININGS // 5, 1 - gaps))
    yield held("share that diverged", share(int(rng.binomial(trainings, RARE)), trainings), RARE)


def aggregates(rng: np.random.Generator, seeds: int, gaps: float) -> Iterator[Held]:
    levels, values = drawn(rng, 10, seeds)
    endless = normalized(levels + NOISE * rng.normal(size=(10, 3, ENDLESS)))
    middle = iqm_intervals(normalized(np.where(rng.random(values.shape) < gaps, np.nan, values)), seed=0)[0]
    yield held("interquartile mean of ranks", middle, float(iqm(np.concatenate(list(endless), axis=1))[0]))
    found = band(values, np.arange(10), "min", seed=0, level=0.95)
    assert found is not None
    estimate = float(areas(values)[0])
    interval = Interval(estimate, float(found.area_low[0]), float(found.area_high[0]), seeds)
    yield held("profile area", interval, true_area(seeds))


def drawn(rng: np.random.Generator, rows: int, seeds: int) -> tuple[Floats, Floats]:
    """Levels (rows, 3, 1) of methods that differ on each data set, and errors (rows, 3, seeds)."""
    levels = rng.uniform(0.1, 0.4, size=(rows, 1, 1)) + NOISE * rng.normal(size=(rows, 3, 1))
    return levels, levels + NOISE * rng.normal(size=(rows, 3, seeds))


def normalized(values: Floats) -> Floats:
    return (ranks(values, "min") - 1) / 2


def areas(values: Floats) -> Floats:
    return area(accuracy_of(standing(values, None, "min"), "min"))


@cache
def true_area(seeds: int) -> float:
    return float(areas(drawn(np.random.default_rng(seeds), 20 * ENDLESS, seeds)[1])[0])


def held(figure: str, interval: Interval, truth: float) -> Held:
    assert interval.low is not None
    assert interval.high is not None
    return Held(figure, interval.low <= truth <= interval.high, interval.mean - truth)


Study = Callable[[np.random.Generator, int, float], Iterator[Held]]
STUDIES: tuple[Study, ...] = (flat, crossing, differences, shares, aggregates)


def simulated(experiments: int, seed: int = 0) -> pd.DataFrame:
    """Columns: figure, seeds, gaps, coverage, error (mean), z (that in its standard errors)."""
    lines: list[dict[str, object]] = []
    for seeds in (5, 10):
        for gaps in (0.0, 0.01):
            rng = np.random.default_rng([seed, seeds, int(1000 * gaps)])
            found = [h for _ in range(experiments) for study in STUDIES for h in study(rng, seeds, gaps)]
            for figure in dict.fromkeys(h.figure for h in found):
                errors = np.array([h.error for h in found if h.figure == figure])
                spread = errors.std(ddof=1) / np.sqrt(experiments)
                lines.append(
                    {
                        "figure": figure,
                        "seeds": seeds,
                        "gaps": gaps,
                        "coverage": float(np.mean([h.holds for h in found if h.figure == figure])),
                        "error": float(errors.mean()),
                        "z": float(errors.mean() / spread),
                    }
                )
    return pd.DataFrame(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table = simulated(arguments.experiments)
    print(table.to_json(orient="records") if arguments.json else table.round(4).to_string(index=False))


if __name__ == "__main__":
    main()
