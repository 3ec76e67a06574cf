"""Days on which SLURM itself is away, or a node is not what it was: nothing hangs, nobody is taken for dead."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from orchestrator.store import Store
from orchestrator.store.parts import decode
from orchestrator.store.workspace import Workspace
from tests.cluster.conftest import SITE, Cluster
from tests.cluster.results import CIRCUMSTANCES
from tests.plugins.files import SLOW

pytestmark = pytest.mark.cluster

SWEEP = """
name: cluster
plugins: [slow.py]
trial:
  dataset: wine
  depth: [2, 3]
  activation: slow
  normalizer: [none, bn, vcl]
  width: 32
  epochs: 300
  seed: 0..3
run: {checkpoint_seconds: 1, pack: 2}
"""
# Once `slow` exists each answer takes ten seconds, and is noted there.
SQUEUE = """#!/bin/sh
[ ! -e {slow} ] || {{ sleep 10; [ ! -e {slow} ] || echo >>{slow}; }}
exec {real} "$@"
"""
# A fake: once `jump` exists, the clock of our own Python processes is an hour ahead. The machine's real clock stays.
FAKE_CLOCK = """
import os, time
real = time.time
time.time = lambda: real() + 3600 * os.path.exists({jump!r})
"""
AHEAD, LOST, DRAINED, BROKEN = 1, 2, 3, 4  # nodes, by number
LEFT_TO_JOBS = '[ "$SLURM_JOB_NAME" = normsweep-probe ]'


class Away:
    """A sweep of which SLURM's programs, a clock and the nodes can be disturbed."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.out = Workspace.at(folder / "out")
        self.slow, self.jump = folder / "slow", folder / "jump"
        self._programs = folder / "programs"
        self._programs.mkdir()
        real = shutil.which("squeue", path=cluster.environment["PATH"])
        (self._programs / "squeue").write_text(SQUEUE.format(slow=self.slow, real=real))
        (self._programs / "squeue").chmod(0o755)
        fakes = folder / "fakes"
        fakes.mkdir()
        (fakes / "sitecustomize.py").write_text(FAKE_CLOCK.format(jump=str(self.jump)))
        ahead = f'[ "$SLURMD_NODENAME" != {self.name(AHEAD)} ] || export PYTHONPATH={fakes}:$PYTHONPATH'
        setup = json.dumps([f"export PATH={self._programs}:$PATH", ahead])
        Path("site.toml").write_text(f"{SITE}setup = {setup}\n" + only(cluster, AHEAD, LOST, DRAINED))

    def over(self) -> None:
        """All is as before. The accounting comes first: a controller that was killed does not start without it."""
        for word in ("start-dbd", "start-ctld"):
            self.cluster.control(word)
        self.cluster.control("boot", str(LOST))
        self.cluster.wait(self._resumed, 60)

    def _resumed(self) -> bool:
        """A controller that was killed refuses it until the node has reported."""
        name = self.name(DRAINED)
        state = self.cluster.ask("sinfo", "--noheader", f"--nodes={name}", "--format=%T")
        if "drain" in state:
            with suppress(subprocess.CalledProcessError):
                self.cluster.ask("scontrol", "update", f"nodename={name}", "state=resume")
        return "drain" not in state and "unknown" not in state

    def name(self, node: int) -> str:
        return f"c{self.cluster.environment['CLUSTER_ID']}n{node}"

    def status(self) -> dict[str, Any]:
        """As a user on the login node gets it, whose squeue is as slow as the nodes'."""
        path = f"{self._programs}:{self.cluster.environment['PATH']}"
        command = [sys.executable, "-m", "orchestrator.cli", "status", "--json", "--workspace", str(self.out.root)]
        environment = {**self.cluster.environment, "PATH": path}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode in (0, 3), done.stderr
        return json.loads(done.stdout)[0]

    def states(self) -> dict[str, str]:
        """By node, the state of the job there."""
        return {job["hosts"]: job["state"] for job in self.status()["jobs"] if not job["over"]}

    def trained(self) -> Counter[str]:
        """By node, the epochs that were saved or published there."""
        found = Counter[str]()
        for folder in ("progress", "parts"):
            for path in (self.out.root / folder).glob("[0-9a-f]*.parquet"):
                try:
                    row = decode(path, ["curve_train_loss", "host"]).slice(0, 1).to_pylist()[0]
                except FileNotFoundError:  # the pack was finished in this moment
                    continue
                found[row["host"]] += len(row["curve_train_loss"])
        return found

    def goes_on(self, *nodes: int, before: Counter[str] | None = None) -> None:
        """Waits until each of these nodes has trained more than `before`, or than now."""
        before = self.trained() if before is None else before

        def moved() -> bool:
            now = self.trained()
            return all(now[self.name(n)] > before[self.name(n)] for n in nodes)

        self.cluster.wait(moved, 120)


