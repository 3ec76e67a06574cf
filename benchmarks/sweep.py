"""How long a whole sweep takes: `normsweep run`, and the same trials in plain torch under Ray Tune and joblib, in turn.

    python benchmarks/sweep.py                                  # the demo's 216 trials, 3 rounds: half an hour
    python benchmarks/sweep.py --set seed=0 --rounds 1 --contenders normsweep joblib

Each is a process of its own, from its start to its end, on all cores: `normsweep run` as a user types it, MLflow
included; Tune with a Trainable that trains one network, one core and one epoch a step, `tune-reuse` with
`reuse_actors`; joblib's Parallel. What has not ended after `--limit` seconds is stopped and extrapolated from the
trials that are done, in an order that is shuffled; that is said. The mean test error of the trials that a contender
did is told beside that of normsweep's over the same trials: they draw other random numbers, and must agree to 0.05.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from orchestrator.store import Store
from orchestrator.store.workspace import Workspace
from sweeps.file.spec import load_spec
from sweeps.plan import expand
from sweeps.trial import Trial
from trainers import data

ROOT = Path(__file__).resolve().parent.parent
CONTENDERS = ("normsweep", "tune-reuse", "tune", "joblib")
TOLERANCE = 0.05  # of mean test errors


@dataclass(kw_only=True, slots=True)
class Taken:
    """`seconds` for all trials, extrapolated where `errors`, the test errors by trial, are fewer."""

    seconds: float
    errors: dict[str, float]


def prepare(trials: list[Trial], folder: Path) -> None:
    """Writes what plain torch trains: `trials.json`, in an order without order, and an .npz of each data set."""
    settings = [{"id": t.id, **t.as_json()} for t in trials]
    random.Random(0).shuffle(settings)
    (folder / "trials.json").write_text(json.dumps(settings))
    for name, split, mode in {(t.dataset, t.split, t.standardize) for t in trials}:
        dataset = data.load(name)
        parts = dataset.split(split)
        x = data.standardized(dataset, parts, mode)
        rows = {part: getattr(parts, part) for part in ("train", "validation", "test")}
        np.savez(folder / f"{name}.npz", x=x, y=dataset.y, **rows)


def normsweep(sweep: str, overrides: list[str], folder: Path) -> Taken:
    words = [word for override in overrides for word in ("--set", override)]
    seconds = _run("-m", "orchestrator.cli", "run", sweep, "--workspace", str(folder), "--yes", *words)
    store = Store(Workspace.at(str(folder)))
    rows, _ = store.ledger.read(store.ledger.done(), ["trial_id", "test_error"])
    return Taken(seconds=seconds, errors={row["trial_id"]: row["test_error"] for row in rows.to_pylist()})


def plain(how: str, folder: Path, trials: int, limit: float) -> Taken:
    seconds = _run("-m", "benchmarks.contenders.sweeping", how, str(folder), str(os.cpu_count()), str(limit))
    began = json.loads((folder / "began.json").read_text())
    errors = dict(json.loads(line) for line in (folder / "done.jsonl").read_text().splitlines())
    if not errors:
        raise SystemExit(f"{how} has done no trial in {limit:.0f} s: raise --limit")
    return Taken(seconds=began + (seconds - began) * trials / len(errors), errors=errors)


def _run(*words: str) -> float:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_AIR_NEW_OUTPUT": "0"}
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with code {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - begin


def measure(name: str, trials: list[Trial], options: argparse.Namespace) -> Taken:
    """From an empty folder."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        if name == "normsweep":
            return normsweep(options.sweep, options.set, folder)
        prepare(trials, folder)
        return plain(name, folder, len(trials), options.limit)


def compare(rounds: list[dict[str, Taken]], trials: int) -> list[dict[str, Any]]:
    """A row for each contender; ratios are the medians of the rounds' own. SystemExit where errors do not agree."""
    rows: list[dict[str, Any]] = []
    for name in rounds[0]:
        ratios, done = [], trials
        for one in rounds:
            taken, ours = one[name], one.get("normsweep")
            done = min(done, len(taken.errors))
            if ours is None:
                continue
            ratios.append(taken.seconds / ours.seconds)
            both = taken.errors.keys() & ours.errors.keys()
            error, beside = (statistics.mean(each.errors[t] for t in both) for each in (taken, ours))
            if abs(error - beside) > TOLERANCE:
                raise SystemExit(f"{name} has a mean test error of {error:.3f} where normsweep has {beside:.3f}")
        rows.append(
            {
                "contender": name,
                "seconds": statistics.median(one[name].seconds for one in rounds),
                "trials": done,
                "ratio": statistics.median(ratios) if ratios else None,
                "test error": statistics.mean(rounds[0][name].errors.values()),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweep", default="demo", help="of mlps with none, bn and vcl, by SGD")
    parser.add_argument("--set", action="append", default=[], metavar="AXIS=VALUES", help="as of `normsweep run`")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=180.0, help="seconds of Tune or joblib; longer is extrapolated")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    trials = expand(load_spec(options.sweep, options.set), data.facts)
    rounds: list[dict[str, Taken]] = []
    for _ in range(options.rounds):
        rounds.append({})
        for name in options.contenders:
            rounds[-1][name] = measure(name, trials, options)
            print(f"{name}: {rounds[-1][name].seconds:.1f} s", file=sys.stderr)
    rows = compare(rounds, len(trials))
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"| contender | seconds for {len(trials)} trials | as a multiple | mean test error |")
    print("| --- | ---: | ---: | ---: |")
    for row in rows:
        note = "" if row["trials"] == len(trials) else f" (extrapolated from {row['trials']})"
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.1f}"
        print(f"| {row['contender']} | {row['seconds']:.1f}{note} | {ratio} | {row['test error']:.3f} |")


if __name__ == "__main__":
    main()
