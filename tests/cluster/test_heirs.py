"""Where SLURM does not queue a job again: preemption that cancels, a lost node, the time limit; who goes on then."""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from orchestrator.store import Store
from orchestrator.store.workspace import Workspace
from tests.cluster.conftest import NUMBER, SITE, SWEEP, Cluster, started
from tests.cluster.results import exported
from tests.cluster.test_preemption import ENDLESS
from tests.cluster.watched import Watched

pytestmark = pytest.mark.cluster

SECONDS = float(os.environ.get("NORMSWEEP_HEIRS_SECONDS", "40"))
NODES = 3
ONCE = {"SBATCH_NO_REQUEUE": "1"}  # stronger than the script's --requeue, as a site can make it


@pytest.fixture(scope="module")
def cancelling() -> Generator[Cluster]:
    number = str((int(NUMBER) + 5) % 10)
    yield from started(Cluster(number, NODES, CLUSTER_PREEMPT="CANCEL", CLUSTER_GRACE="3"))


@pytest.fixture
def cluster(cancelling: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Cluster]:
    (tmp_path / "site.toml").write_text(SITE)
    monkeypatch.chdir(tmp_path)
    before = dict(cancelling.environment)
    yield cancelling
    cancelling.environment = before
    cancelling.clear()


class Queue:
    """The jobs of a workspace as squeue has them, looked at again and again."""

    def __init__(self, cluster: Cluster, workspace: Workspace) -> None:
        self._cluster, self._workspace = cluster, workspace
        self.most = self.most_places = 0

    def look(self) -> tuple[dict[str, str], dict[str, str]]:
        """By job its node, "" where it waits; by heir the job that it is the heir of."""
        rows = self._cluster.ask("squeue", "--noheader", "--array", "--format=%i|%j|%N").splitlines()
        intents = [json.loads(p.read_text()) for p in self._workspace.allocations.glob("*.intent.json")]
        parents = {intent["name"]: intent["heir_of"] for intent in intents}
        jobs = [row.split("|") for row in rows]
        nodes = {job: node for job, name, node in jobs if name in parents}
        heirs = {job: parents[name] for job, name, _ in jobs if parents.get(name)}
        places = [job for job, node in nodes.items() if node or heirs.get(job) not in nodes]
        self.most, self.most_places = max(self.most, len(nodes)), max(self.most_places, len(places))
        return nodes, heirs


def submitted(cluster: Cluster, out: Path, allocations: int) -> None:
    words = ["--site", "site.toml", "--workspace", str(out), "--allocations", str(allocations)]
    cluster.normsweep("submit", "sweep.yaml", *words)


@pytest.mark.timeout(SECONDS + 1200)
def test_allocations_that_are_cancelled_again_and_again_go_on_in_their_heirs(cluster: Cluster, tmp_path: Path) -> None:
    sweep = SWEEP.replace("epochs: 40", f"epochs: {round(min(2 * SECONDS, 300))}").replace("seed: 0", "seed: 0..1")
    Path("sweep.yaml").write_text(sweep)
    out = Workspace.at(tmp_path / "out")
    submitted(cluster, out.root, 3)
    queue = Queue(cluster, out)
    cluster.wait(lambda: any((out.root / "logs").glob("*.log")), 240)
    generator = random.Random(1)
    until, due, preempted = time.monotonic() + SECONDS, 0.0, 0
    while queue.look()[0]:
        if due < time.monotonic() < until:
            node = generator.choice([node for node in queue.look()[0].values() if node] or [""])
            if node:
                high = ["--partition=high", "--exclusive", f"--nodelist={node}", "--output=/dev/null"]
                cluster.ask("sbatch", *high, "--wrap=sleep 1")
                preempted += 1
            due = time.monotonic() + generator.uniform(8, 14)
        time.sleep(0.5)
        assert time.monotonic() < until + 900, cluster.ask("squeue")
    states = cluster.ask("sacct", "--noheader", "--allocations", "--parsable2", "--format=JobName,State").splitlines()
    ended = [row.split("|")[1].split()[0] for row in states if row.startswith("normsweep-")]
    print(f"{preempted} preemptions; {ended}; at most {queue.most_places} places, {queue.most} jobs", flush=True)
    assert ended.count("PREEMPTED") >= SECONDS // 20
    assert "FAILED" not in ended, "no line of heirs broke off"
    assert queue.most_places <= 3
    assert queue.most <= 6
    cluster.normsweep("run", "sweep.yaml", "--workspace", str(tmp_path / "local"), "--no-mlflow")
    table = exported(cluster, out.root, tmp_path / "cluster.parquet")
    assert table == exported(cluster, tmp_path / "local", tmp_path / "local.parquet")
    status = cluster.normsweep("status", "cluster", "--workspace", str(out.root)).stdout
    assert re.search(r"jobs that ended: .*\d PREEMPTED", status)
    assert "not needed" in status


@pytest.mark.timeout(400)
def test_cancel_jobs_leaves_none_and_no_heir_comes_after(cluster: Cluster, tmp_path: Path) -> None:
    Path("sweep.yaml").write_text(SWEEP.replace("epochs: 40", "epochs: 20000"))
    out = Workspace.at(tmp_path / "out")
    submitted(cluster, out.root, 3)
    queue = Queue(cluster, out)
    cluster.wait(lambda: len(queue.look()[1]) >= 2, 120)  # the third is about to be left, or just was
    cluster.normsweep("cancel", "cluster", "--jobs", "--workspace", str(out.root))
    cluster.wait(lambda: not cluster.jobs(), 30)
    until = time.monotonic() + 15  # a job that has ended for its heir to begin takes 5
    while time.monotonic() < until:
        assert cluster.jobs() == []
        time.sleep(0.5)


@pytest.mark.timeout(700)
def test_where_nothing_is_queued_again_heirs_follow_the_time_limit_and_a_lost_node(
    cluster: Cluster, tmp_path: Path
) -> None:
    Path("sweep.yaml").write_text(ENDLESS)
    cluster.environment |= ONCE
    out = Workspace.at(tmp_path / "out")
    submitted(cluster, out.root, 1)
    pack, queue = Watched(cluster, out), Queue(cluster, out)

    def running() -> tuple[str, str]:
        nodes, heirs = queue.look()
        (job,) = (job for job, node in nodes.items() if node and heirs.get(job) not in nodes)
        assert heirs[next(heir for heir in heirs if heir != job)] == job
        return job, nodes[job]

    pack.attempt(1)
    job, _ = running()
    saved = pack.saved()
    cluster.ask("scancel", "--signal=USR2", job)  # as before the time limit
    epoch, _ = pack.attempt(2)
    assert epoch >= saved
    assert Store(out).attempts.interruptions()[-1].seconds == 0, "the warning is long enough to save"
    heir, node = running()
    assert heir != job

    saved = pack.saved()
    cluster.control("crash", node[-1])
    epoch, _ = pack.attempt(3)
    cluster.control("boot", node[-1])
    assert epoch >= saved
    assert running()[0] not in (job, heir)
    assert queue.most == 2
    assert queue.most_places == 1
