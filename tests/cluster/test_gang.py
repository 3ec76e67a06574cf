"""Trials over the nodes of an allocation: a rank is killed, another stopped, a node lost, a job preempted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.faults.cluster import OURS
from orchestrator.store import Store
from orchestrator.store.attempts import Failure
from orchestrator.store.workspace import Workspace
from sweeps.file.spec import load_spec
from sweeps.plan import expand
from tests.cluster.conftest import Cluster
from tests.cluster.watched import Watched
from trainers import data
from trainers.host import prepare
from trainers.pack import PackTrainer

pytestmark = pytest.mark.cluster

SWEEP = """
name: gang-of-{devices}
trial:
  dataset: cifar10-sample
  model: {{resnet20: {{width: 0.125}}}}
  normalizer: bn
  activation: elu            # relu has units that are exactly 0, where a last bit decides whether a gradient passes
  batch_size: 24
  shards: {devices}
  steps_per_epoch: 20
  epochs: 18
  lr: 0.02
  momentum: 0.9
  precision: float64
run: {{devices: {devices}, checkpoint_seconds: 0.5, stall_seconds: {stall}}}
"""


class Gang:
    """One trial over so many nodes, on its way in an allocation of its own."""

    def __init__(self, cluster: Cluster, folder: Path, devices: int, stall: float = 300) -> None:
        self.devices, self._cluster = devices, cluster
        self._file = folder / f"gang-{devices}.yaml"
        self._file.write_text(SWEEP.format(devices=devices, stall=stall))
        self.workspace = Workspace.at(folder / f"out-{devices}")
        self.pack = Watched(cluster, self.workspace)
        words = ["--site", "site.toml", "--workspace", str(self.workspace.root), "--nodes", str(devices)]
        cluster.normsweep("submit", str(self._file), "--allocations", "1", *words)
        (receipt,) = self.workspace.allocations.glob("*.receipt.json")
        (self.job,) = json.loads(receipt.read_text())["jobs"]

    def goes_on(self, after: int = 0, saved: int = 0) -> None:
        """Waits until an attempt after this one has begun, from an epoch that was saved, and saved anew."""
        assert self.pack.attempt(after + 1)[0] >= saved
        assert self.ranks() == [1] * self.devices

    def so_far(self) -> tuple[int, int]:
        """Its last attempt and how many epochs are saved, no more than that attempt or the next begins with: on a
        machine with much to do one may end by itself."""
        saved = self.pack.saved()
        return self.pack.attempts(), saved

    @property
    def nodes(self) -> list[int]:
        """Of its job, by number; the one that leads it comes first."""
        where = self._cluster.ask("squeue", "--noheader", f"--jobs={self.job}", "--format=%N").strip()
        return [int(name[-1]) for name in self._cluster.ask("scontrol", "show", "hostnames", where).split()]

    def ranks(self) -> list[int]:
        """How many run on each of its nodes."""
        return [len(self._cluster.processes(node, "^ray::Rank")) for node in self.nodes]

    @property
    def failures(self) -> list[Failure]:
        store = Store(self.workspace)
        return [f for pack in store.attempts.failed_packs() for f in store.attempts.failures(pack)]

    def result(self) -> dict[str, Any]:
        (part,) = (self.workspace.root / "parts").rglob("*.parquet")
        (row,) = pq.read_table(part).to_pylist()
        return row

    def undisturbed(self) -> dict[str, Any]:
        """What one process makes of it, here."""
        prepare(threads=1)
        trials = expand(load_spec(str(self._file)), data.facts)
        trainer = PackTrainer(trials, data.read(trials[0].dataset))
        while not trainer.finished:
            trainer.advance(60.0)
        return trainer.rows()[0]


@pytest.mark.timeout(1200)
def test_gangs_over_two_and_three_nodes_end_with_the_undisturbed_result(
    cluster: Cluster, tmp_path: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cluster.environment, "NORMSWEEP_DATA", str(real_data))
    trio = Gang(cluster, tmp_path, 3)
    trio.goes_on()
    before_loss, lost = trio.so_far(), trio.nodes[1]
    cluster.control("crash", str(lost))

    pair = Gang(cluster, tmp_path, 2, stall=20)  # while SLURM finds that out
    pair.goes_on()
    before = pair.so_far()
    assert cluster.kill(pair.nodes[1], "^ray::Rank")
    pair.goes_on(*before)  # in the same Ray cluster, which has room for one placement group
    before, hung = pair.so_far(), pair.nodes[1]
    pid = max(cluster.processes(hung, "^ray::Rank"))
    cluster.control("exec", str(hung), "kill", "-STOP", str(pid))
    pair.goes_on(*before)
    before, leader = pair.so_far(), f"c{cluster.environment['CLUSTER_ID']}n{pair.nodes[0]}"
    cluster.ask("sbatch", "--partition=high", f"--nodelist={leader}", "--output=/dev/null", "--wrap=true")
    pair.goes_on(*before)
    assert trio.pack.begun(before_loss[0] + 1)[0] >= before_loss[1]
    cluster.control("boot", str(lost))
    undisturbed = pair.undisturbed(), trio.undisturbed()
    cluster.wait(lambda: not cluster.jobs(), 900)

    # Two gradients have one sum; with three the order matters, to a last bit of what the ledger keeps in float32.
    for gang, alone, tolerance in zip((pair, trio), undisturbed, (0.0, 2**-23), strict=True):
        ours = gang.result()
        assert (ours["state"], ours["device"]) == ("done", f"{gang.devices} x cpu")
        for curve in ("curve_test_error", "curve_train_loss"):
            assert ours[curve] == pytest.approx(np.float32(alone[curve]).tolist(), rel=tolerance, abs=0.0)
        assert Store(gang.workspace).leases.held() == {}
    name = f"c{cluster.environment['CLUSTER_ID']}n{hung}"
    told = f"process {pid} on {name} was stopped"
    (stalled,) = [f for f in pair.failures if f.kind == "stalled" and f.message.endswith(told)]
    assert (stalled.host, stalled.step) == (name, -1)
    for node in range(1, cluster.nodes + 1):
        cluster.wait(lambda node=node: not cluster.processes(node, OURS), 60)
