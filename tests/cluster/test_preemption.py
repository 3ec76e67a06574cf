"""One interruption after another, each by itself, under the process tracker that the other tests do not use."""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path

import pytest

from benchmarks.faults.cluster import OURS
from orchestrator.store import Store
from orchestrator.store.workspace import Workspace
from tests.cluster.conftest import NUMBER, SITE, Cluster, left_on_nodes, started
from tests.cluster.watched import Watched

pytestmark = pytest.mark.cluster

ENDLESS = """
name: endless
trial: {dataset: wine, depth: 1, width: 16, batch_size: 8, epochs: 1000000, seed: 0}
run: {checkpoint_seconds: 2}
"""
RAYLET = r"^\S+/raylet/raylet "


@pytest.fixture(scope="module")
def other(slurm: Cluster) -> Generator[Cluster]:
    """Two nodes, each with a scratch of its own, where those of the first cluster share one; processes are tracked by
    `linuxproc` where the first cluster has `cgroup`, and the other way round."""
    tracker = re.search(r"proctrack/(\w+)", slurm.ask("scontrol", "show", "config"))
    assert tracker is not None
    name = "linuxproc" if tracker[1] == "cgroup" else "pgid"
    number = str((int(NUMBER) + 5) % 10)
    yield from started(Cluster(number, 2, CLUSTER_PROCTRACK=name, CLUSTER_GRACE="3", CLUSTER_SCRATCH="private"))


@pytest.mark.timeout(900)
def test_a_pack_goes_on_from_its_last_checkpoint_whatever_happens(
    other: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("site.toml").write_text(SITE)
    Path("sweep.yaml").write_text(ENDLESS)
    out = Workspace.at(tmp_path / "out")
    words = ["submit", "sweep.yaml", "--site", "site.toml", "--workspace", str(out.root), "--allocations", "1"]
    pack = Watched(other, out)

    def goes_on(attempt: int, saved: int) -> str:
        epoch, node = pack.attempt(attempt)
        assert epoch >= saved, "no saved epoch is trained twice"
        return node

    def now(column: str) -> str:
        return other.ask("squeue", "--noheader", f"--Format={column}").strip()

    other.normsweep(*words)
    node = goes_on(1, 0)
    number = int(node[-1])

    saved = pack.saved()
    assert other.kill(number, RAYLET)
    goes_on(2, saved)
    assert now("RestartCnt") == "0", "a new Ray cluster in the same run of the job"

    saved = pack.saved()
    other.ask("sbatch", "--partition=high", "--exclusive", f"--nodelist={node}", "--output=/dev/null", "--wrap=true")
    goes_on(3, saved)
    assert now("RestartCnt") == "1"

    other.ask("scancel", "--signal=USR2", now("JobID"))
    goes_on(4, pack.saved())
    assert now("RestartCnt") == "2"
    assert re.search("pid .* saved at epoch .* and stopped", pack.log())
    assert Store(out).attempts.interruptions()[-1].seconds == 0, "the warning is long enough to save"

    number = int(now("NodeList")[-1])
    saved = pack.saved()
    other.control("crash", str(number))
    goes_on(5, saved)  # on the other node, or on this one if it came back sooner
    assert now("RestartCnt") == "3"
    other.control("boot", str(number))

    saved = pack.saved()
    other.ask("scancel", now("JobID"))
    other.wait(lambda: not other.jobs(), 60)
    other.normsweep(*words)
    goes_on(6, saved)
    assert [i.generation for i in Store(out).attempts.interruptions()] == [2, 3, 4, 5, 6]
    assert max(i.seconds for i in Store(out).attempts.interruptions()) <= 2
    other.clear()
    for n in (1, 2):
        other.wait(lambda n=n: not other.processes(n, OURS), 60)
    assert left_on_nodes(other) == []