def only(cluster: Cluster, *nodes: int) -> str:
    """The line of a site file that leaves these nodes."""
    others = (f"c{cluster.environment['CLUSTER_ID']}n{n}" for n in range(1, cluster.nodes + 1) if n not in nodes)
    return f'exclude = "{",".join(others)}"\n'


def broken(cluster: Cluster, folder: Path) -> Path:
    """Submits a sweep to a node whose Ray cannot start; returns its workspace."""
    (folder / "broken" / "ray").mkdir(parents=True)
    (folder / "broken" / "ray" / "__init__.py").write_text('raise ImportError("Ray is not itself today")\n')
    setup = json.dumps([f"{LEFT_TO_JOBS} || export PYTHONPATH={folder}/broken:$PYTHONPATH"])
    (folder / "broken.toml").write_text(f"{SITE}setup = {setup}\n" + only(cluster, BROKEN))
    out = folder / "broken-out"
    words = ["--site", str(folder / "broken.toml"), "--workspace", str(out), "--allocations", "1"]
    cluster.normsweep("submit", "sweep.yaml", *words)
    return out


def table(cluster: Cluster, workspace: Path, target: Path) -> pa.Table:
    cluster.normsweep("export", "cluster", "-o", str(target), "--workspace", str(workspace))
    rows = pq.read_table(target)
    return rows.filter(pc.equal(rows["seed"], 0)).drop_columns([*CIRCUMSTANCES, "pack_id"])


@pytest.mark.timeout(900)
def test_a_sweep_goes_on_while_slurm_is_away_and_nodes_are_not_what_they_were(
    cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    Path("slow.py").write_text(SLOW)
    Path("sweep.yaml").write_text(SWEEP)
    failing = broken(cluster, tmp_path)
    away = Away(cluster, tmp_path)
    request.addfinalizer(away.over)  # the cluster is for other tests, too
    words = ["--site", "site.toml", "--workspace", str(away.out.root), "--allocations", "3"]
    cluster.normsweep("submit", "sweep.yaml", *words)
    where = {away.name(n) for n in (AHEAD, LOST, DRAINED)}
    cluster.wait(lambda: away.trained().keys() == where, 300)
    assert away.states() == dict.fromkeys(where, "RUNNING")
    running = {(away.name(n), "RUNNING") for n in (AHEAD, DRAINED)}

    # A reservation, an accounting that is away, a clock that jumps: nobody is the worse for it.
    cluster.ask("scontrol", "update", f"nodename={away.name(DRAINED)}", "state=drain", "reason=maintenance")
    cluster.control("kill-dbd")
    away.jump.touch()
    # A node that lost its power and comes back, with another boot id: its job comes again.
    cluster.control("crash", str(LOST))
    cluster.control("boot", str(LOST))
    away.goes_on(AHEAD, DRAINED)

    # A squeue that takes its time: whoever asks waits for it, training does not.
    away.slow.touch()
    before = away.trained()
    cluster.wait(lambda: running <= away.states().items() and away.slow.read_text() != "", 60)
    away.goes_on(AHEAD, DRAINED, before=before)
    away.slow.unlink()

    # A controller that is away: the last state stays, and who trains goes on.
    cluster.control("kill-ctld")
    away.goes_on(AHEAD, DRAINED)
    status = away.status()
    assert {(job["hosts"], job["state"]) for job in status["jobs"]} >= running
    cluster.wait(lambda: away.status()["running"], 30)  # between two packs there is none
    away.over()

    cluster.wait(lambda: not cluster.jobs(), 600)
    assert away.status()["states"] == {"done": 24}
    assert Store(away.out).leases.held() == {}
    cluster.normsweep("run", "sweep.yaml", "-w", "seed=0", "--workspace", str(tmp_path / "local"), "--no-mlflow")
    undisturbed = table(cluster, tmp_path / "local", tmp_path / "local.parquet")
    assert table(cluster, away.out.root, tmp_path / "cluster.parquet").equals(undisturbed)
    # Nobody was taken for dead but those on the node that was lost.
    rows = pq.read_table(tmp_path / "cluster.parquet", columns=["pack_id", "attempts"]).to_pylist()
    assert len({row["pack_id"] for row in rows if row["attempts"] > 1}) <= 3

    told = cluster.normsweep("status", "--workspace", str(failing), check=False).stdout
    why = f"Ray on {away.name(BROKEN)}: ImportError: Ray is not itself today; see {failing}/allocations/000001"
    assert f"FAILED: Ray or its driver ended 5 times within a minute of the start: {why}" in told
    assert f"within a minute of the start: {why}" in cluster.normsweep("errors", "--workspace", str(failing)).stdout
