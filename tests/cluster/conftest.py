"""A real SLURM cluster on this machine for the tests marked `cluster`: six nodes, accounting, preemption."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.conftest import HERE

SCRIPT = Path(__file__).with_name("slurm-cluster")
PROGRAMS = ("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "ip", "nsenter")
NODES = 6

SITE = """
partition = "low"
minutes = 10
cpus = 1
signal_seconds = 20
scratch = "/tmp/ray"
"""

SWEEP = """
name: cluster
trial:
  dataset: [wine, breast_cancer]
  depth: [2, 3]
  activation: [relu, selu]
  where: [{if: "activation=relu", dropout: 0.5}, {if: "activation=selu", alpha_dropout: 0.05}]
  normalizer: [none, bn, vcl]
  width: 32
  epochs: 40
  seed: 0
run: {checkpoint_seconds: 2, pack: 8}
"""


class Cluster:
    """The cluster, and the command line as a user of it has it."""

    def __init__(self, number: str, nodes: int = NODES, **options: str) -> None:
        self.nodes = nodes
        self.environment = {**os.environ, "CLUSTER_ID": number, "CLUSTER_NODES": str(nodes), "CLUSTER_CPUS": "1"}
        self.environment |= options | {"PYTHONPATH": str(HERE.parent)}

    def control(self, *words: str) -> str:
        done = subprocess.run([SCRIPT, *words], env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def up(self) -> None:
        self.control("up")
        name, _, value = self.control("env").partition(" ")[2].strip().partition("=")
        self.environment[name] = value

    def ask(self, *command: str) -> str:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    def normsweep(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "orchestrator.cli", *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, done.stderr + done.stdout
        return done

    def jobs(self) -> list[str]:
        return self.ask("squeue", "--noheader", "--array", "--format=%i").split()

    def processes(self, node: int, pattern: str) -> dict[int, str]:
        """Command lines of a node's processes that match, by pid; none where the node is down."""
        # Not through a shell, whose own command line would match.
        words = [SCRIPT, "exec", str(node), "pgrep", "--list-full", "--full", "--", pattern]
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False)
        lines = (line.partition(" ") for line in done.stdout.splitlines())
        return {int(pid): command for pid, _, command in lines}

    def kill(self, node: int, pattern: str) -> str:
        """Kills one such process, the newest, and sees it gone; returns its command line, "" when there was none."""
        found = self.processes(node, pattern)
        if not found:
            return ""
        pid = max(found)
        self.control("exec", str(node), "kill", "-KILL", str(pid))
        self.wait(lambda: self.processes(node, pattern).get(pid) != found[pid], 30)
        return found[pid]

    def wait(self, what: Callable[[], bool], seconds: float) -> float:
        """Seconds that it took until `what` was so; it may take so many on a quiet machine, and thrice that on any."""
        began = time.monotonic()
        while not what():
            assert time.monotonic() - began < 3 * seconds, f"waited {3 * seconds} s in vain; {self.ask('squeue')}"
            time.sleep(0.5)
        return time.monotonic() - began

    def clear(self) -> None:
        """No job is on the cluster, and every node is up: a test that failed may have left one without power."""
        for node in range(1, self.nodes + 1):
            self.control("boot", str(node))
        self.ask("scancel", "--me")
        self.wait(lambda: not self.jobs(), 120)


def left_on_nodes(cluster: Cluster, *jobs: str) -> list[str]:
    """Folders that lie on the scratch of the cluster's nodes: of these jobs, or of any.

    Those of a node that lost its power may stay, when the job never comes back.
    """
    found: list[str] = []
    for node in range(1, cluster.nodes + 1):
        listed = cluster.control("exec", str(node), "ls", "/tmp/ray").split()
        found += [name for name in listed if name.endswith(f"-c{cluster.environment['CLUSTER_ID']}n{node}")]
    return [name for name in found if not jobs or name.startswith(tuple(f"ns{job}-" for job in jobs))]


def started(cluster: Cluster) -> Generator[Cluster]:
    lacking = [name for name in PROGRAMS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
    if os.getuid() != 0 or lacking:
        pytest.skip(f"needs root and {', '.join(lacking) or 'nothing else'}: tests/install-system")
    cluster.up()
    try:
        yield cluster
    finally:
        cluster.control("down")


NUMBER = os.environ.get("CLUSTER_ID", "9")


@pytest.fixture(scope="session")
def slurm() -> Generator[Cluster]:
    yield from started(Cluster(NUMBER))


@pytest.fixture
def cluster(slurm: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Cluster]:
    """The cluster with no job on it, a site file and a sweep file; the jobs of the test end with it."""
    (tmp_path / "site.toml").write_text(SITE)
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    monkeypatch.chdir(tmp_path)
    yield slurm
    slurm.clear()
