"""Claim: the seeds that `normsweep power` asks for decide an open comparison in at least 80 % of repetitions.

python benchmarks/power.py [--repetitions 1000] [--json]
Pilots of 3 and 5 seeds on 4 data sets, 2 and 9 methods, whose true differences are none, half of the region of
equivalence (what takes the most seeds), and the whole of it. Each pilot that leaves a comparison open is extended to
the seeds asked for; prints how many comparisons are decided then, and the median of the seeds.
"""

from __future__ import annotations

import argparse
import json
from itertools import product

import numpy as np
import pandas as pd

from analysis.comparing.needs import needs
from analysis.findings import Findings
from analysis.question import Question

DATASETS, NOISE, ROPE = 4, 0.008, 0.01
QUESTION = Question(columns=("normalizer",), baseline="m0", rope=ROPE)


def table(errors: np.ndarray[tuple[int, int, int], np.dtype[np.float64]]) -> pd.DataFrame:
    """One row a trial, of errors (data sets, methods, seeds)."""
    dataset, method, seed = (index.ravel() for index in np.indices(errors.shape))
    names = {"dataset": [f"d{i}" for i in dataset], "normalizer": [f"m{j}" for j in method]}
    return pd.DataFrame({**names, "seed": seed, "test_error": errors.ravel()})


def decided(rng: np.random.Generator, methods: int, pilot: int, difference: float) -> list[tuple[bool, int]]:
    """Of each comparison that a pilot leaves open, whether the seeds asked for decide it, and how many they are."""
    means = 0.2 + difference * np.minimum(np.arange(methods), 1)[None, :, None]

    def trained(seeds: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.float64]]:
        return means + NOISE * rng.normal(size=(DATASETS, methods, seeds))

    first = trained(pilot)
    outcome: list[tuple[bool, int]] = []
    for need in needs(Findings(table(first), QUESTION)):
        if need.seeds is not None:
            whole = np.concatenate([first, trained(need.seeds - pilot)], axis=2)
            answer = Findings(table(whole), QUESTION).comparison(need.column, need.against).here
            outcome.append((answer != "open", need.seeds))
    return outcome


def shares(methods: int, pilot: int, difference: float, repetitions: int) -> dict[str, float]:
    rng = np.random.default_rng([methods, pilot])
    found = [one for _ in range(repetitions) for one in decided(rng, methods, pilot, difference)]
    hits, seeds = zip(*found, strict=True) if found else ([], [])
    return {"open": len(found), "decided": float(np.mean(hits)), "median_seeds": float(np.median(seeds))}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    for methods, pilot, difference in product((2, 9), (3, 5), (0.0, ROPE / 2, ROPE)):
        line = {"methods": methods, "pilot": pilot, "difference": difference}
        line |= shares(methods, pilot, difference, given.repetitions)
        print(json.dumps(line) if given.json else "  ".join(f"{k} {v:g}" for k, v in line.items()), flush=True)


if __name__ == "__main__":
    main()
