"""From `submit` to the first trained step, on an idle cluster: the seconds of each stage, in one allocation.

python benchmarks/slurm_start.py [--site FILE --workspace FOLDER] [--nodes 2] [--repeat 3] [--json]
Without a site file it starts the tests' own cluster on this machine (root; packages of tests/install-system).
Prints the median of each stage and the load of this machine beside it. "First step": a pack saved what it trained,
which it does after a fifth of a second.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLUSTER = ROOT / "tests" / "cluster" / "slurm-cluster"
SITE = """
partition = "low"
minutes = 10
cpus = 1
scratch = "/tmp/ray"
"""
SWEEP = """
name: start
trial: {dataset: wine, depth: 2, epochs: 20000, normalizer: [none, bn], seed: 0}
run: {checkpoint_seconds: 0.2}
"""
LONGEST = 300.0


@contextmanager
def cluster(number: str, nodes: int) -> Generator[None]:
    os.environ |= {"CLUSTER_ID": number, "CLUSTER_NODES": str(nodes), "CLUSTER_CPUS": "1"}
    subprocess.run([CLUSTER, "up"], check=True)
    try:
        said = subprocess.run([CLUSTER, "env"], check=True, capture_output=True, text=True).stdout
        name, _, value = said.partition(" ")[2].strip().partition("=")
        os.environ[name] = value
        yield
    finally:
        subprocess.run([CLUSTER, "down"], check=True)


def stages(out: Path) -> dict[str, Callable[[], bool]]:
    """What has happened, read from the files that it leaves."""
    folder = out / "allocations" / "000001"

    def any_of(where: Path, pattern: str) -> bool:
        return next(where.glob(pattern), None) is not None

    def head_answers() -> bool:
        return any("--address=" in log.read_text(errors="replace") for log in folder.glob("ray-*.log"))

    return {
        "submit: plan and probe": lambda: (out / "allocations" / "000001.intent.json").exists(),
        "submit: sbatch": lambda: (out / "allocations" / "000001.receipt.json").exists(),
        "SLURM starts the job": lambda: any_of(folder, "*_log.out"),
        "Python starts in it": lambda: any_of(folder, "token-*"),
        "Ray's head answers": head_answers,
        "the driver starts": lambda: any_of(out / "heartbeats", "*.json"),
        "it joins Ray, leases a pack": lambda: any_of(out / "leases", "[0-9a-f]*"),
        "a trainer starts": lambda: any_of(out / "logs", "[0-9a-f]*.log"),
        "first step": lambda: any_of(out / "progress", "[0-9a-f]*.parquet"),
    }


def measured(site: Path, folder: Path, nodes: int) -> dict[str, float]:
    out = folder / "out"
    sweep = folder / "start.yaml"
    sweep.write_text(SWEEP)
    words = ["submit", str(sweep), "--site", str(site), "--nodes", str(nodes), "--workspace", str(out)]
    taken: dict[str, float] = {}
    began = last = time.monotonic()
    submit = subprocess.Popen([sys.executable, "-m", "orchestrator.cli", *words], stdout=subprocess.DEVNULL)
    try:
        for name, happened in stages(out).items():
            while not happened():
                if time.monotonic() - began > LONGEST or submit.poll() not in (None, 0):
                    raise SystemExit(f"it stopped before '{name}': see {out}")
                time.sleep(0.02)
            now = time.monotonic()
            taken[name], last = now - last, now
        return {**taken, "submit to first step": last - began}
    finally:
        submit.wait()
        for receipt in (out / "allocations").glob("*.receipt.json"):
            if jobs := json.loads(receipt.read_text())["jobs"]:
                subprocess.run(["scancel", *jobs], check=False)
                while subprocess.run(["squeue", "--me", "-h", "-j", ",".join(jobs)], capture_output=True).stdout:
                    time.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", type=Path)
    parser.add_argument("--workspace", type=Path, help="a folder on a disk that all nodes share; default: a fresh one")
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.workspace) as folder:
        if arguments.site is None:
            site = Path(folder) / "site.toml"
            site.write_text(SITE)
            with cluster(os.environ.get("CLUSTER_ID", "7"), arguments.nodes):
                runs = repeated(site, Path(folder), arguments)
        else:
            runs = repeated(arguments.site.resolve(), Path(folder), arguments)
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    load, cores = os.getloadavg()[0], os.cpu_count()
    if arguments.json:
        print(json.dumps({**medians, "load": load, "cores": cores}, indent=2))
        return
    for name, seconds in medians.items():
        print(f"{name:28} {seconds:6.1f} s")
    print(f"{arguments.nodes} nodes, median of {len(runs)}, load {load:.1f} on {cores} cores at the end")


def repeated(site: Path, folder: Path, arguments: argparse.Namespace) -> list[dict[str, float]]:
    runs: list[dict[str, float]] = []
    for number in range(arguments.repeat):
        place = folder / str(number)
        place.mkdir()
        runs.append(measured(site, place, arguments.nodes))
    return runs


if __name__ == "__main__":
    main()
