"""How fast a large ledger opens: `status`, `plan`, `analyze` on simulated trainings, written by the real writer.

python benchmarks/ledger.py [--trials 50000] [--epochs 500] [--folder DIR] [--json]
Prints wall seconds and peak memory of each verb in a fresh process.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from orchestrator.planning.plan import commit
from orchestrator.store import Store
from orchestrator.store.parts import part_rows
from orchestrator.store.workspace import Workspace
from sweeps.file.spec import SweepSpec, load_spec

SWEEP = """
name: large
trial:
  dataset: [optical-test, wine, breast_cancer, titanic, led-display-generated, waveform-generated,
            twonorm-generated, ringnorm-generated]
  depth: [4, 8, 16]
  activation: [relu, elu, selu]
  normalizer: [none, bn, vcl]
  epochs: {epochs}
  seed: 0..{last}
analysis:
  select: {{over: [depth], by: val_error}}
"""
CELLS = 8 * 3 * 3 * 3


def spec(folder: Path, trials: int, epochs: int) -> tuple[Path, SweepSpec]:
    path = folder / "large.yaml"
    path.write_text(SWEEP.format(epochs=epochs, last=max(trials // CELLS, 1) - 1))
    return path, load_spec(str(path))


def simulate(workspace: Workspace, sweep: SweepSpec, epochs: int) -> int:
    """Publishes a made-up part for every pack; returns the number of trials."""
    store = Store(workspace)
    commit(store, sweep)
    chance, count = np.random.Generator(np.random.PCG64(0)), 0
    falling = np.exp(-np.arange(epochs) / (epochs / 5))
    for pack in store.roster.live:
        rows = []
        for _ in pack.trial_ids:
            level = chance.uniform(0.05, 0.3)
            noise = chance.normal(0, 0.01, (3, epochs))
            train, validation, test = (level + 0.5 * falling + noise).astype(np.float32)
            rows.append(
                {
                    "state": "done",
                    "selected_epoch": int(validation.argmin()),
                    "val_error": float(validation.min()),
                    "test_error": float(test[validation.argmin()]),
                    "majority_error": 0.5,
                    "train_loss": float(train[-1]),
                    "curve_train_loss": train.tolist(),
                    "curve_val_error": validation.tolist(),
                    "curve_test_error": test.tolist(),
                }
            )
        store.ledger.publish(
            pack.id, part_rows(pack, rows, {"seconds": 2.0, "attempts": 1, "device": "cpu", "threads": 1})
        )
        count += len(rows)
    return count


def timed(*words: str) -> dict[str, float]:
    """Wall seconds and peak memory (MiB) of one command in a process of its own."""
    code = f"import sys; sys.argv = {['normsweep', *words]!r}; from orchestrator.cli.main import main; main()"
    meter = (
        "import resource, subprocess, sys\n"
        f"done = subprocess.run([sys.executable, '-c', {code!r}], stdout=subprocess.DEVNULL)\n"
        "assert done.returncode in (0, 3), done.returncode\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", meter], check=True, capture_output=True, text=True)
    return {"seconds": time.perf_counter() - begin, "mib": float(done.stdout)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=50_000)
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--folder", type=Path, help="keep the ledger there, and use it again")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="normsweep-ledger-"))
    folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace.at(folder / "out")
    path, sweep = spec(folder, arguments.trials, arguments.epochs)
    figures: dict[str, dict[str, float]] = {}
    if not workspace.parts.exists():
        begin = time.perf_counter()
        count = simulate(workspace, sweep, arguments.epochs)
        figures["write"] = {"seconds": time.perf_counter() - begin, "trials": count}
    begin = time.perf_counter()
    Store(workspace).ledger.renew_cache(Store(workspace).ledger.done())
    figures["renew cache"] = {
        "seconds": time.perf_counter() - begin,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    root = ("--workspace", str(workspace.root))
    for name, words in {
        "status": ("status", "large", *root),
        "plan": ("plan", str(path), *root),
        "wins": ("wins", "large", *root),
        "analyze": ("analyze", "large", "-o", str(folder / "analysis"), *root),
        "report": ("report", "large", "-o", str(folder / "report.html"), *root),
    }.items():
        figures[name] = timed(*words)
    if arguments.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, values in figures.items():
            print(f"{name:12}", "  ".join(f"{value:10.2f} {unit}" for unit, value in values.items()))
    if not arguments.folder:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
