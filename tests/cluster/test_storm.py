"""A storm: for minutes, everything that can happen to jobs and nodes happens at random. Then calm; nothing is lost."""

from __future__ import annotations

import os
import random
import re
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from orchestrator.store import Store
from orchestrator.store.workspace import Workspace
from orchestrator.watch.failures import interrupted
from slurm.job import parse_duration
from tests.chaos.test_kill import one_run_per_trial
from tests.cluster.conftest import NODES, SITE, SWEEP, Cluster
from tests.cluster.results import exported

pytestmark = pytest.mark.cluster

SECONDS = float(os.environ.get("NORMSWEEP_STORM_SECONDS", "180"))
SEED = int(os.environ.get("NORMSWEEP_STORM_SEED", "1"))
CHECKPOINT_SECONDS = 2.0
# More work than the storm leaves time for, and little more.
EPOCHS = round(1.4 * SECONDS)
PROCESSES = {
    "driver": "-m orchestrator[.]cluster[.]allocation",
    "raylet": r"^\S+/raylet/raylet ",
    "trainer": "ray::[A-Za-z]*Trainable",
}
EVENTS = (
    "preempt",
    "requeue",
    "time limit",
    *(f"kill {name}" for name in PROCESSES),
    "kill slurmd",
    "power loss",
    "restart slurmctld",
    "disk read-only",
)


class Storm:
    def __init__(self, cluster: Cluster, disk: Path, seed: int) -> None:
        self._cluster = cluster
        self._disk = disk
        self._random = random.Random(seed)
        self.hits: Counter[str] = Counter()
        self.misses: Counter[str] = Counter()

    def rage(self, seconds: float) -> None:
        """Every kind of event in turn, each time in another order; every one is logged with what it hit."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for event in self._random.sample(EVENTS, len(EVENTS)):
                time.sleep(self._random.uniform(3, 9))
                if time.monotonic() > until:
                    return
                hit = self._strike(event)
                (self.hits if hit else self.misses)[event] += 1
                print(f"{time.strftime('%H:%M:%S')} {event}: {hit or 'nobody there'}", flush=True)

    def _strike(self, event: str) -> str:
        """One event, somewhere; returns what it hit, "" when there was nothing to hit."""
        cluster, nodes = self._cluster, self._random.sample(range(1, NODES + 1), NODES)
        first = str(nodes[0])
        match event.split():
            case ["preempt"]:
                name = f"c{cluster.environment['CLUSTER_ID']}n{first}"
                above = ("--partition=high", "--exclusive", f"--nodelist={name}", "--output=/dev/null")
                victims = cluster.ask("squeue", "--noheader", "--states=R", f"--nodelist={name}", "--format=%i").split()
                cluster.ask("sbatch", *above, "--wrap=sleep 5")
                return " ".join(victims)
            case ["requeue"]:
                return self._tell("scontrol", "requeue", "{}")
            case ["time", "limit"]:
                return self._tell("scontrol", "update", "TimeLimit=2", "JobId={}", younger=90)
            case ["kill", "slurmd"]:
                hit = cluster.kill(nodes[0], "^slurmd ")
                time.sleep(3)
                cluster.control("start-slurmd", first)
                return f"node {first}: {hit}"
            case ["kill", what]:
                until = time.monotonic() + 30  # the last event may have left none
                while time.monotonic() < until:
                    for node in nodes:
                        if hit := cluster.kill(node, PROCESSES[what]):
                            assert re.search(PROCESSES[what], hit)
                            return f"node {node}: {hit[:60]}"
                    time.sleep(1)
                return ""
            case ["power", "loss"]:
                cluster.control("crash", first)
                time.sleep(5)
                cluster.control("boot", first)
                return f"node {first}"
            case ["restart", "slurmctld"]:
                cluster.control("restart-ctld")
                return "slurmctld"
            case _:
                cluster.control("disk-ro", str(self._disk))
                time.sleep(10)
                cluster.control("disk-rw", str(self._disk))
                return str(self._disk)

    def _tell(self, *words: str, younger: float = float("inf")) -> str:
        """Says it of one of our running jobs."""
        said = self._cluster.ask("squeue", "--noheader", "--states=R", "--partition=low", "--format=%i %M").split()
        jobs = [job for job, age in zip(said[::2], said[1::2], strict=True) if parse_duration(age) < younger]
        if not jobs:
            return ""
        job = self._random.choice(jobs)
        try:
            self._cluster.ask(*(word.format(job) for word in words))
        except subprocess.CalledProcessError:  # it ended in this moment
            return ""
        return job


@pytest.mark.timeout(SECONDS + 1500)
def test_a_sweep_survives_a_storm_with_every_result(cluster: Cluster, tmp_path: Path) -> None:
    Path("sweep.yaml").write_text(SWEEP.replace("epochs: 40", f"epochs: {EPOCHS}").replace("seed: 0", "seed: 0..3"))
    Path("site.toml").write_text(SITE.replace("minutes = 10", "minutes = 4"))
    out = Workspace.at(tmp_path / "out")
    words = ["--site", "site.toml", "--workspace", str(out.root), "--allocations", "3", "--nodes", "2"]
    cluster.normsweep("submit", "sweep.yaml", *words)
    cluster.wait(lambda: any((out.root / "logs").glob("*.log")), 240)
    storm = Storm(cluster, out.root, SEED)
    storm.rage(SECONDS)
    print(f"seed {SEED}: hits {dict(storm.hits)}, misses {dict(storm.misses)}", flush=True)
    assert {f"kill {what}" for what in (*PROCESSES, "slurmd")} <= storm.hits.keys()
    assert storm.hits.total() > 2 * storm.misses.total()
    calm = cluster.wait(lambda: not cluster.jobs(), 900)
    print(f"calm for {calm:.0f} s; {interrupted(Store(out))}", flush=True)

    cluster.normsweep("run", "sweep.yaml", "--workspace", str(tmp_path / "local"), "--no-mlflow")
    table = exported(cluster, out.root, tmp_path / "cluster.parquet")
    assert table == exported(cluster, tmp_path / "local", tmp_path / "local.parquet")
    cluster.normsweep("sync", "--workspace", str(out.root))
    assert one_run_per_trial(out.root) == 96
    assert Store(out).leases.held() == {}
    for node in range(1, NODES + 1):
        cluster.wait(lambda node=node: not cluster.processes(node, "orchestrator|raylet|gcs_server|ray::|submitit"), 60)
    # What each interruption cost each pack.
    lost = Store(out).attempts.interruptions()
    assert lost
    assert max(i.seconds for i in lost) <= CHECKPOINT_SECONDS
